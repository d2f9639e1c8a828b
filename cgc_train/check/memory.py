"""The memory plan of a run: the computed memory use of each GPU while it samples and while it learns.

Gigabytes are 10^9 bytes. A card sold as 80 GB has about 6 % more; the difference is the margin for everything outside
the plan, such as fragmentation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cgc_train.check import activations as sizes
from cgc_train.check.batch import Batch, batch
from cgc_train.check.shape import ModelShape
from cgc_train.protocols import GrpoArguments
from cgc_train.recipe import Recipe

When = Literal["always", "sampling", "learning"]

GB = 10**9
WIDTH = {"float32": 4, "bfloat16": 2}
# Four bits per weight, and two levels of scales: 8 bits per 64 weights, 32 bits per 256 of those.
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
MASTER = "float32 copy of trained weights"
HEAD = "lm_head"  # is not quantized
# What is sharded across the GPUs.
DIVIDED: dict[str, frozenset[str]] = {
    "cpu": frozenset(),
    "ddp": frozenset(),
    "zero2": frozenset({"gradients", "optimizer"}),
    "zero3": frozenset({"weights", "gradients", "optimizer", "reference"}),
    "fsdp2": frozenset({"weights", "gradients", "optimizer", "reference"}),
}
DEEPSPEED = frozenset({"zero2", "zero3"})
# DeepSpeed's defaults, in 2-byte numbers: buckets for reduction and gathering; weights that ZeRO-3 keeps gathered.
BUCKET, LIVE = 5 * 10**8, 10**9
# ZeRO-3 updates this many weights at a time, by DeepSpeed's default; the one that reaches it is included.
STEP = 10**9
# The CUDA context, cuBLAS, and NCCL. Our estimate; nvidia-smi shows about as much for an idle process with NCCL.
CONTEXT = 3 * GB // 2
# CUDA graphs and buffers of vLLM. Our estimate.
VLLM_OVERHEAD = GB
# vLLM profiles the vision tower with images of this many tokens (set by TRL), or with the largest image if larger.
TRIED_TOKENS = 4096
# The largest image that the model's processor allows (pixels).
LARGEST_IMAGE = 16_777_216


@dataclass(frozen=True)
class Longest:
    """The largest row of the data: tokens of its prompt including images, and patches of its images."""

    tokens: int
    patches: int


@dataclass(frozen=True)
class Part:
    """Bytes on one GPU, and when they are in use."""

    name: str
    bytes: int
    when: When


@dataclass(frozen=True)
class MemoryPlan:
    """The memory use of one GPU; `sequences` is how many samples of maximum length fit into vLLM's cache."""

    parts: tuple[Part, ...]
    available: int | None  # bytes of GPU memory; None without a GPU
    sequences: float | None = None

    def at(self, when: When) -> int:
        """Bytes in use while sampling or while learning."""
        return sum(part.bytes for part in self.during(when))

    @property
    def peak(self) -> int:
        """Bytes in the phase that uses more."""
        return self.at(self.fuller)

    @property
    def fits(self) -> bool:
        """Whether the peak fits into GPU memory."""
        return self.available is None or self.peak <= self.available

    @property
    def fuller(self) -> When:
        """The phase of the peak."""
        return "sampling" if self.at("sampling") >= self.at("learning") else "learning"

    def during(self, when: When) -> list[Part]:
        """The parts in use while sampling or while learning."""
        return [part for part in self.parts if part.when in ("always", when)]

    def held(self) -> list[Part]:
        """The parts in use at the peak, largest first."""
        return sorted(self.during(self.fuller), key=lambda part: -part.bytes)


def memory_plan(shape: ModelShape, recipe: Recipe, config: GrpoArguments, longest: Longest) -> MemoryPlan:
    """The plan of a GRPO run; `config` is the result of `cgc_train.check.batch.arguments`."""
    run = _Run(shape, recipe, config, batch(recipe, config), longest)
    parts = tuple(part for part in _parts(run) if part.bytes)
    available = None if recipe.gpu_memory_gb is None else int(recipe.gpu_memory_gb * GB)
    return MemoryPlan(parts, available, _sequences(run) if run.colocated else None)


@dataclass(frozen=True)
class _Run:
    """The inputs of the plan, and values that several parts share."""

    shape: ModelShape
    recipe: Recipe
    config: GrpoArguments
    batch: Batch
    longest: Longest

    @property
    def width(self) -> int:
        """Bytes per number in activations and frozen weights."""
        return WIDTH[self.recipe.model.dtype]

    @property
    def trained(self) -> int:
        """Parameters that train."""
        model = self.recipe.model
        if model.lora:
            return self.shape.adapter(model.lora.targets, model.lora.rank)
        return self.shape.total - (self.shape.vision if model.freeze_vision else 0)

    @property
    def trained_width(self) -> int:
        """Bytes per trained weight: adapters in float32 unless quantized, FSDP2 in float32, else as loaded."""
        model = self.recipe.model
        if model.lora:
            return self.width if model.quantize else 4
        return 4 if self.recipe.sharing == "fsdp2" else self.width

    @property
    def base(self) -> int:
        """Bytes of one full copy of the model's weights as loaded."""
        if self.recipe.model.quantize is None:
            return self.shape.total * self.width
        quantized = sum(inputs * outputs for name, (inputs, outputs) in self.shape.linears.items() if name != HEAD)
        return int(quantized * NF4_BYTES) + (self.shape.total - quantized) * self.width

    @property
    def colocated(self) -> bool:
        return bool(self.config.use_vllm and self.config.vllm_mode == "colocate")

    @property
    def divided(self) -> bool:
        """Whether the weights are sharded, so that no GPU has all of them."""
        return "weights" in DIVIDED[self.recipe.sharing] and self.recipe.gpus > 1

    @property
    def sequence(self) -> int:
        """Tokens of the longest prompt plus the longest completion."""
        return self.longest.tokens + int(self.config.max_completion_length)

    def share(self, name: str, size: float) -> int:
        """Bytes per GPU of `size` bytes in total, if this part is sharded."""
        divided = name in DIVIDED[self.recipe.sharing]
        return int(size / self.recipe.gpus if divided else size)


def checkpoint_bytes(shape: ModelShape, recipe: Recipe, config: GrpoArguments) -> int:
    """Bytes of one checkpoint on disk: trained weights, and the optimizer with its float32 copy, over all GPUs."""
    run = _Run(shape, recipe, config, batch(recipe, config), Longest(0, 0))
    weights = run.trained * run.trained_width if recipe.model.lora else run.base
    states = [part.bytes for part in _states(run) if part.name in ("optimizer", MASTER)]
    gpus = recipe.gpus if "optimizer" in DIVIDED[recipe.sharing] else 1
    return weights + (0 if config.save_only_model else gpus * sum(states))


def _parts(run: _Run) -> Iterator[Part]:
    yield from _states(run)
    yield from _learning(run)
    yield from _sampling(run)
    pixels = run.batch.sampled_here * run.longest.patches * run.shape.patch_values * 4
    yield Part("pixels of the sampled batch", pixels, "always")
    if run.recipe.gpu_memory_gb is not None:
        yield Part("CUDA context", CONTEXT, "always")


def _states(run: _Run) -> Iterator[Part]:
    lora, deepspeed = run.recipe.model.lora, run.recipe.sharing in DEEPSPEED
    trained, width = run.trained, run.trained_width
    weights = run.base + trained * width if lora else run.base + trained * (width - run.width)
    yield Part("weights", run.share("weights", weights), "always")
    # DDP copies gradients into communication buckets
    copies = 2 if run.recipe.sharing == "ddp" and run.recipe.gpus > 1 else 1
    yield Part("gradients", run.share("gradients", copies * trained * width), "always")
    master = 4 * trained if deepspeed and width < 4 else 0
    yield Part(MASTER, run.share("optimizer", master), "always")
    states = trained * _optimizer_bytes(str(run.config.optim.value), 4 if deepspeed else width)
    yield Part("optimizer", run.share("optimizer", states), "always")
    if run.config.beta and not lora:  # adapters are disabled instead
        yield Part("reference model", run.share("reference", run.base), "always")
    if run.recipe.sharing == "zero3":  # one process has it too
        yield Part("bucket of gradients", 2 * BUCKET, "always")


def _optimizer_bytes(name: str, width: int) -> float:
    """Bytes of optimizer state per trained weight: Adam keeps two numbers.

    8-bit variants use one byte each, and a float32 scale per 256 of them.
    """
    if "8bit" in name:
        return 2 * (1 + 4 / 256)
    if "adafactor" in name:
        return 0.01
    if name.startswith("sgd"):
        return 0
    return 2 * width


def _learning(run: _Run) -> Iterator[Part]:
    backward = list(_backward(run))
    yield from backward
    # the backward pass has freed its memory by then
    beyond = _stepping(run) - sum(part.bytes for part in backward)
    yield Part("step of the optimizer", max(beyond, 0), "learning")


def _backward(run: _Run) -> Iterator[Part]:
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


def _gathered(run: _Run) -> int:
    """Bytes of temporarily gathered weights, and of the communication buckets that only the backward pass has."""
    kind, shape = run.recipe.sharing, run.shape
    if run.recipe.gpus == 1 or kind in ("cpu", "ddp"):
        return 0
    if kind == "zero2":
        return 2 * 2 * min(BUCKET, run.trained)
    if kind == "zero3":
        return 2 * min(LIVE, shape.total)
    layer = (shape.total - shape.vision - shape.embedding - shape.head) // shape.layers
    return run.width * (2 * layer + shape.embedding + shape.head)


def _stepping(run: _Run) -> int:
    """Bytes while DeepSpeed updates weights: their gradients joined, and a float32 copy."""
    if run.recipe.sharing not in DEEPSPEED:
        return 0
    updated = run.share("optimizer", run.trained)
    if run.recipe.sharing == "zero3":
        updated = min(updated, STEP + run.share("optimizer", max(run.shape.embedding, run.shape.head)))
    return (run.trained_width + 4) * updated


def _sampling(run: _Run) -> Iterator[Part]:
    config, shape = run.config, run.shape
    if run.colocated:
        size = int(config.vllm_gpu_memory_utilization * (run.recipe.gpu_memory_gb or 0) * GB)
        yield Part("vLLM", size, "sampling" if config.vllm_enable_sleep_mode else "always")
    if config.use_vllm:  # a server has its own GPUs
        if run.recipe.model.lora and run.divided:
            yield Part("whole model, gathered to merge adapters", run.base, "sampling")
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


def _reading(run: _Run) -> int:
    """Bytes in addition to the cache while the language model reads all prompts of a round at once."""
    adapters = run.trained_width if run.recipe.model.lora else 0
    text = run.longest.tokens * sizes.decoder_forward(run.shape, run.width, adapters)
    images = run.longest.patches * sizes.image_features(run.shape, run.width)
    return run.batch.sampled_here * (text + images)


def _seeing(run: _Run) -> int:
    """Bytes while the vision tower encodes the images of a round."""
    return run.batch.sampled_here * run.longest.patches * sizes.vision_forward(run.shape, run.width)


def _sequences(run: _Run) -> float:
    """How many samples of maximum length fit into vLLM's cache; below 1, vLLM does not start."""
    config, shape = run.config, run.shape
    share = config.vllm_tensor_parallel_size
    size = config.vllm_gpu_memory_utilization * (run.recipe.gpu_memory_gb or 0) * GB
    tokens = max(TRIED_TOKENS, run.recipe.data.max_pixels / shape.token_pixels**2)
    encoder = tokens * shape.merge**2 * sizes.vision_forward(shape, run.width)
    deepest = tokens * shape.features * shape.hidden * run.width
    left = size - run.base / share - encoder - deepest - VLLM_OVERHEAD
    length = config.vllm_max_model_length or shape.context
    return float(left / ((length * shape.cache_bytes(run.width) + shape.state_bytes(run.width)) / share))
