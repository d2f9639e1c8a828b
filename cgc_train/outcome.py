"""Measures the effect of training by comparing the answers to each held-out row before and after training."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from cgc_data.metrics import Estimate, ItemScore, Metric, Truth, item_columns, score_item, summarise
from cgc_data.metrics.estimate import macro_estimate
from cgc_train.data.find import find_release
from cgc_train.reward.predictions import find_asked
from cgc_train.run import Run

SHOWN: tuple[Metric, ...] = (
    "miou",
    "acc@0.5",
    "source_acc",
    "leakage",
    "hallucination",
    "false_empty",
    "unreadable",
    "format",
)


@dataclass(frozen=True)
class Change:
    """A metric before and after training, and the paired difference.

    Each value has a 95 % confidence interval, clustered by photo.
    """

    metric: Metric
    before: Estimate
    after: Estimate
    difference: Estimate


def held_out_change(run: Run) -> list[Change]:
    """Compute the change in each metric between the first and the last evaluation of a run.

    The list is empty if the run has fewer than two evaluations.

    Raises ReleaseError if the run's release no longer exists, and PredictionsError if the release does not contain the
    held-out rows.
    """
    steps = run.held_out_steps()
    if len(steps) < 2:
        return []
    answers = [{row["id"]: row["response"] for row in run.held_out(step)} for step in (steps[0], steps[-1])]
    ids = [identity for identity in answers[0] if identity in answers[1]]
    truths = find_asked(find_release(run.recipe.data), ids).truths
    before, after = ([_scored(given[key], truths[key], run) for key in ids] for given in answers)
    return changes(before, after)


def changes(before: Sequence[ItemScore], after: Sequence[ItemScore]) -> list[Change]:
    """Compute the change in each metric. Both sequences must contain the same rows in the same order."""
    photos = [score.truth.photos for score in before]
    old, new = item_columns(before), item_columns(after)
    # not `estimate`, which returns the bounds of a share if all values are 0
    gains = {name: macro_estimate([(_gains(old[name], new[name]), photos)], shares=False) for name in SHOWN}
    first, last = summarise(before), summarise(after)
    return [Change(name, first[name], last[name], gains[name]) for name in SHOWN]


def change_table(found: Sequence[Change]) -> Table:
    """Format the changes as a table for the terminal. Metrics that are not defined for any row are omitted."""
    title = f"{found[0].before.n} held-out rows before and after training"
    table = Table("metric", title=title, title_justify="left", title_style="bold")
    for head in ("before", "after", "change", "95 %"):
        table.add_column(head, justify="right")
    for change in found:
        if change.before.value is not None or change.after.value is not None:
            gain = change.difference
            # if no row changed, or all changed equally, resampling is uninformative
            interval = "" if gain.low is None or gain.low == gain.high else f"{gain.low:+.3f} to {gain.high:+.3f}"
            shown = "-" if gain.value is None else f"{gain.value:+.3f}"
            table.add_row(change.metric, _share(change.before), _share(change.after), shown, interval)
    return table


def _gains(before: Sequence[float | bool | None], after: Sequence[float | bool | None]) -> list[float | None]:
    pairs = zip(before, after, strict=True)
    return [None if old is None or new is None else float(new) - float(old) for old, new in pairs]


def _scored(response: str, truth: Truth, run: Run) -> ItemScore:
    prompt = run.recipe.prompt
    return score_item(response, truth, require_think=prompt.think, prefix=prompt.prefix)


def _share(value: Estimate) -> str:
    return "-" if value.value is None else f"{value.value:.3f}"
