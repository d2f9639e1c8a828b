"""Answers held-out rows during a warm-up. All processes share the work, even if the weights are sharded."""

from collections.abc import Iterator
from contextlib import contextmanager

from accelerate.utils import gather_object
from datasets import Dataset
from transformers import TrainerCallback
from trl.models import unwrap_model_for_generation

from cgc_data.metrics import Truth, truth_of
from cgc_train.callbacks import write_held_out
from cgc_train.console import say_held_out
from cgc_train.generate import generate
from cgc_train.protocols import Model, PreparedTrainer, Processor, TrainerControl, TrainerState
from cgc_train.recipe import Recipe
from cgc_train.reward import score
from cgc_train.run import Run


class HeldOutSkill(TrainerCallback):  # type: ignore[misc]
    """Answers the held-out rows at regular intervals, and stops training when the mean R_miou reaches a given value.

    Set `trainer` before training. The callback generates answers with the trainer's model, by greedy decoding.
    """

    def __init__(self, run: Run, rows: Dataset, processor: Processor, until: float | None) -> None:
        self.run, self.rows, self.processor, self.until = run, rows, processor, until
        light = rows.remove_columns(["images", "prompt"])
        self.truths: dict[str, Truth] = {row["id"]: truth_of(row) for row in light}
        self.trainer: PreparedTrainer
        self.skill: float | None = None
        self.step = -1

    @property
    def reached(self) -> bool:
        """Whether the mean R_miou has reached the requested value."""
        return self.until is not None and self.skill is not None and self.skill >= self.until

    def on_train_begin(self, _args: object, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Measure R_miou on the held-out rows before training."""
        self._answer(state, control)

    def on_step_end(self, _args: object, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Measure R_miou on the held-out rows every `held_out_every` steps."""
        if state.global_step % self.run.recipe.data.held_out_every == 0:
            self._answer(state, control)

    def on_train_end(self, _args: object, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Measure R_miou on the held-out rows after training."""
        if state.global_step != self.step:
            self._answer(state, control)

    def _answer(self, state: TrainerState, control: TrainerControl) -> None:
        """Answer the held-out rows with all processes. All processes get the same result, so they all stop at the same
        step.
        """
        self.step = state.global_step
        everything = dict(gather_object(self._share()))
        answers = {key: everything[key] for key in self.truths}
        if state.is_world_process_zero:
            say_held_out(self.step, write_held_out(self.run.folder, self.step, answers, self.truths, self.run.recipe))
        self.skill = held_out_miou(answers, self.truths, self.run.recipe)
        control.should_training_stop |= self.reached

    def _share(self) -> list[tuple[str, str]]:
        """Answer this process's share of the rows. Returns pairs of row id and answer."""
        recipe, state = self.run.recipe, self.trainer.accelerator.state
        mine = [self.rows[place] for place in share(len(self.rows), state.process_index, state.num_processes)]
        with answering(self.trainer) as model:
            responses = generate(
                model,
                self.processor,
                [row["prompt"] for row in mine],
                [row["images"] for row in mine],
                max_new_tokens=recipe.grpo.get("max_completion_length") or 512,
                batch_size=recipe.sft.get("per_device_eval_batch_size", 8),
            )
        return [(row["id"], written[0]) for row, written in zip(mine, responses, strict=True)]


@contextmanager
def answering(trainer: PreparedTrainer) -> Iterator[Model]:
    """Prepare the trainer's model for generation: gather its weights, and turn off gradient checkpointing."""
    training, checkpointing = trainer.model.training, trainer.args.gradient_checkpointing_kwargs
    trainer.model.eval()
    with unwrap_model_for_generation(
        trainer.model_wrapped, trainer.accelerator, gradient_checkpointing_kwargs=checkpointing
    ) as model:
        yield model
    trainer.model.train(training)


def share(count: int, process: int, processes: int) -> list[int]:
    """Indices of the rows that a process answers.

    Every process gets the same number of rows. If the weights are sharded, all processes must take part in every
    generation step.

    If the rows cannot be divided evenly, some of the first rows are answered twice.
    """
    return [place % count for place in range(process, -(-count // processes) * processes, processes)]


def held_out_miou(answers: dict[str, str], truths: dict[str, Truth], recipe: Recipe) -> float:
    """Compute the mean R_miou (0-1) of `answers`, a mapping from row id to answer. The recipe's `reward` settings are
    ignored.
    """
    return sum(score(text, truths[key], None, recipe.prompt).miou for key, text in answers.items()) / len(answers)
