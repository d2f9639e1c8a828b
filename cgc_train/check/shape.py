"""Determines the sizes of a model from its configuration, on PyTorch's meta device.

No weights are loaded or allocated, so this takes only a fraction of a second on any machine, even for an 8B model.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cgc_train.protocols import ModelConfig, TextConfig, VisionConfig


@dataclass(frozen=True)
class Experts:
    """The routed experts of a mixture-of-experts layer, without the shared expert."""

    chosen: int  # experts per token
    intermediate: int  # width per expert


@dataclass(frozen=True)
class LinearAttention:
    """The sizes of linear attention layers, which keep a state of fixed size instead of the keys and values of every
    token.
    """

    layers: int
    keys: int  # total width of the key heads
    values: int  # total width of the value heads
    heads: int  # value heads; keys are repeated to match
    key_head: int  # width per head
    value_head: int
    window: int  # number of tokens that the convolution covers

    @property
    def state(self) -> int:
        """Number of values in the state of one layer, per sequence."""
        return self.heads * self.key_head * self.value_head

    @property
    def recent(self) -> int:
        """Number of values in the convolution state of one layer, per sequence."""
        return self.window * (2 * self.keys + self.values)


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a supported model. `total`, `vision`, `embedding`, and `head` are numbers of parameters."""

    linears: Mapping[str, tuple[int, int]]  # module name -> (inputs, outputs) of every linear layer
    total: int
    vision: int  # parameters of the vision tower, including its mergers
    embedding: int
    head: int  # 0 if the head is tied to the embedding
    layers: int
    hidden: int
    attention: int  # total width of the query heads
    key_value: int  # total width of the key heads
    intermediate: int  # width of the MLP or of the shared expert; 0 if the model has neither
    vocabulary: int
    context: int  # maximum tokens of prompt plus completion
    vision_depth: int
    vision_hidden: int
    vision_intermediate: int
    patch: int  # pixels per side
    merge: int  # patches per side that are merged into one token
    patch_values: int  # values per patch in the processor's output
    features: int  # vision tower outputs per image token: the token itself, and features for deeper layers
    experts: Experts | None = None
    linear: LinearAttention | None = None

    @property
    def token_pixels(self) -> int:
        """Side length, in pixels, of the image area that one token covers."""
        return self.patch * self.merge

    @property
    def language_linears(self) -> dict[str, tuple[int, int]]:
        """The linear layers of the language model, excluding its head."""
        return {name: size for name, size in self.linears.items() if ".language_model." in f".{name}"}

    def adapter(self, targets: str, rank: int) -> int:
        """Number of LoRA parameters: the sum of `rank * (inputs + outputs)` over all modules that `targets` matches."""
        return sum(rank * sum(size) for name, size in self.linears.items() if re.fullmatch(targets, name))

    @property
    def attending(self) -> int:
        """Number of layers with full attention, which keep keys and values for every token."""
        return self.layers - (self.linear.layers if self.linear else 0)

    def cache_bytes(self, width: int) -> int:
        """Bytes of the key-value cache per token, at `width` bytes per value."""
        return 2 * self.attending * self.key_value * width

    def state_bytes(self, width: int) -> int:
        """Bytes of the linear attention states per sequence. The recurrent state is in float32, and the convolution
        state has `width` bytes per value. The size does not depend on the sequence length.
        """
        return self.linear.layers * (4 * self.linear.state + width * self.linear.recent) if self.linear else 0


def measure(config: ModelConfig) -> ModelShape:
    """Measure the sizes of a model. The model is built from its configuration on PyTorch's meta device."""
    import torch
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    linears = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    return ModelShape(
        linears={name: (module.in_features, module.out_features) for name, module in linears.items()},
        total=sum(sizes.values()),
        vision=sum(size for name, size in sizes.items() if ".visual." in name),
        embedding=sum(size for name, size in sizes.items() if name.endswith("embed_tokens.weight")),
        head=sum(size for name, size in sizes.items() if name.startswith("lm_head.")),
        **_text(config.get_text_config()),
        **_vision(config.vision_config),
        experts=_experts(config.get_text_config()),
        linear=_linear(config.get_text_config()),
    )


def _text(config: TextConfig) -> dict[str, int]:
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return {
        "layers": config.num_hidden_layers,
        "hidden": config.hidden_size,
        "attention": config.num_attention_heads * head,
        "key_value": config.num_key_value_heads * head,
        "intermediate": _intermediate(config),
        "vocabulary": config.vocab_size,
        "context": config.max_position_embeddings,
    }


def _intermediate(config: TextConfig) -> int:
    """Width of the MLP. For a mixture-of-experts model, the width of the shared expert, or 0 if the model has none.

    If a model has experts, every layer is assumed to have experts, as in all released models.
    """
    if _experts(config):
        return int(getattr(config, "shared_expert_intermediate_size", 0))
    return config.intermediate_size


def _experts(config: Any) -> Experts | None:
    if not getattr(config, "num_experts", 0):
        return None
    return Experts(config.num_experts_per_tok, config.moe_intermediate_size)


def _linear(config: Any) -> LinearAttention | None:
    if "linear_attention" not in (getattr(config, "layer_types", None) or ()):
        return None
    return LinearAttention(
        layers=config.layer_types.count("linear_attention"),
        keys=config.linear_num_key_heads * config.linear_key_head_dim,
        values=config.linear_num_value_heads * config.linear_value_head_dim,
        heads=config.linear_num_value_heads,
        key_head=config.linear_key_head_dim,
        value_head=config.linear_value_head_dim,
        window=config.linear_conv_kernel_dim,
    )


def _vision(config: VisionConfig) -> dict[str, int]:
    return {
        "vision_depth": config.depth,
        "vision_hidden": config.hidden_size,
        "vision_intermediate": config.intermediate_size,
        "patch": config.patch_size,
        "merge": config.spatial_merge_size,
        "patch_values": config.in_channels * config.temporal_patch_size * config.patch_size**2,
        "features": 1 + len(getattr(config, "deepstack_visual_indexes", ())),
    }
