"""Estimates how much GPU memory a run needs while it samples completions and while it learns from them.

A gigabyte is 10^9 bytes. A GPU that is sold as an 80 GB GPU has about 6 % more than 80 * 10^9 bytes. This surplus is
the margin for everything that the estimate does not cover, such as fragmentation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cgc_train.check import phases
from cgc_train.check.batch import batch
from cgc_train.check.planned import DIVIDED, GB, Longest, Part, PlannedRun, When
from cgc_train.check.shape import ModelShape
from cgc_train.check.states import MASTER, states
from cgc_train.protocols import GrpoArguments
from cgc_train.recipe import Recipe

# CUDA context, cuBLAS, and NCCL: our estimate, about what nvidia-smi shows for an idle process with NCCL.
CONTEXT = 3 * GB // 2
# The largest image that the model's processor allows (pixels).
LARGEST_IMAGE = 16_777_216


@dataclass(frozen=True)
class MemoryPlan:
    """The planned memory use of one GPU. `sequences` is the number of maximum-length sequences that fit into vLLM's
    cache.
    """

    parts: tuple[Part, ...]
    available: int | None  # bytes of GPU memory; None without a GPU
    sequences: float | None = None

    def at(self, when: When) -> int:
        """Bytes in use while sampling or while learning."""
        return sum(part.bytes for part in self.during(when))

    @property
    def peak(self) -> int:
        """Bytes in use in the phase (sampling or learning) that needs more memory."""
        return self.at(self.fuller)

    @property
    def fits(self) -> bool:
        """Whether the peak memory use fits into GPU memory."""
        return self.available is None or self.peak <= self.available

    @property
    def fuller(self) -> When:
        """The phase that needs more memory."""
        return "sampling" if self.at("sampling") >= self.at("learning") else "learning"

    def during(self, when: When) -> list[Part]:
        """List the parts of the plan that are in use in the given phase: while sampling or while learning."""
        return [part for part in self.parts if part.when in ("always", when)]

    def held(self) -> list[Part]:
        """List the parts of the plan that are in use at the peak, largest first."""
        return sorted(self.during(self.fuller), key=lambda part: -part.bytes)


def memory_plan(shape: ModelShape, recipe: Recipe, config: GrpoArguments, longest: Longest) -> MemoryPlan:
    """Compute the memory plan of a GRPO run. `config` is the return value of `cgc_train.check.batch.arguments`."""
    run = PlannedRun(shape, recipe, config, batch(recipe, config), longest)
    parts = tuple(part for part in _parts(run) if part.bytes)
    available = None if recipe.gpu_memory_gb is None else int(recipe.gpu_memory_gb * GB)
    return MemoryPlan(parts, available, phases.sequences(run) if run.colocated else None)


def checkpoint_bytes(shape: ModelShape, recipe: Recipe, config: GrpoArguments) -> int:
    """Size in bytes of one checkpoint on disk, summed over all GPUs.

    A checkpoint contains the weights and the optimizer state. With LoRA, only the weights of the adapters are stored.
    If the optimizer keeps a float32 copy of the trained weights, this copy is part of the optimizer state.
    """
    run = PlannedRun(shape, recipe, config, batch(recipe, config), Longest(0, 0))
    weights = run.trained * run.trained_width if recipe.model.lora else run.base
    kept = [part.bytes for part in states(run) if part.name in ("optimizer", MASTER)]
    gpus = recipe.gpus if "optimizer" in DIVIDED[recipe.sharing] else 1
    return weights + (0 if config.save_only_model else gpus * sum(kept))


def _parts(run: PlannedRun) -> Iterator[Part]:
    yield from states(run)
    yield from phases.learning(run)
    yield from phases.sampling(run)
    pixels = run.batch.sampled_here * run.longest.patches * run.shape.patch_values * 4
    yield Part("pixels of the sampled batch", pixels, "always")
    if run.recipe.gpu_memory_gb is not None:
        yield Part("CUDA context", CONTEXT, "always")
