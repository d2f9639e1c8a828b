"""Prints a summary of scores as terminal tables. The first table shows the official scores. The second shows
diagnostics, which measure errors that the official scores do not show. The third shows the floors, which are the scores
of trivial answers.

A table that is wider than the terminal (80 columns in a pipe) is split into several tables, so that no number is
truncated.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import fill

from rich.console import JustifyMethod
from rich.table import Table

from cgc_bench.scoring.benchmark import AnyBenchmark
from cgc_bench.scoring.benchmark import Table as Figures
from cgc_bench.scoring.summary import Interval, Summary

NONE = "-"
# Width of a column in addition to its text: a space on each side and a border.
_AROUND = 3
Cells = Sequence[str]


def score_tables(bench: AnyBenchmark, summary: Summary, width: int) -> Iterator[Table]:
    """The tables of a summary, in reading order.

    Each table is at most `width` characters wide, and values are in percent.
    """
    yield from _official(bench, summary, width)
    shown = [name for name in bench.diagnostics if name in summary["diagnostics"]["macro"]]
    if shown:
        yield from _hidden(summary, shown, width)
    if summary["floors"]:
        yield from floors_tables(bench, summary["floors"], width)


def _official(bench: AnyBenchmark, summary: Summary, width: int) -> Iterator[Table]:
    first, *others = bench.metrics
    name = summary["protocol"] + (f", {summary['postprocess']}" if summary["postprocess"] else "")
    intervals = summary["intervals"]
    rows = [
        _row(task, row, intervals["tasks"].get(task, {}).get(first), first, others)
        for task, row in summary["tasks"].items()
    ]
    total = _row("macro", {"n": summary["n"], **summary["macro"]}, intervals["macro"].get(first), first, others)
    title = f"{bench.title}, {summary['annotations']} annotations, {name}"
    return _tables(title, ("task", "n", first, "95 %", *others), [*rows, total], width)


def _row(
    name: str, row: Mapping[str, float | None], bounds: Interval | None, first: str, others: Sequence[str]
) -> Cells:
    return (name, f"{row['n']:,}", _number(row[first]), _bounds(bounds), *(_number(row[other]) for other in others))


def _hidden(summary: Summary, names: Sequence[str], width: int) -> Iterator[Table]:
    lines = {**summary["diagnostics"]["tasks"], "macro": summary["diagnostics"]["macro"]}
    rows = [
        (task, *(_number(row[name]["value"] if name in row else None) for name in names)) for task, row in lines.items()
    ]
    return _tables("Diagnostics", ("task", *(name.replace("_", " ") for name in names)), rows, width)


def floors_tables(bench: AnyBenchmark, floors: Mapping[str, Figures], width: int) -> Iterator[Table]:
    """Tables with the floors (scores of trivial answers to the same items). They show only the benchmark's first
    metric.
    """
    metric = bench.metrics[0]
    tasks = next(iter(floors.values()))["tasks"]
    rows: list[Cells] = [
        (task, *(_number(floor["tasks"][task][metric]) for floor in floors.values())) for task in tasks
    ]
    rows.append(("macro", *(_number(floor["macro"][metric]) for floor in floors.values())))
    return _tables(f"Floors, {metric}", ("task", *floors), rows, width)


def _tables(title: str, heads: Cells, rows: Sequence[Cells], width: int) -> Iterator[Table]:
    """Split the columns into tables that fit the width, and repeat the first column in each."""
    widths = [_width(head, [row[place] for row in rows]) for place, head in enumerate(heads)]
    for number, chosen in enumerate(_fitting([needed + _AROUND for needed in widths], width)):
        table = Table(title=title + ", continued" * bool(number), title_justify="left", title_style="bold")
        for place in (0, *chosen):
            justify: JustifyMethod = "right" if place else "left"
            table.add_column(fill(heads[place], widths[place], break_long_words=False), justify=justify, no_wrap=True)
        for row in rows:
            if row is rows[-1]:
                table.add_section()
            table.add_row(*(row[place] for place in (0, *chosen)))
        yield table


def _width(head: str, cells: Iterable[str]) -> int:
    """The width of a column's longest number or heading word. A column of this width does not break any of them."""
    return max(map(len, (*head.split(), *cells)))


def _fitting(widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """Groups of column indices. Each group, together with the first column, fits the width. A group has at least one
    column, even if this column is too wide. The first column is not in any group.
    """
    lot: list[int] = []
    used = start = 1 + widths[0]
    for place, needed in enumerate(widths[1:], 1):
        if lot and used + needed > width:
            yield lot
            lot, used = [], start
        lot.append(place)
        used += needed
    yield lot


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _bounds(estimate: Interval | None) -> str:
    if estimate is None or estimate["low"] is None or estimate["high"] is None:
        return NONE
    return f"{estimate['low']:.1f}-{estimate['high']:.1f}"
