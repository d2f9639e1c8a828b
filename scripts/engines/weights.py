"""Compares the outputs of runs: losses, answers, and weights."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

from cgc_train.run import Run

# the tiny model's tied head, which ZeRO-2 writes twice
TIED = {"lm_head.weight"}


def losses(run: Run) -> list[float]:
    """The loss of every step."""
    return [line["loss"] for line in run.metrics() if line.get("kind") == "train" and "loss" in line]  # type: ignore[misc]


def farthest(first: list[float], second: list[float]) -> float:
    """The largest difference between two lists of losses.

    Each difference is divided by the absolute value of the loss in `second`, if that value is above one.
    """
    if len(first) != len(second) or not first:
        return float("inf")
    return max(abs(one - other) / max(1.0, abs(other)) for one, other in zip(first, second, strict=True))


def answers(run: Run, step: int = 0) -> dict[str, str]:
    """Responses to the held-out rows at a step."""
    return {row["id"]: row["response"] for row in run.held_out(step)}


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """The weights in a folder, by name. The folder contains a full model or adapters."""
    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        found |= load_file(file)
    return {name: weights for name, weights in found.items() if name not in TIED}


def difference(first: Path, second: Path) -> float:
    """The largest difference between the weights in two folders; infinite if the names of the weights differ."""
    one, other = tensors(first), tensors(second)
    if one.keys() != other.keys() or not one:
        return float("inf")
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


def count_loaded(folder: Path) -> int:
    """Number of weights that the unmodified transformers library loads from a folder; 0 if any are missing or
    unexpected.
    """
    model, told = AutoModelForImageTextToText.from_pretrained(folder, output_loading_info=True)
    if told["missing_keys"] or told["unexpected_keys"] or told["mismatched_keys"]:
        return 0
    return len(model.state_dict().keys() - TIED)
