"""Starts a GRPO run from a recipe, or resumes the run in a run folder."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accelerate.utils import gather_object
from datasets import Dataset

from cgc_data.common.extras import need_package
from cgc_data.common.progress import say
from cgc_data.metrics import Truth, truth_of
from cgc_train.beside import BenchmarkBeside, check_benchmark
from cgc_train.callbacks import FalseEmptyWarning, HeldOutWriter, IdleGroupsWarning, MetricsWriter
from cgc_train.console import reward_columns, show_steps
from cgc_train.data import grades, held_out_set, training_set
from cgc_train.engines import check_gpu, engines_of, need_engine
from cgc_train.errors import RunError
from cgc_train.model import check_template, load_config, load_processor, lora_config, quantisation
from cgc_train.model.files import LARGEST, diverged_weight
from cgc_train.protocols import GrpoArguments, Processor
from cgc_train.recipe import Recipe
from cgc_train.recipe.arguments import grpo_config
from cgc_train.reward import reward_functions
from cgc_train.run import (
    Run,
    check_free,
    create_run,
    image_folder,
    is_whole,
    without_usage_ping,
    written_to_disk,
)
from cgc_train.to_hub import CheckpointsToHub, prepare
from cgc_train.trainer import GroundingTrainer

TRACKERS = ("trackio", "tensorboard", "wandb")


def run_grpo(recipe: Recipe, folder: Path, *, rows: Dataset | None = None) -> Run:
    """Train with a recipe, and write the run to a new folder. Every process of a launch must call this function.

    If `rows` is given, it replaces the recipe's training rows. `rows` must have the columns of `training_set`.

    Raises RunError if the folder is not empty, and any error from loading the data or the model. If loading fails, no
    run folder is created.
    """
    arguments = _arguments(recipe, folder)
    if arguments.process_index == 0:  # another process may get here after this process has created the run
        check_free(folder)
    material = _material(recipe, arguments, rows)
    with arguments.main_process_first(desc="run folder"):
        run = create_run(folder, recipe) if arguments.process_index == 0 else Run(folder, recipe)
    return _train(build_trainer(run, arguments, material), run, None)


def resume(run: Run, checkpoint: Path | None = None) -> Run:
    """Resume a run from the given checkpoint, or from the newest one. Raises RunError if the run has no usable
    checkpoint, is already finished, or is a warm-up.
    """
    if run.finished:
        raise RunError(f"{run.folder}: already finished; its model is in {run.model_folder.name}/")
    if run.kind == "sft":
        raise RunError(f"{run.folder}: a warm-up, which cannot be resumed; start it again with another --to")
    found = _sound(run.folder, [checkpoint] if checkpoint else run.checkpoints())
    arguments = _arguments(run.recipe, run.folder)
    say(f"resuming from {found.name}")
    trainer = build_trainer(run, arguments, _material(run.recipe, arguments))
    if trainer.is_world_process_zero():
        with written_to_disk(run.folder, f"run `cgc-train resume {run.folder}`"):
            run.rewind(found)
    return _train(trainer, run, found)


def _sound(folder: Path, checkpoints: Sequence[Path]) -> Path:
    """Find the newest complete checkpoint with finite weights. Raises RunError if no checkpoint qualifies."""
    for checkpoint in reversed(checkpoints):
        if not is_whole(checkpoint):
            continue
        if not (weight := diverged_weight(checkpoint)):
            return checkpoint
        say(f"warning: {checkpoint.name} is skipped, because its weight {weight} is not finite or exceeds {LARGEST:g}")
    lacking = "checkpoint yet; "
    if checkpoints:
        tried = ", ".join(checkpoint.name for checkpoint in checkpoints)
        lacking = f"complete checkpoint with finite weights among {tried}; pass another --checkpoint, or "
    raise RunError(f"{folder}: has no {lacking}delete the folder and start again")


@dataclass(frozen=True)
class Material:
    """The processor, the training rows, and the held-out rows for a trainer. They are loaded and checked before the run
    folder is created.
    """

    processor: Processor
    rows: Dataset
    held_out: Dataset | None


def _material(recipe: Recipe, arguments: GrpoArguments, rows: Dataset | None = None) -> Material:
    check_benchmark(recipe, arguments)
    if recipe.hub.repo and arguments.process_index == 0:
        prepare(recipe)
    load_config(recipe.model)
    processor = load_processor(recipe.model, recipe.data.max_pixels)
    check_template(recipe.model.name, processor, recipe.prompt, arguments.chat_template_kwargs)
    if rows is None:
        rows = training_set(recipe, image_folder=image_folder())
    return Material(processor, rows, None if arguments.eval_strategy == "no" else held_out_set(recipe, image_folder()))


def build_trainer(run: Run, arguments: GrpoArguments, material: Material) -> GroundingTrainer:
    """Build the trainer for a run, with its data, model, reward, and callbacks."""
    recipe = run.recipe
    writer = HeldOutWriter(run.folder, recipe, _truths(material.held_out))
    trainer = GroundingTrainer(
        frozen_vision=recipe.model.freeze_vision,
        grades=grades(recipe.data, material.rows["id"], material.rows["difficulty"]),
        groups=recipe.groups,
        model=recipe.model.name,
        args=arguments,
        train_dataset=material.rows,
        eval_dataset=material.held_out,
        processing_class=material.processor,
        reward_funcs=reward_functions(recipe.reward, recipe.prompt),
        peft_config=lora_config(recipe.model.lora) if recipe.model.lora else None,
        quantization_config=quantisation(recipe.model),
        callbacks=[MetricsWriter(run.folder), FalseEmptyWarning(recipe), IdleGroupsWarning(recipe), writer],
    )
    writer.trainer = trainer
    if recipe.benchmark.command:
        trainer.add_callback(BenchmarkBeside(run.folder, recipe))
    if recipe.hub.repo:
        trainer.add_callback(CheckpointsToHub(run))
    show_steps(trainer, reward_columns(recipe))
    return trainer


def _train(trainer: GroundingTrainer, run: Run, checkpoint: Path | None) -> Run:
    # Not before training: DeepSpeed would set up an engine for evaluation only. A resumed run already has these
    # answers.
    trainer.args.eval_on_start = trainer.eval_dataset is not None and checkpoint is None
    again = f"`cgc-train resume {run.folder}`"
    _check_same_rows(trainer)
    try:
        with written_to_disk(run.folder, f"run {again}"):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            _save(trainer, run)
    except KeyboardInterrupt:
        fix = f"resume it with {again}" if run.checkpoints() else "no checkpoint yet; delete the folder and start again"
        raise RunError(f"{run.folder}: stopped; {fix}") from None
    finally:
        for background in (trainer.pop_callback(BenchmarkBeside), trainer.pop_callback(CheckpointsToHub)):
            if background:
                background.close()
    return run


def _check_same_rows(trainer: GroundingTrainer) -> None:
    """Raise RunError in every process if the processes do not train on the same rows."""
    ids = "\n".join(trainer.train_dataset["id"])
    if len(set(gather_object([hashlib.sha256(ids.encode()).hexdigest()]))) > 1:
        raise RunError(
            f"{trainer.args.output_dir}: the processes of this launch read different rows; use the same "
            "data.release, data.revision, and data.keep for all of them"
        )


def _save(trainer: GroundingTrainer, run: Run) -> None:
    """Write the final model to a temporary folder, and rename the folder at the end. A run counts as finished if its
    final model exists.
    """
    partial = run.folder / "model.partial"
    trainer.save_model(str(partial))
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        partial.replace(run.model_folder)


def _arguments(recipe: Recipe, folder: Path) -> GrpoArguments:
    without_usage_ping()
    for tracker in TRACKERS:
        if tracker in _as_list(recipe.grpo.get("report_to")):
            need_package(tracker, f"grpo.report_to={tracker}")
    for engine, why in engines_of(recipe):
        need_engine(engine, why)
    check_gpu(recipe)
    return grpo_config(recipe, folder)


def _as_list(value: str | Sequence[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _truths(rows: Dataset | None) -> dict[str, Truth]:
    if rows is None:
        return {}
    light = rows.remove_columns(["images", "prompt"])
    return {row["id"]: truth_of(row) for row in light}
