"""Runs as Markdown and as one static page: every task with n, value, interval, floors, and published figures apart."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgc_bench.prepare.versions import without_digest
from cgc_bench.report.pages import render, write_page
from cgc_bench.report.published import Figure, figures_of
from cgc_bench.report.runs import Run
from cgc_bench.scoring.asked import described
from cgc_bench.scoring.summary import Summary

OURS, FLOOR = "#2f5fd0", "#9aa3b2"


@dataclass(frozen=True)
class Section:
    """One run with its figures.

    Attributes:
        run: what was answered.
        summary: its figures.
        published: figures of others on these annotations, with tags; never ours.
        plot: a PNG as base64.
    """

    run: Run
    summary: Summary
    published: tuple[Figure, ...]
    plot: str

    @property
    def unpinned(self) -> bool:
        """Whether no revision or published checksum names the benchmark's files."""
        return "unpinned" in f"{self.run.source} {self.summary['annotations']}"

    @property
    def asked(self) -> str:
        """How the run was asked."""
        return "; ".join(described(self.run.asked))

    @property
    def in_pixels(self) -> bool:
        """Whether the model seems to answer in pixels."""
        return any("seem to be in pixels" in warning for warning in self.summary["warnings"])


def write_report(runs: Sequence[Run], folder: Path) -> Path:
    """Write report.md and index.html into a folder. Raises ReportError where it holds other files."""
    sections = [_section(run) for run in runs]
    names = {"report.md": "report.md.j2", "index.html": "report.html.j2"}
    return write_page(folder, {name: render(template, sections=sections) for name, template in names.items()}, {})


def _section(run: Run) -> Section:
    summary = run.summary()
    versions = {without_digest(item.version) for item in run.items.values()}
    # Of several versions only figures of an unknown one are shown.
    published = figures_of(run.bench.name, annotations=", ".join(sorted(versions)))
    main = tuple(figure for figure in published if figure.metric == run.bench.metrics[0])
    return Section(run, summary, main, _plot(run, summary))


def _plot(run: Run, summary: Summary) -> str:
    """Bars of the first metric by task with intervals, the highest floor as a line on each."""
    from matplotlib.figure import Figure as Canvas

    metric = run.bench.metrics[0]
    rows = [(task, value) for task, row in summary["tasks"].items() if (value := row[metric]) is not None]
    canvas = Canvas(figsize=(7.5, 0.42 * len(rows) + 0.9), layout="constrained")
    axes = canvas.subplots()
    for place, (task, value) in enumerate(rows):
        axes.barh(place, value, color=OURS, height=0.6)
        _interval(axes, place, value, summary["intervals"]["tasks"].get(task, {}).get(metric))
        floors = [floor["tasks"].get(task, {}).get(metric) for floor in summary["floors"].values()]
        best = max((floor for floor in floors if floor is not None), default=None)
        if best is not None:
            axes.plot([best, best], [place - 0.38, place + 0.38], color="#e0245e", linewidth=2)
    axes.set_yticks(range(len(rows)), [task.replace("_", " ") for task, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"{metric}, percent; grey: 95 % interval; red: highest floor")
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    canvas.savefig(buffer, dpi=120, format="png", metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode()


def _interval(axes: Any, place: int, value: float, bounds: Any) -> None:
    if bounds and bounds["low"] is not None:
        reach = [[max(value - bounds["low"], 0)], [max(bounds["high"] - value, 0)]]
        axes.errorbar(value, place, xerr=reach, color=FLOOR, capsize=3, linewidth=1.5)
