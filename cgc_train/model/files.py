"""Checks weight files before a run loads them."""

import json
from collections.abc import Iterator
from pathlib import Path

INDEX = "model.safetensors.index.json"
# Working models have far smaller weights; larger weights lead to logits for which probabilities cannot be computed.
LARGEST = 1e8


def listed_files(folder: Path) -> set[str]:
    """The names of the weight files that the index of a sharded model lists. Empty if there is no index."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return set(map(str, index["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def damage(file: Path) -> str:
    """Describe what is wrong with a safetensors file, such as a length that does not match its header. Returns "" if
    the file is intact.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt"):
            return ""
    except (SafetensorError, OSError) as error:
        return " ".join(str(error).split())


def diverged_weight(folder: Path) -> str:
    """Find the first weight in a folder's safetensors files that is not finite or exceeds `LARGEST`.

    Returns the name of the weight, or "" if all weights are valid.
    """
    return next(_diverged(folder), "")


def _diverged(folder: Path) -> Iterator[str]:
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - not a mapping
                if not is_sound(weights.get_tensor(name)):
                    yield name


def is_sound(tensor: object) -> bool:
    """Whether all numbers in a tensor are finite and within `LARGEST`.

    If the tensor is sharded, only the shard of this process is checked.
    """
    import torch

    own = getattr(tensor, "to_local", lambda: tensor)()
    if not isinstance(own, torch.Tensor) or not own.is_floating_point() or not own.numel():
        return True
    return bool(torch.isfinite(own).all()) and float(own.detach().abs().max()) <= LARGEST
