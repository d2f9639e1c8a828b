"""Computes the memory that a run needs only for sampling, and the memory that it needs only for learning."""

from collections.abc import Iterator

from cgc_train.check import activations as sizes
from cgc_train.check.planned import GB, Part, PlannedRun
from cgc_train.check.states import BUCKET, stepping

# DeepSpeed's default number of weights that ZeRO-3 keeps gathered, at 2 bytes each.
LIVE = 10**9
# Our estimate for the CUDA graphs and buffers of vLLM.
VLLM_OVERHEAD = GB
# vLLM profiles the vision tower with images of this many tokens (set by TRL), or with the largest image if larger.
TRIED_TOKENS = 4096


def learning(run: PlannedRun) -> Iterator[Part]:
    """List the parts of the memory plan that are needed only for the backward pass and the weight update."""
    backward = list(_backward(run))
    yield from backward
    # the backward pass has freed its memory by then
    beyond = stepping(run) - sum(part.bytes for part in backward)
    yield Part("step of the optimizer", max(beyond, 0), "learning")


def _backward(run: PlannedRun) -> Iterator[Part]:
    shape, config, model = run.shape, run.config, run.recipe.model
    checkpointing, here = bool(config.gradient_checkpointing), run.batch.per_device
    kept = sizes.language_model(
        shape, here * run.sequence, run.width, checkpointing=checkpointing, lora=bool(model.lora)
    )
    yield Part("activations of the language model", kept, "learning")
    trains = not model.freeze_vision and not model.lora
    patches = here * run.longest.patches
    seen = sizes.vision_tower(shape, patches, run.width, checkpointing=checkpointing, trains=trains)
    yield Part("activations of the vision tower", seen, "learning")
    logits = sizes.head(shape, here * config.max_completion_length, run.width, trains=not model.lora)
    yield Part("vocabulary head", logits, "learning")
    yield Part("gathered weights and buckets", _gathered(run), "learning")


def _gathered(run: PlannedRun) -> int:
    """Bytes of gathered weights and communication buckets, which exist only during the backward pass."""
    kind, shape = run.recipe.sharing, run.shape
    if run.recipe.gpus == 1 or kind in ("cpu", "ddp"):
        return 0
    if kind == "zero2":
        return 2 * 2 * min(BUCKET, run.trained)
    if kind == "zero3":
        return 2 * min(LIVE, shape.total)
    layer = (shape.total - shape.vision - shape.embedding - shape.head) // shape.layers
    return run.width * (2 * layer + shape.embedding + shape.head)


def sampling(run: PlannedRun) -> Iterator[Part]:
    """List the parts of the memory plan that are needed only for sampling completions."""
    config, shape = run.config, run.shape
    if run.colocated:
        size = int(config.vllm_gpu_memory_utilization * (run.recipe.gpu_memory_gb or 0) * GB)
        yield Part("vLLM", size, "sampling" if config.vllm_enable_sleep_mode else "always")
    if config.use_vllm:  # a vLLM server has its own GPUs
        if run.recipe.model.lora and run.divided:
            yield Part("the whole model, gathered to merge the adapters", run.base, "sampling")
        return
    cache = run.batch.sampled_here * shape.cache_bytes(run.width)
    states = run.batch.sampled_here * shape.state_bytes(run.width)
    yield Part("key-value cache", cache * run.sequence + states, "sampling")
    # during prefill, the cache has no completions yet; during image encoding, it is empty
    reading = _reading(run) - cache * config.max_completion_length
    seeing = _seeing(run) - cache * run.sequence - states
    yield Part("reading the prompts", max(reading, seeing, 0), "sampling")
    if run.divided:
        yield Part("whole model, gathered to sample", run.base, "sampling")


def _reading(run: PlannedRun) -> int:
    """Bytes that the language model needs, besides the cache, to read all prompts of a sampling round at once."""
    adapters = run.trained_width if run.recipe.model.lora else 0
    text = run.longest.tokens * sizes.decoder_forward(run.shape, run.width, adapters)
    images = run.longest.patches * sizes.image_features(run.shape, run.width)
    return run.batch.sampled_here * (text + images)


def _seeing(run: PlannedRun) -> int:
    """Bytes that the vision tower needs to encode all images of a sampling round."""
    return run.batch.sampled_here * run.longest.patches * sizes.vision_forward(run.shape, run.width)


def sequences(run: PlannedRun) -> float:
    """Number of maximum-length sequences that fit into vLLM's cache. If the number is below 1, vLLM does not start."""
    config, shape = run.config, run.shape
    share = config.vllm_tensor_parallel_size
    size = config.vllm_gpu_memory_utilization * (run.recipe.gpu_memory_gb or 0) * GB
    tokens = max(TRIED_TOKENS, run.recipe.data.max_pixels / shape.token_pixels**2)
    encoder = tokens * shape.merge**2 * sizes.vision_forward(shape, run.width)
    deepest = tokens * shape.features * shape.hidden * run.width
    left = size - run.base / share - encoder - deepest - VLLM_OVERHEAD
    length = config.vllm_max_model_length or shape.context
    return float(left / ((length * shape.cache_bytes(run.width) + shape.state_bytes(run.width)) / share))
