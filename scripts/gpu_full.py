"""Stages of `scripts/check_gpu.py` that train all weights of the language model on one GPU with 140 GB or more.

The recipe is meant for several GPUs. Its float32 tensors do not all fit on one GPU, so each stage omits or shrinks a
different part of them.
"""

from collections.abc import Sequence
from typing import Any

from scripts.gpu_machine import Machine
from scripts.gpu_runs import completions, measuring, outcome, plan_facts

FULL = "qwen3-vl-8b-full"
# Number of completions that one of the recipe's GPUs samples for a step, and number that it learns from at a time.
SHARE, PER_DEVICE = 16, 2
# A checkpoint would have up to 115 GB.
SETTINGS = ("gpus=1", "data.held_out_every=0", 'grpo.save_strategy="no"')


def full_adam8(machine: Machine) -> dict[str, Any]:
    """Run two steps under ZeRO-3 as in the recipe, but with Adam's optimizer states in 8 bits."""
    optimizer = [] if machine.rehearse else ["grpo.optim=adamw_bnb_8bit"]  # needs a GPU
    steps = [*completions(machine, SHARE, PER_DEVICE, 128), "grpo.max_steps=2", *optimizer]
    return _train(machine, "full-adam8", "zero3", steps, seconds=180)


def full_adam32(machine: Machine) -> dict[str, Any]:
    """Run two steps under ZeRO-3 with Adam's optimizer states in float32.

    To save memory, the run has no reference model and samples half as many completions per GPU as the recipe.
    """
    steps = [*completions(machine, SHARE // 2, PER_DEVICE, 128), "grpo.max_steps=2", "grpo.beta=0"]
    return _train(
        machine, "full-adam32", "zero3", steps, seconds=150, PYTORCH_CUDA_ALLOC_CONF="expandable_segments:True"
    )


def full_long(machine: Machine) -> dict[str, Any]:
    """Run one step with completions as long as the recipe allows.

    The run has one process, does not use DeepSpeed, and keeps all tensors in bfloat16.
    """
    steps = [*completions(machine, SHARE, PER_DEVICE, 1024), "grpo.max_steps=1"]
    return _train(machine, "full-long", "cpu" if machine.rehearse else "ddp", steps, seconds=190)


def _train(
    machine: Machine, name: str, file: str, steps: Sequence[str], seconds: float, **variables: str
) -> dict[str, Any]:
    """Measure training, and compare the memory that it uses with the memory plan for the same settings. The model is
    not saved.
    """
    over = (*SETTINGS, f"accelerate={file}", *steps)
    launch = machine.launch(file) if file == "zero3" else []
    backend = ["grpo.ddp_backend=gloo"] if launch and machine.rehearse else []
    command = ["--only-train", "grpo", FULL, *machine.settings(*over, *backend), "--to", str(machine.work / name)]
    process = machine.start(name, *launch, *measuring(machine, name, *command), **variables)
    return outcome(machine, name, process, plan_facts(machine, FULL, over), seconds)
