"""What autograd keeps of a pass."""

from typing import Any

import torch


def saved(module: torch.nn.Module, *given: Any, **named: Any) -> int:
    """Bytes that autograd keeps for the backward pass, each storage once, without parameters."""
    kept: dict[int, int] = {}
    alive: list[torch.Tensor] = []  # or a storage might come to the place of one that is gone
    weights = {parameter.untyped_storage().data_ptr() for parameter in module.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        alive.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = module(*given, **named)
    del output
    return sum(kept.values())
