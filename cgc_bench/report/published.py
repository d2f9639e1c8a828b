"""Figures that other authors have published. Each figure has a source and a tag. All figures are read from a single
file.

They are shown separately from the results of your runs, and always with their tag.
"""

import importlib.resources
from dataclasses import dataclass
from functools import cache
from typing import Any, TypedDict

import yaml

TAGS = ("stated", "second-hand", "derived")
FILE = "published.yaml"


@dataclass(frozen=True)
class Figure:
    """One published figure.

    Attributes:
        benchmark: such as `mig`.
        task: one of the benchmark's tasks, or `average`. If the average is not a plain mean of the tasks, `task` also
            states how the average was computed.
        model: name of the model in the source.
        metric: name of the metric, such as `acc@0.5`. If the figure is a difference between two models, `metric` also
            describes this difference.
        value: in percent.
        annotations: version of the annotations; `unknown` if the source does not state it.
        tag: one of `TAGS`.
        source: title of the source.
        where: link to the source, or a description of where to find it.
        note: a remark for readers; can be empty.
    """

    benchmark: str
    task: str
    model: str
    metric: str
    value: float
    annotations: str
    tag: str
    source: str
    where: str
    note: str


class _Required(TypedDict):
    benchmark: str
    metric: str
    annotations: str
    tag: str
    source: str
    tasks: list[str]
    models: dict[str, list[float | None]]


class _Table(_Required, total=False):
    note: str


@cache
def published_figures() -> tuple[Figure, ...]:
    """Every figure, in the order of the file."""
    text = importlib.resources.files("cgc_cards").joinpath(FILE).read_text(encoding="utf-8")
    return parse_figures(yaml.safe_load(text))


def figures_of(benchmark: str, *, annotations: str | None = None) -> tuple[Figure, ...]:
    """Published figures for one benchmark. If you pass `annotations`, the result contains only figures for this version
    of the annotations, and figures whose version is unknown.
    """
    versions = None if annotations is None else (annotations, "unknown")
    return tuple(
        figure
        for figure in published_figures()
        if figure.benchmark == benchmark and (versions is None or figure.annotations in versions)
    )


def parse_figures(content: Any) -> tuple[Figure, ...]:
    """Figures in the decoded file.

    Raises:
        ValueError: a table has an unknown tag or source, or a row does not have one value per task.
    """
    return tuple(figure for table in content["tables"] for figure in _figures(table, content["sources"]))


def _figures(table: _Table, sources: dict[str, dict[str, str]]) -> list[Figure]:
    tag, source = table["tag"], table["source"]
    if tag not in TAGS:
        raise ValueError(f"{FILE}: tag {tag!r} is not one of {', '.join(TAGS)}")
    if source not in sources:
        raise ValueError(f"{FILE}: source {source!r} is not listed")
    found = []
    for model, values in table["models"].items():
        if len(values) != len(table["tasks"]):
            raise ValueError(f"{FILE}: {model} has {len(values)} figures for {len(table['tasks'])} tasks")
        written = [(task, value) for task, value in zip(table["tasks"], values, strict=True) if value is not None]
        found += [_figure(table, sources[source], model, task, float(value)) for task, value in written]
    return found


def _figure(table: _Table, source: dict[str, str], model: str, task: str, value: float) -> Figure:
    return Figure(
        benchmark=table["benchmark"],
        task=task,
        model=model,
        metric=table["metric"],
        value=value,
        annotations=table["annotations"],
        tag=table["tag"],
        source=source["title"],
        where=source["where"],
        note=table.get("note", ""),
    )
