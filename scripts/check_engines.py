"""Train under every launch file that shares the work among processes, on this machine's CPU, and compare with one.

Usage: python scripts/check_engines.py RELEASE MODEL WORK [--engines ddp fsdp2 zero2 zero3] [--processes 1 2]
`make demo` makes the release, demo/release. Its warm-up is too short for GRPO to be paid anything: make the model with
`cgc-train sft tiny-cpu sft.max_steps=400 --to warm` and give warm/model. WORK takes the runs. Each engine warms up,
warms up adapters, trains with held-out answers before, during, and after, and resumes from a checkpoint; stock
transformers loads what it leaves. zero2 and zero3 need DeepSpeed. Mixed precision is off, so that numbers can be
compared.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, rmtree

import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

from cgc_train.run import Run, open_run

ENGINES = ("ddp", "fsdp2", "zero2", "zero3")
SETTINGS = (
    "data.held_out_rows=6", "data.held_out_every=2", "sft.max_steps=4", "sft.logging_steps=1", "grpo.max_steps=4",
    "grpo.save_steps=2", "grpo.max_completion_length=200", "sft.ddp_backend=gloo", "grpo.ddp_backend=gloo",
)  # fmt: skip
ADAPTERS = ("model.lora.rank=4", "model.lora.alpha=8")


class Engine:
    """A launch file with a number of processes, and where its runs go."""

    def __init__(self, name: str, processes: int, settings: list[str], work: Path) -> None:
        self.title, self.processes = f"{name}, {processes} process{'es' * (processes > 1)}", processes
        self.folder, self.settings = work / f"{name}-{processes}", settings
        self.file = "cpu" if name == "ddp" else name  # without a GPU, data parallelism is asked for by use_cpu

    def train(self, command: str, to: str, *settings: str) -> Run:
        """A new run of `sft` or `grpo`, with batches that are as large however many processes share them."""
        size = f"{command}.per_device_train_batch_size={8 // self.processes}"
        chosen = [*self.settings, *SETTINGS, f"accelerate={self.file}", size, *settings]
        self._launch(command, "tiny-cpu", *chosen, "--to", str(self.folder / to))
        return open_run(self.folder / to)

    def resume(self, run: Run, to: str) -> Run:
        """A copy of a run as if it had been killed after its first checkpoint, resumed."""
        copy = copytree(run.folder, self.folder / to)
        rmtree(copy / "model")
        rmtree(copy / "checkpoint-4")
        self._launch("resume", str(copy))
        return open_run(copy)

    def _launch(self, *arguments: str) -> None:
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={self.processes}"]
        if self.file != "cpu":
            file = Path(__file__).parents[1] / "cgc_train" / "accelerate" / f"{self.file}.yaml"
            launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(file)]
            launch += ["--num_processes", str(self.processes), "--mixed_precision", "no"]
        variables = {"OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu", "ACCELERATE_TORCH_DEVICE": "cpu"}
        command = [*launch, __file__, "cgc-train", self.file, *arguments]
        done = subprocess.run(command, check=False, env=os.environ | variables, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{self.title}: cgc-train {arguments[0]} failed\n{done.stderr[-6000:]}")


def check(engine: Engine, plain: Run, model: Path) -> None:
    """Everything about one engine. Ends the process at the first difference."""
    warm = engine.train("sft", "sft")
    adapted = engine.train("sft", "adapters", *ADAPTERS)
    whole = engine.train("grpo", "grpo")
    resumed = engine.resume(whole, "resumed")
    steps = [line["step"] for line in whole.metrics()]
    faults = {
        "the losses of the warm-up differ": not torch.allclose(losses(warm), losses(plain), rtol=1e-3),
        "weights have other names": not names(warm) == names(adapted) == names(whole) == names(plain),
        "the warm-up left other weights": difference(warm.model_folder, plain.model_folder) > 1e-3,
        "adapters changed nothing": not difference(adapted.model_folder, model),
        "training changed nothing": not difference(whole.model_folder, model),
        "the same weights answered otherwise": not answers(warm) == answers(whole) == answers(plain),
        "held-out rows were not answered before, during, and after": whole.held_out_steps() != [0, 2, 4],
        "metrics are not in order": steps != sorted(steps),
        "the resumed run logged other steps": [line["step"] for line in resumed.metrics()] != steps,
        "the resumed run left other weights": difference(resumed.model_folder, whole.model_folder) > 1e-6,
    }
    for run in (warm, adapted, whole, resumed):
        AutoModelForImageTextToText.from_pretrained(run.model_folder)
    if found := [fault for fault, there in faults.items() if there]:
        sys.exit(f"{engine.title}: {', '.join(found)}")
    print(f"{engine.title}: as one process without it; GRPO's losses {losses(whole).tolist()}", flush=True)


def losses(run: Run) -> torch.Tensor:
    """The loss of every step."""
    return torch.tensor([line["loss"] for line in run.metrics() if line["kind"] == "train" and "loss" in line])


def answers(run: Run) -> dict[str, str]:
    """Responses to the held-out rows before training."""
    return {row["id"]: row["response"] for row in run.held_out(0)}


def names(run: Run) -> set[str]:
    """Names of the weights that a run left, but for the tiny model's tied head, which ZeRO-2 writes a second time."""
    return load_file(run.model_folder / "model.safetensors").keys() - {"lm_head.weight"}


def difference(first: Path, second: Path) -> float:
    """The largest difference between the weights of two models."""
    one, other = (load_file(folder / "model.safetensors") for folder in (first, second))
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one.keys() & other.keys())


def as_gpus() -> None:
    """Let accelerate take CPUs for FSDP, which it keeps for GPUs."""
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_GPU)


def main() -> None:
    """Check every engine with every number of processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release")
    parser.add_argument("model", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2])
    asked = parser.parse_args()
    settings = [f"data.release={asked.release}", f"model.name={asked.model}"]
    plain = Engine("ddp", 1, settings, asked.work / "plain").train("sft", "sft")
    for name in asked.engines:
        for processes in asked.processes:
            check(Engine(name, processes, settings, asked.work), plain, asked.model)


if __name__ == "__main__":
    if sys.argv[1:2] == ["cgc-train"]:
        from cgc_train.cli import main as cgc_train

        if sys.argv.pop(2) == "fsdp2":
            as_gpus()
        del sys.argv[1]
        cgc_train()
    else:
        main()
