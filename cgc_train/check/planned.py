"""Defines the inputs of a run's memory plan, and computes how many bytes of each part of the plan one GPU stores."""

from dataclasses import dataclass
from typing import Literal

from cgc_train.check.batch import Batch
from cgc_train.check.shape import ModelShape
from cgc_train.protocols import GrpoArguments
from cgc_train.recipe import Recipe

When = Literal["always", "sampling", "learning"]

GB = 10**9
WIDTH = {"float32": 4, "bfloat16": 2}
# Four bits per weight, and two levels of scales: 8 bits per 64 weights, and 32 bits per 256 8-bit scales.
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
HEAD = "lm_head"  # the head is not quantized
# The parts that are sharded across the GPUs.
DIVIDED: dict[str, frozenset[str]] = {
    "cpu": frozenset(),
    "ddp": frozenset(),
    "zero2": frozenset({"gradients", "optimizer"}),
    "zero3": frozenset({"weights", "gradients", "optimizer", "reference"}),
    "fsdp2": frozenset({"weights", "gradients", "optimizer", "reference"}),
}
DEEPSPEED = frozenset({"zero2", "zero3"})


@dataclass(frozen=True)
class Longest:
    """`tokens` is the length of the longest prompt in the data, including its image tokens. `patches` is the largest
    number of image patches that one row of the data contains.
    """

    tokens: int
    patches: int


@dataclass(frozen=True)
class Part:
    """A part of the memory plan: a number of bytes on one GPU, and the phase in which they are in use."""

    name: str
    bytes: int
    when: When


@dataclass(frozen=True)
class PlannedRun:
    """The inputs of the memory plan, and values from which several of its parts are computed."""

    shape: ModelShape
    recipe: Recipe
    config: GrpoArguments
    batch: Batch
    longest: Longest

    @property
    def width(self) -> int:
        """Bytes per value in activations and frozen weights."""
        return WIDTH[self.recipe.model.dtype]

    @property
    def trained(self) -> int:
        """Number of trained parameters."""
        model = self.recipe.model
        if model.lora:
            return self.shape.adapter(model.lora.targets, model.lora.rank)
        return self.shape.total - (self.shape.vision if model.freeze_vision else 0)

    @property
    def trained_width(self) -> int:
        """Bytes per trained weight.

        Adapters are trained in float32 unless the base model is quantized. With FSDP2, a model without adapters is
        trained in float32 too. In all other cases, the weights keep the data type in which they were loaded.
        """
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
        """Whether vLLM runs in the training processes."""
        return bool(self.config.use_vllm and self.config.vllm_mode == "colocate")

    @property
    def divided(self) -> bool:
        """Whether the weights are sharded across GPUs."""
        return "weights" in DIVIDED[self.recipe.sharing] and self.recipe.gpus > 1

    @property
    def sequence(self) -> int:
        """Number of tokens in the longest prompt plus the longest completion."""
        return self.longest.tokens + int(self.config.max_completion_length)

    def share(self, name: str, size: float) -> int:
        """Number of bytes of a part that each GPU stores. The whole part has `size` bytes. If the part is sharded, each
        GPU stores an equal share. Otherwise, each GPU stores the whole part.
        """
        divided = name in DIVIDED[self.recipe.sharing]
        return int(size / self.recipe.gpus if divided else size)
