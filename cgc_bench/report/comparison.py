"""Writes one static page that compares runs with a base run on the same items. The page shows the differences by task.
It also shows examples of items that each run won (higher score than the base run) or lost (lower score).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cgc_bench.errors import ReportError
from cgc_bench.report.gallery import Album, Card, cards_of
from cgc_bench.report.pages import render, write_page
from cgc_bench.report.paired import Comparison, Difference, compare_all
from cgc_bench.report.runs import Run, told_apart
from cgc_bench.scoring.asked import differences, other_data


@dataclass(frozen=True)
class Compared:
    """One run compared with the base.

    Attributes:
        new: the new run.
        found: differences for every task, every subtask, and the mean of the tasks.
        cards: examples of items won and lost.
        warnings: warnings about settings that differ between the two runs, and about settings that only one of them
            records.
    """

    new: Run
    found: Comparison
    cards: tuple[Card, ...]
    warnings: tuple[str, ...]

    @property
    def lines(self) -> tuple[Difference, ...]:
        """The differences for the tasks, the subtasks, and the mean of the tasks, in this order."""
        return (*self.found.tasks, *self.found.subtasks, self.found.mean)


def write_comparison(
    base: Run, others: Sequence[Run], folder: Path, *, per_task: int = 6, seed: int = 0
) -> tuple[Path, list[Compared]]:
    """Write index.html, comparison.md, and their images to a folder, and return the differences.

    For each task, the page shows up to `per_task` won items and up to `per_task` lost items. The items are drawn at
    random with `seed`, each from a different photo set. Raises ReportError if the runs use different benchmarks,
    annotations, or images, or if a run has no items in common with the base run. Also raises ReportError if the folder
    contains files but no earlier report.
    """
    for other in others:
        _check_same(base, other)
    base, *others = told_apart([base, *others])
    metric, album = base.bench.metrics[0], Album()
    units = [run.bench.units(run.results) for run in (base, *others)]
    compared = [
        _compared(base, new, found, per_task, seed, album)
        for new, found in zip(others, compare_all(units[0], units[1:], metric), strict=True)
    ]
    given = {"base": base, "compared": compared, "metric": metric, "bench": base.bench, "seed": seed}
    pages = {"index.html": render("comparison.html.j2", **given), "comparison.md": render("comparison.md.j2", **given)}
    return write_page(folder, pages, album.files), compared


def _compared(base: Run, new: Run, found: Comparison | None, most: int, seed: int, album: Album) -> Compared:
    if found is None:
        raise ReportError(f"{base.name} and {new.name} have no items in common")
    cards = [card for task in found.tasks for card in cards_of(task, base, new, most, seed, album)]
    return Compared(new, found, tuple(cards), tuple(differences(base.asked, new.asked)))


def _check_same(base: Run, new: Run) -> None:
    ours, theirs = ((run.bench.name, {item.version for item in run.items.values()}) for run in (base, new))
    if ours != theirs:
        raise ReportError(
            f"{base.name} was run on {ours[0]}, {', '.join(sorted(ours[1]))} annotations, but {new.name} on "
            f"{theirs[0]}, {', '.join(sorted(theirs[1]))}: only answers to the same items can be compared"
        )
    changed = other_data(base.asked, new.asked)
    if changed:
        raise ReportError(
            f"{base.name} and {new.name} were asked about other items or images ({', '.join(changed)}): "
            "run both on the same prepared data"
        )
