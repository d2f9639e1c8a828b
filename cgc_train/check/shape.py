"""What a model is made of, in numbers: read off its configuration and counted on PyTorch's meta device.

No weight is loaded or allocated, so the real 8B model is measured in a fraction of a second on any machine.

The bytes that forward and backward passes hold beside the weights follow from the sizes: per-layer coefficients were
read off what autograd saves in transformers' layers (the tests measure them again). Attention is taken to be fused:
nothing of size tokens x tokens is kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cgc_train.protocols import ModelConfig, TextConfig, VisionConfig

# TRL's fused head projects this many tokens onto this much of the vocabulary at a time.
HEAD_TOKENS, HEAD_COLUMNS = 4096, 32768
# What the vision tower gives of every image token: the token itself, and three features for deeper layers.
FEATURES = 4


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a Qwen3-VL model; every count is of parameters unless it says otherwise."""

    linears: Mapping[str, tuple[int, int]]  # module name -> (inputs, outputs) of every linear layer
    total: int
    vision: int  # the vision tower with its mergers
    embedding: int
    head: int  # 0 where it is tied to the embedding
    layers: int
    hidden: int
    attention: int  # width of all query heads together
    key_value: int  # width of all key heads together
    intermediate: int
    vocabulary: int
    context: int  # most tokens of prompt and completion
    vision_depth: int
    vision_hidden: int
    vision_intermediate: int
    patch: int  # pixels on a side
    merge: int  # patches on a side that become one token
    patch_values: int  # numbers the processor hands over per patch

    @property
    def token_pixels(self) -> int:
        """Pixels on a side of what one image token stands for."""
        return self.patch * self.merge

    @property
    def language_linears(self) -> dict[str, tuple[int, int]]:
        """The linear layers of the language model, its head left out."""
        return {name: size for name, size in self.linears.items() if ".language_model." in f".{name}"}

    def adapter(self, targets: str, rank: int) -> int:
        """Parameters of LoRA adapters: `rank * (inputs + outputs)` for every module that `targets` matches."""
        return sum(rank * sum(size) for name, size in self.linears.items() if re.fullmatch(targets, name))

    def cache_bytes(self, width: int) -> int:
        """Bytes of the key-value cache per token, for numbers of `width` bytes."""
        return 2 * self.layers * self.key_value * width


def measure(config: ModelConfig) -> ModelShape:
    """The shape of the model of a `Qwen3VLConfig` (or one with the same fields), built on the meta device."""
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
    )


def _text(config: TextConfig) -> dict[str, int]:
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return {
        "layers": config.num_hidden_layers,
        "hidden": config.hidden_size,
        "attention": config.num_attention_heads * head,
        "key_value": config.num_key_value_heads * head,
        "intermediate": config.intermediate_size,
        "vocabulary": config.vocab_size,
        "context": config.max_position_embeddings,
    }


def _vision(config: VisionConfig) -> dict[str, int]:
    return {
        "vision_depth": config.depth,
        "vision_hidden": config.hidden_size,
        "vision_intermediate": config.intermediate_size,
        "patch": config.patch_size,
        "merge": config.spatial_merge_size,
        "patch_values": config.in_channels * config.temporal_patch_size * config.patch_size**2,
    }


def decoder_layer(shape: ModelShape, width: int) -> int:
    """Bytes per token that autograd saves in one layer of the language model, for activations of `width` bytes.

    Norms keep a copy in float32; linear layers their inputs; attention its queries, keys, values and output.
    """
    norms = 8 * shape.hidden + 4 * (shape.attention + shape.key_value)
    inputs = 4 * shape.hidden + 3 * (shape.attention + shape.key_value) + 4 * shape.intermediate
    return norms + width * inputs


def adapters_of_layer(shape: ModelShape) -> int:
    """Bytes per token that LoRA adds in one layer: the inputs of its seven modules, cast to float32."""
    return 4 * (5 * shape.hidden + shape.attention + shape.intermediate)


def vision_block(shape: ModelShape, width: int) -> int:
    """Bytes per patch that autograd saves in one block of the vision tower."""
    return width * (11 * shape.vision_hidden + 2 * shape.vision_intermediate)


def vision_forward(shape: ModelShape, width: int) -> int:
    """Bytes per patch while one block runs without gradients: queries, keys, values, and both sides of the MLP."""
    return width * (6 * shape.vision_hidden + 2 * shape.vision_intermediate)


def image_features(shape: ModelShape, width: int) -> int:
    """Bytes per patch that the vision tower leaves while the language model reads a prompt.

    Its last hidden state, and every feature of a token twice: as the tower gave it, and joined across images.
    """
    return width * (shape.vision_hidden + 2 * FEATURES * shape.hidden // shape.merge**2)


def decoder_forward(shape: ModelShape, width: int, adapters: int = 0) -> int:
    """Bytes per token while one layer runs without gradients, at their peak in the gated MLP.

    Always there: the embeddings, the layer's input, the residual, and its norm. `adapters`: bytes of a number in their
    weights, 0 without any. PEFT casts the input of a projection to them, and holds the output of its adapter twice,
    before and after it is scaled, beside the output of the frozen projection. float32 adapters so take four times what
    the output of a bfloat16 model takes.
    """
    cast = adapters if adapters != width else 0
    mlp = 2 * (width + adapters) if adapters else 3 * width
    return (4 * width + cast) * shape.hidden + mlp * shape.intermediate


def language_model(shape: ModelShape, tokens: int, width: int, *, checkpointing: bool, lora: bool) -> int:
    """Bytes kept for the backward pass of the language model over `tokens` tokens.

    With checkpointing: every layer's input, and one layer recomputed together with its gradients. With adapters the two
    stay below one layer, since autocast keeps inputs in the model's type, and the backward pass frees what it has used.
    Where all weights train they are not measured, so the room stays.
    """
    layer = decoder_layer(shape, width) + (adapters_of_layer(shape) if lora else 0)
    if not checkpointing:
        return tokens * layer * (shape.layers + 1)
    return tokens * (shape.layers * shape.hidden * width + 2 * layer)


def vision_tower(shape: ModelShape, patches: int, width: int, *, checkpointing: bool, trains: bool) -> int:
    """Bytes for `patches` patches in the vision tower; only a passing block's where the tower does not train."""
    if not trains:
        return patches * vision_forward(shape, width)
    block = vision_block(shape, width)
    if not checkpointing:
        return patches * block * (shape.vision_depth + 1)
    return patches * (shape.vision_depth * shape.vision_hidden * width + 2 * block)


def head(shape: ModelShape, tokens: int, width: int, *, trains: bool) -> int:
    """Bytes of TRL's fused head over `tokens` completion tokens: one tile, and what is summed up in float32.

    The logits of the whole vocabulary are never held; the gradient of a head that trains is, in float32.
    """
    tile = min(tokens, HEAD_TOKENS) * min(shape.vocabulary, HEAD_COLUMNS) * width
    return tile + 4 * tokens * shape.hidden + (4 * shape.vocabulary * shape.hidden if trains else 0)
