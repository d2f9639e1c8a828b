"""Runs a warm-up, which is supervised training on the answer format, so that GRPO has valid answers to rank.

The reasoning in the training answers is written by rules and contains no coordinates. Adapters are merged into the
final model, so that `cgc-train grpo RECIPE model.name=RUN/model` can start from it.
"""

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from transformers.integrations.deepspeed import unset_hf_deepspeed_config
from trl import SFTTrainer

from cgc_data.common.progress import say
from cgc_train.callbacks import MetricsWriter
from cgc_train.console import WARM_UP, show_steps
from cgc_train.data import grades, held_out_set, training_set
from cgc_train.engines import check_gpu
from cgc_train.errors import DivergedError, RecipeError
from cgc_train.model import (
    check_taught,
    check_template,
    load_config,
    load_processor,
    load_trained,
    lora_config,
    quantisation,
)
from cgc_train.model.load import freeze_vision, keep_names, route_quietly
from cgc_train.protocols import Processor, TrainingArguments
from cgc_train.recipe import Recipe
from cgc_train.recipe.arguments import sft_config
from cgc_train.run import Run, check_free, create_run, image_folder, without_usage_ping, written_to_disk
from cgc_train.sampling import EpochSampler
from cgc_train.skill import HeldOutSkill

ADAPTER = "adapter"


class WarmUpTrainer(SFTTrainer):  # type: ignore[misc]
    """A version of TRL's SFTTrainer that keeps the recipe's row order, and raises DivergedError if the loss is not
    finite.
    """

    def __init__(self, *, args: TrainingArguments, grades: Sequence[int] | None = None, **given: object) -> None:
        # the default filter would hide a NaN in the log until the weights are NaN too
        args.logging_nan_inf_filter = False
        super().__init__(args=args, **given)
        # the mean is over all tokens in a step, not per process: TRL's loss accepts the number of tokens, the model
        # does not
        self.model_accepts_loss_kwargs = True
        self._grades = grades

    def _get_train_sampler(self, dataset: Sized | None = None) -> EpochSampler:
        count = len(self.train_dataset if dataset is None else dataset)
        return EpochSampler(count, group=1, prompts=1, repeats=1, seed=self.args.seed, grades=self._grades)

    def training_step(self, *given: object, **named: object) -> torch.Tensor:
        """Run one training step, and return the loss. Raises DivergedError if the loss is not finite."""
        loss: torch.Tensor = super().training_step(*given, **named)
        if not torch.isfinite(loss):
            raise DivergedError(
                f"{self.args.output_dir}: the loss of step {self.state.global_step + 1} is {loss.item()}; start again "
                "with a lower sft.learning_rate"
            )
        return loss


@dataclass(frozen=True)
class _Material:
    """Everything that a warm-up needs, such as the processor and the training rows. All parts are checked before a run
    folder is created.
    """

    processor: Processor
    rows: Dataset
    held_out: Dataset | None


def run_sft(recipe: Recipe, folder: Path, *, until: float | None = None, rows: Dataset | None = None) -> Run:
    """Warm up a model with a recipe, and write the run to a new folder.

    Every process of a launch must call this function.

    Args:
        recipe: the recipe. Its `sft` section contains settings of TRL's SFTConfig.
        folder: folder of the run, which must be missing or empty.
        until: stop training when the mean R_miou on held-out rows (greedy decoding) reaches this value; None: train for
            the number of steps or epochs in `sft`.
        rows: training rows to use instead of the recipe's rows, with the columns of
            `training_set(..., completions=True)`; None: use the recipe's rows.

    Raises:
        RunError: the folder is not empty.
        DivergedError: the loss is not finite.
        Also raises errors from loading the data and the model. In this case, no folder is left behind.
    """
    without_usage_ping()
    check_gpu(recipe)
    arguments = _arguments(recipe, folder)
    if arguments.process_index == 0:  # another process may get here after this process has created the run
        check_free(folder)
    material = _material(recipe, until, rows)
    with arguments.main_process_first(desc="run folder"):
        run = create_run(folder, recipe, "sft") if arguments.process_index == 0 else Run(folder, recipe)
    skill = HeldOutSkill(run, material.held_out, material.processor, until) if material.held_out else None
    trainer = _trainer(run, arguments, material, [skill] if skill else [])
    if skill:
        skill.trainer = trainer
    with written_to_disk(folder, "delete the folder and start again"):
        trainer.train()
        _save(trainer, run, material.processor)
    if skill and until is not None and not skill.reached and arguments.process_index == 0:
        say(
            f"warning: R_miou on held-out rows is {skill.skill:.3f} after {skill.step} steps, below {until:g}; train "
            "longer"
        )
    return run


def _arguments(recipe: Recipe, folder: Path) -> TrainingArguments:
    # a warm-up is short and cannot be resumed: only its outcome is kept, unless the recipe states otherwise
    over = {} if "save_strategy" in recipe.sft else {"save_strategy": "no"}
    return sft_config(recipe, folder, **over)


def _material(recipe: Recipe, until: float | None, rows: Dataset | None) -> _Material:
    held_out = recipe.data.held_out_every > 0 and recipe.data.held_out_rows > 0
    if until is not None and not held_out:
        raise RecipeError("to stop at a value of R_miou, set data.held_out_every and data.held_out_rows")
    load_config(recipe.model)
    processor = load_processor(recipe.model, recipe.data.max_pixels)
    check_template(recipe.model.name, processor, recipe.prompt)
    if rows is None:
        rows = training_set(recipe, image_folder=image_folder(), completions=True)
    check_taught(recipe.model.name, processor, rows[0])
    return _Material(processor, rows, held_out_set(recipe, image_folder()) if held_out else None)


def _trainer(
    run: Run, arguments: TrainingArguments, material: _Material, callbacks: list[HeldOutSkill]
) -> WarmUpTrainer:
    recipe = run.recipe
    trainer = WarmUpTrainer(
        grades=grades(recipe.data, material.rows["id"], material.rows["difficulty"]),
        model=recipe.model.name,
        args=arguments,
        train_dataset=material.rows,
        processing_class=material.processor,
        peft_config=lora_config(recipe.model.lora) if recipe.model.lora else None,
        quantization_config=quantisation(recipe.model),
        callbacks=[MetricsWriter(run.folder), *callbacks],
    )
    show_steps(trainer, WARM_UP)
    keep_names(trainer.model)
    route_quietly(trainer.model)
    if recipe.model.freeze_vision and recipe.model.lora is None:
        freeze_vision(trainer.model)
    return trainer


def _save(trainer: WarmUpTrainer, run: Run, processor: Processor) -> None:
    """Save the final weights and the processor. An adapter is merged into its base weights."""
    if run.recipe.model.lora is None:
        trainer.save_model(str(run.model_folder))
    else:
        trainer.save_model(str(run.folder / ADAPTER))
        if trainer.is_world_process_zero():
            unset_hf_deepspeed_config()  # otherwise, ZeRO-3 would divide weights that only this process loads
            model = load_trained(run.folder / ADAPTER, dtype=run.recipe.model.dtype, device="cpu")
            model.merge_and_unload().save_pretrained(str(run.model_folder))
    if trainer.is_world_process_zero():
        processor.save_pretrained(str(run.model_folder))
    trainer.accelerator.wait_for_everyone()
