"""Files of weights, looked at before anything is trained on them or resumed from them."""

import json
from collections.abc import Iterator
from pathlib import Path

INDEX = "model.safetensors.index.json"
# No weight of a model that works comes near: beyond it, logits leave the range in which probabilities can be formed.
LARGEST = 1e8


def listed_files(folder: Path) -> set[str]:
    """Names of the files that the index of a model in several files lists; none where there is no index."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return set(map(str, index["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def damage(file: Path) -> str:
    """What is wrong with a safetensors file, "" if nothing is: its length has to be what its header says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt"):
            return ""
    except (SafetensorError, OSError) as error:
        return " ".join(str(error).split())


def diverged_weight(folder: Path) -> str:
    """The name of the first weight in a folder's safetensors files that is not finite or beyond `LARGEST`, else ""."""
    return next(_diverged(folder), "")


def _diverged(folder: Path) -> Iterator[str]:
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - not a mapping
                if not is_sound(weights.get_tensor(name)):
                    yield name


def is_sound(tensor: object) -> bool:
    """Whether every number of a tensor is finite and within `LARGEST`; of a divided one, those of this process."""
    import torch

    own = getattr(tensor, "to_local", lambda: tensor)()
    if not isinstance(own, torch.Tensor) or not own.is_floating_point() or not own.numel():
        return True
    return bool(torch.isfinite(own).all()) and float(own.detach().abs().max()) <= LARGEST
