"""Writes a report about runs as Markdown and as one static page. For each benchmark, the report has a table of models
and tasks. After these tables, it lists all scores of each run.

The tables are also written as CSV and LaTeX. Published figures are kept separate from the results of the runs.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgc_bench.report.exports import as_csv, as_latex
from cgc_bench.report.groups import group_tables
from cgc_bench.report.leaderboard import Leaderboard, leaderboards
from cgc_bench.report.pages import TABLES, render, write_page
from cgc_bench.report.runs import Run, told_apart
from cgc_bench.scoring.asked import described
from cgc_bench.scoring.summary import Summary, other_scales

OURS, FLOOR = "#2f5fd0", "#9aa3b2"
# Units of a model's boxes, by the diagnostic that detects them.
_UNITS = {"pixel_scale": "pixels", "unit_scale": "fractions of the image, from 0 to 1"}


@dataclass(frozen=True)
class Section:
    """One run with its figures.

    Attributes:
        run: the answers.
        summary: figures of the run.
        plot: PNG encoded as base64.
    """

    run: Run
    summary: Summary
    plot: str

    @property
    def unpinned(self) -> bool:
        """Whether the benchmark's files are unpinned: neither a revision nor a published checksum identifies them."""
        return "unpinned" in f"{self.run.source} {self.summary['annotations']}"

    @property
    def asked(self) -> str:
        """The settings and prompts of the run, as text for readers."""
        return "; ".join(described(self.run.asked))

    @property
    def units(self) -> list[str]:
        """The units that the model's boxes seem to use, if these are not the requested units."""
        return [_UNITS[name] for name in other_scales(self.summary)]


def write_report(runs: Sequence[Run], folder: Path) -> Path:
    """Write report.md, index.html, and the tables to a folder. Raises ReportError if the folder contains files but no
    earlier report.
    """
    sections = [_section(run) for run in told_apart(runs)]
    scored = [(section.run, section.summary) for section in sections]
    boards = leaderboards(scored)
    given = {"sections": sections, "boards": boards, "groups": group_tables(scored)}
    names = {"report.md": "report.md.j2", "index.html": "report.html.j2"}
    pages = {name: render(template, **given) for name, template in names.items()}
    return write_page(folder, pages, _exported(boards))


def _exported(boards: Sequence[Leaderboard]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for board in boards:
        files[f"{TABLES}/{board.name}.csv"] = as_csv(board).encode()
        files[f"{TABLES}/{board.name}.tex"] = as_latex(board).encode()
        files[f"{TABLES}/{board.name}_ours.tex"] = as_latex(board.ours()).encode()
    return files


def _section(run: Run) -> Section:
    summary = run.summary()
    return Section(run, summary, _plot(run, summary))


def _plot(run: Run, summary: Summary) -> str:
    """Bar chart of the first metric by task, with confidence intervals. A line in each bar marks the task's highest
    floor, which is the score of the best trivial answer.
    """
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
    axes.set_xlabel(f"{metric}, percent; gray: 95 % interval; red: highest floor")
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    canvas.savefig(buffer, dpi=120, format="png", metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode()


def _interval(axes: Any, place: int, value: float, bounds: Any) -> None:
    if bounds and bounds["low"] is not None:
        reach = [[max(value - bounds["low"], 0)], [max(bounds["high"] - value, 0)]]
        axes.errorbar(value, place, xerr=reach, color=FLOOR, capsize=3, linewidth=1.5)
