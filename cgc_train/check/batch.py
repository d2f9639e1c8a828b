"""Computes how many completions GRPO samples, compares, and learns from at a time.

The results depend on the number of processes in the recipe, not on the current machine.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

from cgc_train.protocols import GrpoArguments
from cgc_train.recipe import Recipe
from cgc_train.recipe.arguments import grpo_config


@dataclass(frozen=True)
class Batch:
    """Batch sizes, as numbers of completions. A group consists of `generations` completions of the same prompt."""

    generations: int
    per_device: int  # completions in one forward pass of one process
    processes: int
    accumulation: int  # forward passes per optimizer step
    steps_per_generation: int  # forward passes that use the completions of one sampling round
    iterations: int  # training passes over each sampled batch

    @property
    def effective(self) -> int:
        """Number of completions per optimizer step, summed over all processes."""
        return self.per_device * self.processes * self.accumulation

    @property
    def sampled(self) -> int:
        """Number of completions per sampling round, summed over all processes."""
        return self.per_device * self.processes * self.steps_per_generation

    @property
    def sampled_here(self) -> int:
        """Number of completions per sampling round in one process."""
        return self.per_device * self.steps_per_generation

    @property
    def passes_per_round(self) -> int:
        """Number of forward passes between two sampling rounds."""
        return self.steps_per_generation * self.iterations


def arguments(recipe: Recipe) -> GrpoArguments:
    """Build TRL's GRPOConfig for a recipe. The function needs only one process and no GPU.

    The configuration has the values of the run, with two exceptions. `per_device_*_batch_size` is the sum over all
    processes, so that TRL's divisibility checks apply to the combined batch. The device is the CPU, and mixed precision
    is off.

    Raises RecipeError for values that TRL rejects.
    """
    from trl import GRPOConfig

    def together(key: str) -> int:
        return int(recipe.grpo.get(key, getattr(GRPOConfig, key))) * recipe.gpus

    sizes = {key: together(key) for key in ("per_device_train_batch_size", "per_device_eval_batch_size")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the run itself reports deprecated names
        return grpo_config(recipe, Path(recipe.name), use_cpu=True, bf16=False, fp16=False, tf32=None, **sizes)


def batch(recipe: Recipe, config: GrpoArguments) -> Batch:
    """Compute the batch sizes of a recipe. `config` is the return value of `arguments`."""
    return Batch(
        generations=config.num_generations,
        per_device=config.per_device_train_batch_size // recipe.gpus,
        processes=recipe.gpus,
        accumulation=config.gradient_accumulation_steps,
        steps_per_generation=config.steps_per_generation,
        iterations=config.num_iterations,
    )
