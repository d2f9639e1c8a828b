"""Bytes that forward and backward passes of Qwen3-VL hold on a GPU, beside weights.

Per-layer coefficients were read off what autograd saves in transformers' layers (the tests measure them again).
Attention is taken to be fused: nothing of size tokens x tokens is kept.
"""

from cgc_train.check.shape import ModelShape

# TRL's fused head projects this many tokens onto this much of the vocabulary at a time.
HEAD_TOKENS, HEAD_COLUMNS = 4096, 32768


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


def decoder_forward(shape: ModelShape, width: int) -> int:
    """Bytes per token while one layer runs without gradients: the residual, a float32 norm, and the gated MLP."""
    return (2 * width + 4) * shape.hidden + 3 * width * shape.intermediate


def language_model(shape: ModelShape, tokens: int, width: int, *, checkpointing: bool, lora: bool) -> int:
    """Bytes kept for the backward pass of the language model over `tokens` tokens.

    With checkpointing: every layer's input, and one layer recomputed together with its gradients.
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
