"""Summarizes saved responses. A summary contains official scores and their confidence intervals, diagnostics, and
floors. Diagnostics measure errors that the official scores do not show. Floors are the scores of trivial answers to the
same items.

All values are in percent. `cgc-bench score` prints the summary as tables, and writes it to a file with `--json`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias, TypedDict

from cgc_bench.errors import ReportError, TaskError
from cgc_bench.prepare.layout import Item
from cgc_bench.prepare.versions import joined
from cgc_bench.scoring.asked import Asked, mixed
from cgc_bench.scoring.benchmark import AnyBenchmark, ItemResult, Items, Row, Table
from cgc_bench.scoring.intervals import Estimates, macro_estimates, task_estimates
from cgc_data.common.disk import refusal
from cgc_data.metrics import Estimate

# Diagnostics that detect answers on a scale other than 0-1000, with the units of such boxes. A share of answers above
# `MANY` percent is not an accident.
SCALES = {
    "pixel_scale": "contain numbers above 1000, so their boxes seem to be in pixels",
    "unit_scale": "contain coordinates from 0 to 1, so their boxes seem to be fractions of the image",
}
MANY = 5.0


class Interval(TypedDict):
    """A mean in percent, the bounds of its 95 % confidence interval, and the number of items."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class Intervals(TypedDict):
    """The mean of each metric over all tasks, within each task, and within each subtask."""

    macro: dict[str, Interval]
    tasks: dict[str, dict[str, Interval]]


Diagnostics: TypeAlias = Intervals


class Judged(TypedDict):
    """Scores of VLM2-Bench's video subtask, in which a judge model scores the answers."""

    judge: str
    score: float
    kinds: dict[str, float]
    n: int
    unread: int


class VideoSummary(TypedDict, total=False):
    """The entries that VLM2-Bench's judged video subtask adds to a summary."""

    pc_vid: Judged
    macro_with_pc_vid: dict[str, float]
    warnings: list[str]


class _Official(TypedDict):
    task: str
    protocol: str
    postprocess: str | None
    annotations: str
    asked: dict[str, dict[str, str | int | None]]
    n: int
    items: int
    macro: Mapping[str, float | None]
    tasks: Mapping[str, Row]
    missing_tasks: list[str]
    intervals: Intervals
    diagnostics: Diagnostics
    floors: dict[str, Table]
    faults: dict[str, list[str]]
    warnings: list[str]


class Summary(_Official, total=False):
    """Content of the file that `cgc-bench score --json` writes."""

    pc_vid: Judged
    macro_with_pc_vid: dict[str, float]


def score_responses(
    bench: AnyBenchmark,
    items: Items,
    responses: Mapping[str, str],
    *,
    protocol: str = "official",
    postprocess: str | None = None,
) -> list[ItemResult]:
    """Score every response. `responses` maps the index of each item to its response.

    Raises:
        TaskError: the benchmark does not have this protocol or this post-processing. Also raised if you combine
            post-processing with any protocol except `official`.
    """
    check_protocol(bench, protocol, postprocess)
    return [
        bench.score(items[index], response, protocol=protocol, postprocess=postprocess)
        for index, response in responses.items()
    ]


def check_protocol(bench: AnyBenchmark, protocol: str, postprocess: str | None) -> None:
    """Raise TaskError if the benchmark does not have this protocol or this post-processing, or if you combine
    post-processing with any protocol except `official`.
    """
    if protocol not in bench.protocols:
        raise TaskError(f"{bench.name} has no protocol {protocol!r}; choose from {', '.join(bench.protocols)}")
    if postprocess is None:
        return
    if postprocess not in bench.postprocesses:
        known = ", ".join(bench.postprocesses) or "none"
        raise TaskError(f"{bench.name} has no post-processing {postprocess!r}; choose from {known}")
    if protocol != "official":
        raise TaskError(
            f"post-processing {postprocess!r} requires --protocol official, because the published figures use that "
            "protocol"
        )


def summarise(
    bench: AnyBenchmark,
    items: Items,
    results: Sequence[ItemResult],
    *,
    protocol: str = "official",
    postprocess: str | None = None,
    asked: Mapping[str, Asked] | None = None,
) -> Summary:
    """The summary of scored results. Floors (scores of trivial answers) include only items with a response. `asked`
    contains the settings by task.
    """
    table = bench.table(results)
    units = bench.units(results)
    tasks = {item.task for item in items.values()}
    floors = {name: floor_table(bench, items, [result.index for result in results], name) for name in bench.floors}
    summary: Summary = {
        "task": bench.name,
        "protocol": protocol,
        "postprocess": postprocess,
        "annotations": versions(items),
        "asked": {task: asdict(one) for task, one in (asked or {}).items()},
        "n": table["n"],
        "items": len(items),
        "macro": table["macro"],
        "tasks": table["tasks"],
        "missing_tasks": [task for task in bench.tasks if task not in table["tasks"]],
        "intervals": _percents(units, bench.metrics),
        "diagnostics": _percents(units, bench.diagnostics),
        "floors": floors,
        "faults": bench.faults(items),
        "warnings": mixed(asked or {}),
    }
    summary["warnings"] += _warnings(bench, summary, tasks)
    return summary


def floor_table(bench: AnyBenchmark, items: Items, indices: Sequence[str], name: str) -> Table:
    """The official scores of the floor `name` (trivial answers), over the items with these indices."""
    return bench.table([bench.official(items[index], bench.floor_response(name, items[index])) for index in indices])


def versions(items: Mapping[str, Item]) -> str:
    """The version of the annotations."""
    return joined(item.version for item in items.values())


def write_summary(summary: Summary, file: Path) -> None:
    """Write the summary as JSON. Raises ReportError if the file cannot be written, or if it exists and is not a
    summary.
    """
    if file.exists() and not _is_summary(file):
        raise ReportError(f"{file} exists but was not written by `cgc-bench score`; choose another name")
    try:
        text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
        # Text that is not valid Unicode, such as a lone surrogate, stays a JSON escape.
        partial = file.with_name(f"{file.name}.partial")
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
        partial.replace(file)
    except OSError as error:
        raise ReportError(f"cannot write {refusal(error, file)}") from None


def _is_summary(file: Path) -> bool:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"task", "protocol", "annotations", "macro", "tasks"} <= content.keys()


def _percents(units: Sequence[ItemResult], metrics: Sequence[str]) -> Intervals:
    tasks = {task: _percent_row(row) for task, row in task_estimates(units, metrics).items()}
    return {"macro": _percent_row(macro_estimates(units, metrics)), "tasks": tasks}


def _percent_row(row: Estimates) -> dict[str, Interval]:
    return {metric: _percent(estimate) for metric, estimate in row.items() if estimate.n}


def _percent(estimate: Estimate) -> Interval:
    value, low, high = (
        None if value is None else 100 * value for value in (estimate.value, estimate.low, estimate.high)
    )
    return {"value": value, "low": low, "high": high, "n": estimate.n}


def _warnings(bench: AnyBenchmark, summary: Summary, tasks: set[str]) -> list[str]:
    found = []
    if summary["n"] < summary["items"]:
        found.append(f"{summary['n']:,} of {summary['items']:,} items have a response; the others do not count")
    if summary["missing_tasks"]:
        where = "the annotations" if not tasks.issuperset(bench.tasks) else "the responses"
        missing = ", ".join(summary["missing_tasks"])
        found.append(f"the macro average omits tasks that are missing from {where}: {missing}")
    found += [
        f"{len(indices):,} with faulty annotations that still count: {fault}"
        for fault, indices in summary["faults"].items()
    ]
    found += [f"{share:.1f} % of the answers {SCALES[name]}" for name, share in other_scales(summary).items()]
    return [*found, *_below_floors(bench, summary)]


def other_scales(summary: Summary) -> dict[str, float]:
    """The percentage of answers that use a wrong scale, by scale. Contains only scales that more than `MANY` percent of
    the answers use. `SCALES` describes each scale.
    """
    shares = {name: summary["diagnostics"]["macro"].get(name) for name in SCALES}
    return {name: row["value"] for name, row in shares.items() if row and row["value"] and row["value"] > MANY}


def _below_floors(bench: AnyBenchmark, summary: Summary) -> list[str]:
    metric = bench.metrics[0]
    value = summary["macro"][metric]
    floors = {name: table["macro"][metric] for name, table in summary["floors"].items()}
    if value is None:
        return []
    higher = {name: floor for name, floor in floors.items() if floor is not None and value < floor}
    return [f"{metric} {value:.2f} is below the floor '{name}' ({floor:.2f})" for name, floor in higher.items()]
