"""Trainer callbacks that write metrics and held-out answers to files, and print warnings during training."""

import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from transformers import TrainerCallback

from cgc_data.common.progress import say
from cgc_data.metrics import Truth, score_item, summarise, summarise_by
from cgc_train.console import LogReader, Logs, say_held_out
from cgc_train.protocols import AnsweringTrainer, TrainerState
from cgc_train.recipe import Recipe
from cgc_train.run import held_out_path

RECENT = 10  # number of logs over which idle groups are averaged
# Values that TRL and transformers log in addition to metrics.
NOT_METRICS = ("epoch", "step", "total_flos")


class MetricsWriter(LogReader):
    """Writes one line to metrics.jsonl each time the trainer logs. Only the main process writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "metrics.jsonl"

    def read(self, state: TrainerState, logs: Logs) -> None:
        """Append the logged values."""
        if not state.is_world_process_zero:
            return
        kind = "eval" if any(key.startswith("eval_") for key in logs) else "train"
        values = {key.removeprefix("eval_"): value for key, value in logs.items() if key not in NOT_METRICS}
        numbers = {key: float(value) for key, value in values.items() if isinstance(value, int | float)}
        line = {"step": state.global_step, "epoch": state.epoch, "kind": kind, **numbers}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class FalseEmptyWarning(LogReader):
    """Warns if the model increasingly answers `[]` to questions whose ground-truth answer contains objects. A model can
    learn this shortcut if boxes earn little reward.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.settings = recipe.warnings
        self.first: float | None = None
        self.said = False

    def read(self, state: TrainerState, logs: Logs) -> None:
        """Compare the current share of wrong `[]` answers with the first logged share."""
        share = logs.get("contrast/false_empty")
        if not isinstance(share, int | float):
            return
        self.first = share if self.first is None else self.first
        risen = share - self.first >= self.settings.rise and share >= self.settings.false_empty
        if risen and not self.said and state.is_world_process_zero:
            self.said = True
            say(
                f"warning: step {state.global_step}: the model answers [] to {share:.0%} of the questions about "
                f"objects that exist, up from {self.first:.0%}; it may be learning to always answer []; to prevent "
                "this, use fewer training rows with an empty answer, or a warm-up"
            )


class IdleGroupsWarning(LogReader):
    """Warns if all completions earn the same reward in most of the recent groups.

    GRPO cannot learn from such groups.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.settings = recipe.warnings
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.said = False

    def read(self, state: TrainerState, logs: Logs) -> None:
        """Average the share of groups with equal rewards over the last `RECENT` log entries."""
        share = logs.get("groups/idle", logs.get("contrast/zero_variance"))
        if not isinstance(share, int | float):
            return
        self.recent.append(share)
        idle = sum(self.recent) / len(self.recent)
        if len(self.recent) == RECENT and idle >= self.settings.idle_groups and not self.said:
            self.said = True
            if state.is_world_process_zero:
                say(
                    f"warning: step {state.global_step}: in {idle:.0%} of the recent groups, all completions earn the "
                    "same reward, so GRPO learns nothing from these groups; use easier or harder rows (see `cgc-train "
                    "difficulty` and data.keep), a larger grpo.num_generations, or a warm-up"
                )


class HeldOutWriter(TrainerCallback):  # type: ignore[misc]
    """After every evaluation, writes the model's held-out answers and their metrics with confidence intervals."""

    def __init__(self, folder: Path, recipe: Recipe, truths: Mapping[str, Truth]) -> None:
        self.folder, self.recipe, self.truths = folder, recipe, truths
        self.trainer: AnsweringTrainer

    def on_evaluate(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Gather the model's held-out answers from all processes, and write them and their metrics to files."""
        answers = self.trainer.gathered_answers()
        if state.is_world_process_zero and answers:
            values = write_held_out(self.folder, state.global_step, answers, self.truths, self.recipe)
            say_held_out(state.global_step, values)


def write_held_out(
    folder: Path, step: int, answers: Mapping[str, str], truths: Mapping[str, Truth], recipe: Recipe
) -> dict[str, float]:
    """Write the model's held-out answers and a summary of their metrics to files.

    The metrics over all held-out rows are also appended to metrics.jsonl, and returned by name.
    """
    path = held_out_path(folder, step)
    path.parent.mkdir(exist_ok=True)
    lines = [json.dumps({"id": key, "response": text}, ensure_ascii=False) for key, text in answers.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    asked = recipe.prompt
    scores = [
        score_item(text, truths[key], require_think=asked.think, prefix=asked.prefix) for key, text in answers.items()
    ]
    tables = {"all": summarise(scores), **summarise_by(scores, "task_id")}
    summary = {group: {name: vars(value) for name, value in table.items()} for group, table in tables.items()}
    (folder / "held_out.json").write_text(json.dumps({"step": step, "metrics": summary}, indent=2) + "\n", "utf-8")
    values: dict[str, float] = {name: value.value for name, value in tables["all"].items() if value.value is not None}
    line = {"step": step, "kind": "held_out", **values}
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return values
