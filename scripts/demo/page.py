"""Writes DEMO/index.html: the questions, the reward during training, the answers before and after training, and one
answer in detail.

Usage: python -m scripts.demo.page DEMO

The demo samples only one answer per held-out question. That is not enough to measure a small gain. Therefore, the page
shows the paired change of each metric with a confidence interval. The page also shows the results in
docs/demo_learns.json. For these results, the training was repeated with several seeds, and measured on more questions
with several answers each.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import jinja2

from cgc_bench.report.gallery import Album, Card, cards_of
from cgc_bench.report.paired import compare_units
from cgc_bench.report.runs import Run, one_run
from cgc_bench.scoring.summary import Interval, Summary
from cgc_train.run import MetricsLine, open_run
from cgc_train.view.curves import draw_curves

# Metric, its meaning, and whether more is better.
SHOWN = (
    ("miou", "overlap with the ground-truth boxes, image by image (R_miou)", True),
    ("acc@0.5", "questions answered correctly", True),
    ("source_acc", "exactly the right images", True),
    ("leakage", "a box in an image that does not show the object", False),
    ("hallucination", "a box, although no image shows the object", False),
    ("false_empty", "[], although the object is there", False),
    ("unreadable", "no readable answer", False),
    ("format", "answers in the strict format", True),
)
# Metrics of docs/demo_learns.json, and whether more is better.
MEASURED = (("miou", "R_miou", True), ("source", "right images", True), ("false_empty", "false_empty", False),
            ("hallucinated", "hallucination", False), ("valid", "format", True))  # fmt: skip
MEASUREMENT = Path(__file__).resolve().parents[2] / "docs" / "demo_learns.json"
STEPS = 10  # steps averaged at the start and at the end of training
SHEETS = ("inter-locate_all-01.jpg", "intra-same_object-01.jpg")


@dataclass(frozen=True)
class Change:
    """The mean change of a metric with its 95 % interval; `low` and `high` are None if there is no interval."""

    value: float
    low: float | None
    high: float | None
    more_is_better: bool

    @property
    def better(self) -> bool | None:
        """Whether the metric improved; None if the interval includes zero or is missing."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return None
        return (self.value > 0) == self.more_is_better


@dataclass(frozen=True)
class Line:
    """A metric before and after training, in percent, and its value for the best trivial answer (the floor).

    `change` covers the questions for which the metric is defined in both runs; it is None if there are no such
    questions.
    """

    name: str
    meaning: str
    floor: float | None
    floor_name: str
    before: Interval
    after: Interval
    change: Change | None


def main(demo: Path) -> None:
    """Write the page and the images of its example."""
    before, after = (one_run(demo / "answers" / name) for name in ("before", "after"))
    album = Album()
    example = next(examples(before, after, album), None)
    for name, content in album.files.items():
        (demo / name).parent.mkdir(exist_ok=True)
        (demo / name).write_bytes(content)
    metrics = open_run(demo / "run").metrics()
    seeds = list(json.loads(MEASUREMENT.read_text(encoding="utf-8"))["seeds"].values())
    page = _template().render(
        lines=list(lines(before, after)),
        rows=len(before.results),
        curves=draw_curves(metrics),
        rewards=first_and_last(metrics),
        steps=STEPS,
        measured=measured(seeds),
        measured_rows=seeds[0]["rows"],
        measured_worse=any(one["hallucinated"]["rise"][1] > 0 for one in seeds),
        example=example,
        sheets=[f"gallery/sheets/{name}" for name in SHEETS],
    )
    if broken := broken_links(page, demo):
        raise SystemExit(f"index.html links to files that do not exist: {', '.join(broken)}")
    (demo / "index.html").write_text(page, encoding="utf-8")


def broken_links(page: str, folder: Path) -> list[str]:
    """Local files that a page links to or embeds but that do not exist in its folder."""
    links = dict.fromkeys(re.findall(r'(?:src|href)="(?!https?:|data:|#)([^"#]+)', page))
    return [link for link in links if not (folder / link).is_file()]


def first_and_last(metrics: Sequence[MetricsLine]) -> tuple[float, float] | None:
    """Mean rewards of the sampled answers in the first `STEPS` steps and in the last `STEPS` steps; None if the run is
    too short.
    """
    rewards = [float(line["reward"]) for line in metrics if line["kind"] == "train" and "reward" in line]  # type: ignore[typeddict-item]
    return (fmean(rewards[:STEPS]), fmean(rewards[-STEPS:])) if len(rewards) >= 2 * STEPS else None


def measured(seeds: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[tuple[float, float, Change]]]]:
    """List the results of each metric, by training seed: the mean before training, the mean after training, and the
    change.
    """
    return [
        (title, [(one[name]["before"], one[name]["after"], _risen(one[name]["rise"], more)) for one in seeds])
        for name, title, more in MEASURED
    ]


def _risen(rise: Sequence[float], more: bool) -> Change:
    value, low, high = rise
    return Change(value, low, high, more)


def lines(before: Run, after: Run) -> Iterator[Line]:
    """The metrics that have a value both before and after training."""
    first, second = before.summary(), after.summary()
    old, new = ({**one["intervals"]["macro"], **one["diagnostics"]["macro"]} for one in (first, second))
    for name, meaning, more in SHOWN:
        if name in old and name in new:
            floor, value = _best_floor(first, name, more)
            yield Line(name, meaning, value, floor, old[name], new[name], _change(before, after, name, more))


def _best_floor(summary: Summary, name: str, more: bool) -> tuple[str, float | None]:
    floors = {floor: table["macro"].get(name) for floor, table in summary["floors"].items()}
    known = {floor: value for floor, value in floors.items() if value is not None}
    best = (max if more else min)(known, key=lambda key: known[key], default="")
    return best, known.get(best)


def _change(before: Run, after: Run, name: str, more: bool) -> Change | None:
    """The paired difference between the two runs, averaged over the tasks, as in `cgc-bench report`."""
    found = compare_units(before.bench.units(before.results), after.bench.units(after.results), name)
    return Change(found.mean.new - found.mean.base, found.mean.low, found.mean.high, more) if found else None


def examples(before: Run, after: Run, album: Album) -> Iterator[Card]:
    """Yields cards of rows whose score changed. For each task, an improved row precedes a row that got worse.

    Yields nothing if no score changed.
    """
    first, second = (run.bench.units(run.results) for run in (before, after))
    for metric in ("acc@0.5", "miou"):
        found = compare_units(first, second, metric)
        for task in found.tasks if found else ():
            yield from cards_of(task, before, after, 1, 0, album)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["percent"] = lambda value: "-" if value is None else f"{value:.1f}"
    environment.filters["mark"] = lambda change: {True: "good", False: "bad"}.get(change and change.better, "")
    environment.filters["points"] = lambda value: f"{100 * value:+.1f}"
    return environment.get_template("page.html.j2")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
