"""Changes how TRL updates the weights in vLLM: clears vLLM's image cache, and sends merged weights if the model has
adapters.

To send weights to vLLM, TRL merges the adapters into the base weights, and unmerges them afterward. In bfloat16, both
operations round. Therefore, the base weights drift a little each time (TRL issue 6688), and the saved adapter no longer
matches the original base weights. This module never modifies the base weights.

vLLM caches the outputs of the vision tower. When weights change, TRL clears vLLM's text cache, but not the image cache.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeAlias

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch.distributed.tensor import DTensor

Gather: TypeAlias = Callable[[Sequence[torch.Tensor]], AbstractContextManager[None]]


def forget_images(generation: Any) -> None:
    """Make vLLM clear its image cache at every weight update."""
    send = generation.sync_weights

    def sent() -> None:
        send()
        if generation.mode == "colocate":
            generation.llm.llm_engine.reset_encoder_cache()
        elif generation.accelerator.is_main_process:
            client = generation.vllm_client
            client.session.post(f"{client.base_url}/reset_encoder_cache").raise_for_status()

    generation.sync_weights = sent


def send_merged(generation: Any) -> None:
    """Make TRL send merged weights to vLLM without merging the adapters into the trained model."""
    generation._iter_named_params = partial(merged_weights, generation.model, generation._dist.gather_params)


def merged_weights(model: PeftModel, gather: Gather) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the merged weights one at a time, under the names that they have in the base model.

    Args:
        model: a base model with LoRA adapters.
        gather: function that gathers weights if they are sharded across processes. Every process must call
            `merged_weights`, because each one contributes its shards.
    """
    base = model.get_base_model()
    layers = {
        f"{name}.base_layer.weight": layer for name, layer in base.named_modules() if isinstance(layer, LoraLayer)
    }
    for name, weight in base.named_parameters():
        if model.prefix not in name:
            layer = layers.get(name)
            with gather([weight] if layer is None else list(layer.parameters())):
                yield name.replace(".base_layer", ""), _whole(weight) if layer is None else merged(layer)


def merged(layer: LoraLayer) -> torch.Tensor:
    """Merge the adapters of a layer into a copy of its weight, in float32. The result is rounded to the type of the
    weight.
    """
    weight = layer.get_base_layer().weight
    with torch.no_grad():
        changes = [_whole(layer.get_delta_weight(adapter)).float() for adapter in layer.active_adapters]
        return sum(changes, start=_whole(weight).float()).to(weight.dtype)


def _whole(weight: torch.Tensor) -> torch.Tensor:
    """Gather a weight if FSDP2 has sharded it across processes."""
    weight = weight.detach()
    return weight.full_tensor() if isinstance(weight, DTensor) else weight
