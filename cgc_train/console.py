"""Terminal output of a training run: one line per logged step and one line per evaluation.

The trainer's default output and harmless messages of other packages are suppressed.
"""

import logging
import time
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import click
from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from cgc_data.common.progress import say
from cgc_data.common.text import plain
from cgc_train.protocols import CallbackTrainer, TrainerState
from cgc_train.recipe import Recipe

Logs: TypeAlias = Mapping[str, object]

HEADER_EVERY = 20  # number of lines before the header is repeated
HELD_OUT = ("miou", "acc@0.5", "source_acc", "leakage", "hallucination", "false_empty", "unreadable")
# Warnings about calls within transformers and TRL. They are harmless, and users cannot avoid them.
DEPRECATIONS = r"`(is_)?gradient_checkpointing(_enable|_disable)?` is deprecated"
NOTES = (
    "Image decoding with `torchvision` is deprecated",
    "Kwargs passed to `processor.__call__` have to be in",
    # checkpoints store an output layer only if it does not share its weights with the input embeddings
    "There were missing keys in the checkpoint model loaded: ['lm_head.weight'].",
)


@dataclass(frozen=True)
class Shown:
    """A column of the terminal output: heading, metric, and number format."""

    head: str
    metric: str
    form: str = ".2f"

    def cell(self, logs: Logs) -> str:
        """Format the value of the metric, or return "-" if it was not logged."""
        value = logs.get(self.metric)
        return format(value, self.form) if isinstance(value, int | float) else "-"

    @property
    def width(self) -> int:
        """Width of the column, in characters."""
        return max(len(self.head), 7)


HABITS = (
    Shown("right image", "contrast/index_accuracy", ".0%"),
    Shown("leaked", "contrast/distractor_boxes", ".0%"),
    Shown("[]", "contrast/false_empty", ".0%"),
    Shown("unreadable", "contrast/unreadable", ".0%"),
    Shown("tokens", "completions/mean_length", ".0f"),
)
WARM_UP = (
    Shown("loss", "loss", ".3f"),
    Shown("right tokens", "mean_token_accuracy", ".0%"),
    Shown("grad norm", "grad_norm"),
)


def reward_columns(recipe: Recipe) -> tuple[Shown, ...]:
    """The columns for a GRPO run: the reward, its terms, and statistics of the model's answers."""
    terms = [Shown(term.symbol, f"rewards/{term.name}_reward/mean") for term in recipe.reward.terms]
    return (Shown("reward", "reward"), *terms, *HABITS)


class LogReader(TrainerCallback):  # type: ignore[misc]
    """A callback that receives the logged values."""

    def on_log(
        self,
        _args: object,
        state: TrainerState,
        _control: object,
        logs: Logs | None = None,
        **_: object,
    ) -> None:
        """Pass the logged values to `read`, if there are any."""
        if logs:
            self.read(state, logs)

    @abstractmethod
    def read(self, state: TrainerState, logs: Logs) -> None:
        """Read the logged values of a step or an evaluation."""


class StepLines(LogReader):
    """Prints one line per training log, with the time per step and the time left. The header is repeated regularly."""

    def __init__(self, columns: Sequence[Shown]) -> None:
        self.columns, self.lines = columns, 0
        self.started, self.first, self.steps_before, self.before = 0.0, 0, 0, 0.0

    def on_train_begin(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Start the clock."""
        self.started = self.before = time.monotonic()
        self.first = self.steps_before = state.global_step

    def read(self, state: TrainerState, logs: Logs) -> None:
        """Print the values of a step. For evaluations, see `say_held_out`."""
        steps = state.global_step - self.steps_before
        if not state.is_world_process_zero or self.columns[0].metric not in logs or steps <= 0:
            return
        if self.lines % HEADER_EVERY == 0:
            _say_row(self._row("step", [column.head for column in self.columns], "s/step", "left"))
        now = time.monotonic()
        pace = (now - self.started) / (state.global_step - self.first)
        left = timedelta(seconds=round(pace * (state.max_steps - state.global_step)))
        cells = [column.cell(logs) for column in self.columns]
        step = f"{state.global_step}/{state.max_steps}"
        _say_row(self._row(step, cells, f"{(now - self.before) / steps:.1f}", str(left)))
        self.lines, self.steps_before, self.before = self.lines + 1, state.global_step, now

    def _row(self, step: str, cells: Sequence[str], pace: str, left: str) -> str:
        shown = "  ".join(cell.rjust(column.width) for cell, column in zip(cells, self.columns, strict=True))
        return f"{step:>11}  {shown}  {pace:>7}  {left:>8}"


def _say_row(row: str) -> None:
    click.echo(plain(row), err=True)


def say_held_out(step: int, values: Mapping[str, float]) -> None:
    """Print one line for an evaluation on held-out rows."""
    say(f"held out at step {step}: " + ", ".join(f"{name} {values[name]:.2f}" for name in HELD_OUT if name in values))


def show_steps(trainer: CallbackTrainer, columns: Sequence[Shown]) -> None:
    """Replace a trainer's default terminal output with `StepLines`."""
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    trainer.add_callback(StepLines(columns))


def quiet() -> None:
    """Suppress transformers' progress bars, and harmless messages of transformers and TRL.

    Call this function only in commands, not in library code.
    """
    from transformers.utils import logging as library

    library.disable_progress_bar()
    warnings.filterwarnings("ignore", DEPRECATIONS, FutureWarning)
    for handler in logging.getLogger("transformers").handlers:
        handler.addFilter(lambda record: not str(record.msg).startswith(NOTES))
