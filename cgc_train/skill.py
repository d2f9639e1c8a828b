"""Held-out rows answered while a warm-up trains: by all processes, whatever divides the weights among them."""

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
    """Answers the held-out rows every so often, by the likeliest tokens, and stops at a stated R_miou.

    `trainer` is set before training; answers come from its model as it is prepared then, never before.
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
        """Whether the skill that was asked for is there."""
        return self.until is not None and self.skill is not None and self.skill >= self.until

    def on_train_begin(self, _args: object, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Where it starts from."""
        self._answer(state, control)

    def on_step_end(self, _args: object, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Every `held_out_every` steps."""
        if state.global_step % self.run.recipe.data.held_out_every == 0:
            self._answer(state, control)

    def on_train_end(self, _args: object, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Where it came to."""
        if state.global_step != self.step:
            self._answer(state, control)

    def _answer(self, state: TrainerState, control: TrainerControl) -> None:
        """Answer with all processes; each holds the same skill afterwards, so that all stop at the same step."""
        self.step = state.global_step
        everything = dict(gather_object(self._share()))
        answers = {key: everything[key] for key in self.truths}
        if state.is_world_process_zero:
            say_held_out(self.step, write_held_out(self.run.folder, self.step, answers, self.truths, self.run.recipe))
        self.skill = held_out_miou(answers, self.truths, self.run.recipe)
        control.should_training_stop |= self.reached

    def _share(self) -> list[tuple[str, str]]:
        """(id, answer) of this process's share of the rows."""
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
    """The model of a trainer that has prepared it, fit to generate: weights gathered, no gradient checkpointing."""
    training, checkpointing = trainer.model.training, trainer.args.gradient_checkpointing_kwargs
    trainer.model.eval()
    with unwrap_model_for_generation(
        trainer.model_wrapped, trainer.accelerator, gradient_checkpointing_kwargs=checkpointing
    ) as model:
        yield model
    trainer.model.train(training)


def share(count: int, process: int, processes: int) -> list[int]:
    """Places of the rows that a process answers: as many for each process, since divided weights need all of them.

    The last process begins again with the first rows where the number does not divide.
    """
    return [place % count for place in range(process, -(-count // processes) * processes, processes)]


def held_out_miou(answers: dict[str, str], truths: dict[str, Truth], recipe: Recipe) -> float:
    """Mean R_miou (0-1) of answers by row id, without the reward's options."""
    return sum(score(text, truths[key], None, recipe.prompt).miou for key, text in answers.items()) / len(answers)
