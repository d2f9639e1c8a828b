"""Runs and measures training for `scripts/check_gpu.py`, and compares the memory that it uses with the memory plan."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from subprocess import Popen
from typing import Any

from cgc_data.common.errors import CgcError
from cgc_train.check.context import Context
from cgc_train.check.numbers import plan_memory
from cgc_train.check.planned import GB
from cgc_train.recipe import load_recipe
from cgc_train.run import open_run
from scripts.gpu_machine import ROOT, Machine, StageError


def completions(machine: Machine, step: int, per_device: int, length: int) -> list[str]:
    """Settings for a training step with `step` completions of at most `length` tokens."""
    passes = f"grpo.gradient_accumulation_steps={step // per_device}"
    tokens = length // 8 if machine.rehearse else length
    return [f"effective_batch={step}", passes, f"grpo.max_completion_length={tokens}", "grpo.logging_steps=1"]


def train(machine: Machine, name: str, command: str, recipe: str, *over: str, seconds: float = 240) -> dict[str, Any]:
    """Measure a run of `sft` or `grpo`. For `grpo`, add the memory plan for the same settings."""
    settings, run = machine.settings(*over), machine.work / name
    process = machine.start(name, *measuring(machine, name, command, recipe, *settings, "--to", str(run)))
    facts = plan_facts(machine, recipe, over) if command == "grpo" else {}
    return outcome(machine, name, process, facts, seconds)


def outcome(
    machine: Machine, name: str, process: "Popen[bytes]", facts: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Wait for a measured run, and return `facts` with the run's measurements added. If the run fails, the StageError
    contains the measurements so far.
    """
    try:
        machine.wait(name, process, seconds)
    except StageError as error:
        error.facts = facts | so_far(machine, name)
        raise
    return facts | so_far(machine, name)


def so_far(machine: Machine, name: str) -> dict[str, Any]:
    """The available measurements and outputs of a run."""
    file, run = machine.work / f"{name}.json", machine.work / name
    facts = measured(machine, name) if file.exists() else {}
    return facts | (of_run(run) if (run / "recipe.yaml").exists() else {})


def measuring(machine: Machine, name: str, *command: str) -> list[str]:
    """Arguments that run a `cgc-train` command and write its measurements to NAME.json."""
    return [str(ROOT / "scripts" / "measure_training.py"), str(machine.work / f"{name}.json"), *command]


def plan_facts(machine: Machine, recipe: str, over: Sequence[str]) -> dict[str, Any]:
    """A run's recipe and settings, and the gigabytes that the plan predicts for sampling and for learning."""
    facts = {"recipe": recipe, "settings": list(over)}
    try:
        context = Context(load_recipe(recipe, [*machine.settings(*over), "gpu_memory_gb=1000"]))
        plan = plan_memory(context)
    except CgcError as error:  # the measurements so far are still useful
        return facts | {"not_planned": str(error)}
    found = {"sampling": plan.at("sampling") / GB, "learning": plan.at("learning") / GB}
    return facts | {"plan": {**found, "longest": asdict(context.longest)}}


def measured(machine: Machine, name: str) -> dict[str, Any]:
    """Measurements of a command: facts about the model, and a summary of each phase."""
    facts = json.loads((machine.work / f"{name}.json").read_text(encoding="utf-8"))
    phases: dict[str, list[dict[str, Any]]] = {}
    for phase in facts["phases"]:
        phases.setdefault(phase.pop("phase"), []).append(phase)
    found = {name: facts[name] for name in ("seconds", "error", "at_error", "model") if facts[name]}
    return found | {name: summed(parts) for name, parts in phases.items()}


def summed(parts: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Seconds of each repetition of a phase, the highest memory peak, and tokens per second."""
    seconds = [round(part["seconds"], 3) for part in parts]
    peaks = ("allocated_gb", "reserved_gb", "longest_prompt", "longest", "rows")
    found: dict[str, Any] = {key: max(part[key] for part in parts) for key in peaks if key in parts[0]}
    if tokens := sum(part.get("tokens", 0) for part in parts):
        found |= {"tokens": tokens, "tokens_per_second": tokens / sum(seconds)}
    return {"seconds": seconds, **found}


def of_run(folder: Path) -> dict[str, Any]:
    """Outputs of a run: losses, gradient norms, rewards, held-out answers, and files."""
    run = open_run(folder)
    lines: list[Mapping[str, Any]] = [line for line in run.metrics() if line["kind"] == "train" and "loss" in line]
    wanted = ("step", "loss", "grad_norm", "kl", "reward", "reward_std", "step_time", "mean_token_accuracy")
    return {
        "train": [{key: line[key] for key in wanted if key in line} for line in lines],
        "held_out": {step: len(run.held_out(step)) for step in run.held_out_steps()},
        "checkpoints": [path.name for path in run.checkpoints()],
        "model_mb": {path.name: path.stat().st_size / 1e6 for path in run.model_folder.glob("*.safetensors")},
        "largest_adapter_weight": largest_adapter_weight(run.model_folder / "adapter_model.safetensors"),
        "versions": run.environment().get("versions", {}),
    }


def largest_adapter_weight(file: Path) -> float | None:
    """The largest absolute weight in the B matrices of the LoRA adapters. These matrices start at zero.

    None if there are no adapters.
    """
    from safetensors.torch import load_file

    if not file.exists():
        return None
    return max(float(weight.abs().max()) for name, weight in load_file(file).items() if "lora_B" in name)
