"""Checks that one training step runs on the CPU with the recipe's launch file and a tiny model."""

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from cgc_train.check.context import Context, Finding, Unchecked, failed, ok
from cgc_train.check.stand_in import launch_words, stand_in
from cgc_train.engines import install
from cgc_train.recipe import Recipe, save_recipe
from cgc_train.tiny import write_tiny

PROCESSES = 2  # number of processes, the minimum for sharding
ERROR = re.compile(r"^(?:\[rank\d+\]: *)?(?:[\w.]+(?:Error|Exception)\b.*|Error: .*)$", re.MULTILINE)
LONGEST = 300  # maximum number of reported characters per error


def check_step(context: Context) -> Finding:
    """Check that a tiny model can run an evaluation and one training step, and can write a checkpoint and a model.

    Sizes such as the batch size, the image size, and the completion length are reduced. Settings that a tiny model on a
    CPU does not support are replaced. All other settings are the same as in the recipe.
    """
    recipe, seconds = context.recipe, context.step_seconds
    if recipe.accelerate == "cpu":
        return ok("no trial step is needed, because the recipe runs on the CPU")
    trial = f"a trial step of a tiny model with {recipe.accelerate}"
    if not seconds:
        raise Unchecked(f"{trial}: skipped")
    if recipe.sharing in ("zero2", "zero3") and find_spec("deepspeed") is None:
        raise Unchecked(f"{trial}: deepspeed is not installed; run: {install('deepspeed')}")
    processes = min(recipe.gpus, PROCESSES)
    with TemporaryDirectory(prefix="cgc-step-") as folder:
        error = take_step(recipe, processes, Path(folder), seconds, context.model_config.model_type)
    trial += f", {processes} process{'es' * (processes > 1)}"
    if error:
        return failed(f"{trial}: {error}", "correct the recipe, or set accelerate to another launch file")
    without = "; vLLM was skipped" if recipe.grpo.get("use_vllm") else ""
    return ok(f"{trial}: held-out answers, a step, a checkpoint, and a model were written{without}")


def take_step(recipe: Recipe, processes: int, folder: Path, seconds: float, family: str) -> str:
    """Run the trial step in separate processes. Returns an error message, or "" on success. Raises Unchecked if the
    step takes too long.
    """
    model = write_tiny(folder / "tiny", family=family)
    save_recipe(stand_in(recipe, model), folder / "recipe.yaml")
    words = [*launch_words(recipe.accelerate, processes), "-m", "cgc_train.check.stand_in"]
    own = {"OMP_NUM_THREADS": "1", "CGC_CACHE": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": ""}
    own |= {"DS_ACCELERATOR": "cpu", "ACCELERATE_TORCH_DEVICE": "cpu", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            [sys.executable, *words, str(folder / "recipe.yaml"), str(folder / "run")],
            env=os.environ | own, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Unchecked(
                f"the trial step of a tiny model did not finish in {seconds:g} s; to allow more time, set "
                "--step-seconds"
            ) from None
        finally:
            _end(process)
    output = (folder / "log").read_text(encoding="utf-8", errors="replace")
    return first_error(output) if code else ""


def first_error(output: str) -> str:
    """Find the first error in the output of a launcher. This error comes from a training process, because the launcher
    prints its own error later.
    """
    found = ERROR.search(output)
    line = found.group() if found else output.strip().rpartition("\n")[2]
    return re.sub(r"^\[rank\d+\]: *", "", line)[:LONGEST]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a launcher and all processes that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
