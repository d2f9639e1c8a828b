"""The batch arithmetic of GRPO: how many completions are sampled, compared and learned from at a time.

Counted for the processes the recipe is written for, whatever machine the arithmetic runs on.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

from cgc_train.protocols import GrpoArguments
from cgc_train.recipe import Recipe
from cgc_train.recipe.arguments import grpo_config


@dataclass(frozen=True)
class Batch:
    """Numbers of completions; a group is the `generations` completions of one prompt."""

    generations: int
    per_device: int  # in one forward pass of one process
    processes: int
    accumulation: int  # forward passes per optimiser step
    steps_per_generation: int  # forward passes fed by one round of sampling
    iterations: int  # times each sampled batch is learned from

    @property
    def effective(self) -> int:
        """Completions per optimiser step, over all processes."""
        return self.per_device * self.processes * self.accumulation

    @property
    def sampled(self) -> int:
        """Completions of one round of sampling, over all processes."""
        return self.per_device * self.processes * self.steps_per_generation

    @property
    def sampled_here(self) -> int:
        """Completions of one round of sampling, of one process."""
        return self.per_device * self.steps_per_generation

    @property
    def passes_per_round(self) -> int:
        """Forward passes between two rounds of sampling."""
        return self.steps_per_generation * self.iterations


def arguments(recipe: Recipe) -> GrpoArguments:
    """TRL's GRPOConfig of a recipe as this machine can build it: without a GPU, all processes' batches as one.

    Every value is the one that the run will have, but `per_device_*_batch_size` is that of all processes together, so
    that TRL's own checks of divisibility hold for them. Raises RecipeError for what TRL refuses.
    """
    from trl import GRPOConfig

    def together(key: str) -> int:
        return int(recipe.grpo.get(key, getattr(GRPOConfig, key))) * recipe.gpus

    sizes = {key: together(key) for key in ("per_device_train_batch_size", "per_device_eval_batch_size")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # names that are to change: the run itself says so
        return grpo_config(recipe, Path(recipe.name), use_cpu=True, bf16=False, fp16=False, tf32=None, **sizes)


def batch(recipe: Recipe, config: GrpoArguments) -> Batch:
    """The batch arithmetic of a recipe; `config` is what `arguments` gave."""
    return Batch(
        generations=config.num_generations,
        per_device=config.per_device_train_batch_size // recipe.gpus,
        processes=recipe.gpus,
        accumulation=config.gradient_accumulation_steps,
        steps_per_generation=config.steps_per_generation,
        iterations=config.num_iterations,
    )
