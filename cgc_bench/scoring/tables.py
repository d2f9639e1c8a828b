"""A summary of scores as tables for a terminal: official figures, what they hide, floors."""

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table

from cgc_bench.scoring.benchmark import AnyBenchmark
from cgc_bench.scoring.benchmark import Table as Figures
from cgc_bench.scoring.summary import Interval, Summary

NONE = "-"


def score_tables(bench: AnyBenchmark, summary: Summary) -> Iterator[Table]:
    """The tables of a summary, in reading order; all values in percent."""
    yield _official(bench, summary)
    shown = [name for name in bench.diagnostics if name in summary["diagnostics"]["macro"]]
    if shown:
        yield _hidden(summary, shown)
    if summary["floors"]:
        yield floors_table(bench, summary["floors"])


def _official(bench: AnyBenchmark, summary: Summary) -> Table:
    first, *others = bench.metrics
    name = summary["protocol"] + (f", {summary['postprocess']}" if summary["postprocess"] else "")
    table = _table(f"{bench.title}, {summary['annotations']} annotations, {name}", "task", "n", first, "95 %", *others)
    for task, row in summary["tasks"].items():
        bounds = summary["intervals"]["tasks"].get(task, {}).get(first)
        table.add_row(task, f"{row['n']:,}", _number(row[first]), _bounds(bounds), *(_number(row[m]) for m in others))
    bounds, macro = summary["intervals"]["macro"].get(first), summary["macro"]
    table.add_section()
    table.add_row(
        "macro", f"{summary['n']:,}", _number(macro[first]), _bounds(bounds), *(_number(macro[m]) for m in others)
    )
    return table


def _hidden(summary: Summary, names: Sequence[str]) -> Table:
    table = _table("Beside the official figures", "task", *(name.replace("_", " ") for name in names))
    for task, row in summary["diagnostics"]["tasks"].items():
        table.add_row(task, *(_number(row[name]["value"] if name in row else None) for name in names))
    table.add_section()
    macro = summary["diagnostics"]["macro"]
    table.add_row("macro", *(_number(macro[name]["value"]) for name in names))
    return table


def floors_table(bench: AnyBenchmark, floors: Mapping[str, Figures]) -> Table:
    """What answers that look at nothing score on the same items, by the benchmark's first metric."""
    metric = bench.metrics[0]
    table = _table(f"Floors, {metric}", "task", *floors)
    tasks = next(iter(floors.values()))["tasks"]
    for task in tasks:
        table.add_row(task, *(_number(floor["tasks"][task][metric]) for floor in floors.values()))
    table.add_section()
    table.add_row("macro", *(_number(floor["macro"][metric]) for floor in floors.values()))
    return table


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", no_wrap=place == 0)
    return table


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _bounds(estimate: Interval | None) -> str:
    if estimate is None or estimate["low"] is None or estimate["high"] is None:
        return NONE
    return f"{estimate['low']:.1f}-{estimate['high']:.1f}"
