"""Estimates the memory that forward and backward passes need in addition to the weights.

The estimate is computed only from the sizes of the model and its inputs. The coefficients for each layer are derived
from the tensors that autograd saves in the layer classes of the transformers library. Tests compare the coefficients
with measurements. Attention is assumed to be fused, so no tokens x tokens matrix is stored.
"""

from cgc_train.check.shape import LinearAttention, ModelShape

# TRL's fused head projects this many tokens onto this much of the vocabulary at a time.
HEAD_TOKENS, HEAD_COLUMNS = 4096, 32768
# Chunk size, in tokens, of the linear attention rule.
CHUNK = 64


def decoder_layer(shape: ModelShape, width: int) -> int:
    """Bytes per token that autograd saves in one layer of the language model.

    `width` is the number of bytes per activation value.

    If only some layers use linear attention, the function computes the value for both kinds of layers and returns the
    larger one. For the backward pass, norms keep a float32 copy of their input, linear layers keep their inputs, and
    attention keeps its queries, keys, values, and output.
    """
    return max(attending_layer(shape, width), linear_layer(shape, width))


def attending_layer(shape: ModelShape, width: int) -> int:
    """Bytes per token that autograd saves in a layer with full attention."""
    mixed = (shape.attention + shape.key_value) * (4 + 3 * width)
    if shape.linear:  # these models gate full attention, and their norms are centered on zero
        mixed += 4 * width * shape.attention + (4 - width) * shape.key_value
    return _norms(shape, width) + mixed + _mlp(shape, width)


def linear_layer(shape: ModelShape, width: int) -> int:
    """Bytes per token that autograd saves in a linear attention layer; 0 if the model has no such layer.

    The value applies to the chunked PyTorch implementation, which transformers uses if `flash-linear-attention` is not
    installed.
    """
    if not shape.linear:
        return 0
    return _norms(shape, width) + _rule(shape.linear, width) + _mlp(shape, width)


def _rule(linear: LinearAttention, width: int) -> int:
    """Bytes per token for the keys, values, and chunks of linear attention. Keys are repeated to match the number of
    value heads.
    """
    repeated = linear.heads * linear.key_head
    mixed = 4 * width * linear.keys + (16 + 8 * width) * repeated + (24 + 5 * width) * linear.values
    # in float32: five token-by-token matrices per chunk, its state, and ten numbers per token
    chunk = 4 * (5 * CHUNK + linear.key_head * linear.value_head // CHUNK + 10)
    return mixed + linear.heads * chunk


def _norms(shape: ModelShape, width: int) -> int:
    return shape.hidden * (16 + 2 * width if shape.linear else 8 + 4 * width)


def _mlp(shape: ModelShape, width: int) -> int:
    """Bytes per token for the gated MLP. In mixture-of-experts models, the MLP consists of the shared expert and the
    experts to which the token is routed.
    """
    if not shape.experts:
        return 4 * width * shape.intermediate
    chosen = shape.experts.chosen * (3 * shape.hidden + 4 * shape.experts.intermediate)
    shared = 4 * shape.intermediate + 2 * shape.hidden if shape.intermediate else 0
    return width * (chosen + shared)


def adapters_of_layer(shape: ModelShape) -> int:
    """Bytes that LoRA adds per token and layer, because it casts the inputs of linear layers to float32."""
    return 4 * sum(inputs for inputs, _ in shape.language_linears.values()) // shape.layers


def vision_block(shape: ModelShape, width: int) -> int:
    """Bytes per patch that autograd saves in one block of the vision tower."""
    return width * (11 * shape.vision_hidden + 2 * shape.vision_intermediate)


def vision_forward(shape: ModelShape, width: int) -> int:
    """Bytes per image patch that are in use while one vision block runs without gradients.

    The estimate covers the block's queries, keys, and values, and the hidden layer of its MLP before and after the
    activation.
    """
    return width * (6 * shape.vision_hidden + 2 * shape.vision_intermediate)


def image_features(shape: ModelShape, width: int) -> int:
    """Bytes per image patch that the output of the vision tower occupies while the language model reads a prompt.

    The vision tower keeps its last hidden state. The tower also keeps every image feature twice: once per image, and
    once concatenated over all images.
    """
    return width * (shape.vision_hidden + 2 * shape.features * shape.hidden // shape.merge**2)


def decoder_forward(shape: ModelShape, width: int, adapters: int = 0) -> int:
    """Peak bytes per token while one layer of the language model runs without gradients.

    The peak occurs in the gated MLP or in linear attention. For linear attention, the estimate is the number of bytes
    that autograd saves during training.

    The embeddings, the layer's input, the residual, and the normalized residual are always in memory.

    `adapters` is the number of bytes per adapter weight, or 0 without adapters. PEFT casts the input of a projection to
    the type of the adapters. PEFT keeps the adapter output twice, before and after scaling, in addition to the output
    of the frozen projection. So the outputs of a float32 adapter take four times as much memory as the output of a
    frozen bfloat16 projection.
    """
    cast = adapters if adapters != width else 0
    mlp = (2 * (width + adapters) if adapters else 3 * width) * shape.intermediate
    if shape.experts:
        mlp += width * shape.experts.chosen * (3 * shape.experts.intermediate + 2 * shape.hidden)
    rule = _rule(shape.linear, width) if shape.linear else 0
    return (4 * width + cast) * shape.hidden + max(mlp, rule)


def language_model(shape: ModelShape, tokens: int, width: int, *, checkpointing: bool, lora: bool) -> int:
    """Bytes kept for the backward pass of the language model over `tokens` tokens.

    With gradient checkpointing, the result is the memory for the input of every layer, plus twice the activations of
    one layer: once for the layer that is recomputed, and once for its gradients.

    Counting the activations twice leaves a safety margin. In practice, the recomputed layer and its gradients together
    need less memory. With adapters, the two together even need less than this function counts for one layer, because
    autocast keeps inputs in the model's data type, and the backward pass frees tensors after use. In a GPU run that
    trained all weights, the memory for one layer was also enough for both (docs/gpu.md).
    """
    adapters = adapters_of_layer(shape) if lora else 0
    layer = decoder_layer(shape, width) + adapters
    if not checkpointing:
        linear = shape.layers - shape.attending
        every = shape.attending * attending_layer(shape, width) + linear * linear_layer(shape, width)
        return tokens * (every + shape.layers * adapters + layer)
    return tokens * (shape.layers * shape.hidden * width + 2 * layer)


def vision_tower(shape: ModelShape, patches: int, width: int, *, checkpointing: bool, trains: bool) -> int:
    """Bytes of the vision tower's activations for `patches` image patches. A frozen tower keeps only the activations of
    the current block.
    """
    if not trains:
        return patches * vision_forward(shape, width)
    block = vision_block(shape, width)
    if not checkpointing:
        return patches * block * (shape.vision_depth + 1)
    return patches * (shape.vision_depth * shape.vision_hidden * width + 2 * block)


def head(shape: ModelShape, tokens: int, width: int, *, trains: bool) -> int:
    """Bytes that TRL's fused language model head needs for `tokens` completion tokens.

    The head keeps one tile of logits and a float32 gradient of the hidden states in memory, but never the logits for
    the full vocabulary. A trainable head also keeps a float32 gradient of its weights.
    """
    tile = min(tokens, HEAD_TOKENS) * min(shape.vocabulary, HEAD_COLUMNS) * width
    return tile + 4 * tokens * shape.hidden + (4 * shape.vocabulary * shape.hidden if trains else 0)
