"""One table per benchmark, with one row per model and one column per task.

Your results and published results are in separate blocks, and each row has a tag that states its origin. Runs with the
same prompts and the same scoring share a block. Within each block, the best value of each column is marked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cgc_bench.prepare.versions import without_digest
from cgc_bench.report.paired import MEAN
from cgc_bench.report.published import Figure, figures_of
from cgc_bench.report.runs import Run
from cgc_bench.scoring.asked import TITLES, Asked, described
from cgc_bench.scoring.benchmark import AnyBenchmark
from cgc_bench.scoring.summary import Interval, Summary

OURS, BOUNDS = "ours", "95 %"
_AVERAGE = "average"
# Settings that every heading names. Other settings also separate blocks, and headings name them if they differ.
_HEADED = ("profile", "max_pixels")
_PARTING = tuple(field for field in TITLES if field != "versions")
Values = Mapping[str, float | None]
Scored = tuple[Run, Summary]


@dataclass(frozen=True)
class Line:
    """The row of one model: one value per column (in percent), the 95 % confidence interval of the mean, and the
    columns in which the model is best.
    """

    model: str
    tag: str
    values: Values
    bounds: Interval | None = None
    best: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Block:
    """A block of comparable rows, and the protocol that they share."""

    protocol: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Leaderboard:
    """The table of one benchmark. Its `columns` are, in this order: the tasks, any other columns, `MEAN`, and published
    averages that are not plain means of the tasks.
    """

    name: str
    title: str
    metric: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]

    def ours(self) -> "Leaderboard":
        """A copy of the table with only your own results. Columns that contain only published figures are removed."""
        blocks = tuple(block for block in self.blocks if all(line.tag == OURS for line in block.lines))
        held = {column for block in blocks for line in block.lines for column in line.values}
        return replace(self, columns=tuple(name for name in self.columns if name in held), blocks=blocks)


def leaderboards(scored: Sequence[Scored]) -> list[Leaderboard]:
    """One table for each benchmark that was run, in the order of the runs."""
    names = dict.fromkeys(run.bench.name for run, _ in scored)
    return [_leaderboard([entry for entry in scored if entry[0].bench.name == name]) for name in names]


def _leaderboard(scored: Sequence[Scored]) -> Leaderboard:
    bench = scored[0][0].bench
    metric = bench.metrics[0]
    blocks = [*_our_blocks(scored, metric), *_published_blocks(bench, _versions(scored), metric)]
    return Leaderboard(bench.name, bench.title, metric, _columns(bench, blocks), tuple(blocks))


def _versions(scored: Sequence[Scored]) -> set[str]:
    return {without_digest(item.version) for run, _ in scored for item in run.items.values()}


def _columns(bench: AnyBenchmark, blocks: Sequence[Block]) -> tuple[str, ...]:
    """The columns of the table: the benchmark's tasks that have a value, then any other columns, then the means."""
    found = dict.fromkeys(column for block in blocks for line in block.lines for column in line.values)
    tasks = [task for task in bench.tasks if task in found]
    others = [column for column in found if column not in tasks and column != MEAN]
    means = [column for column in others if _AVERAGE in column]
    return (*tasks, *(column for column in others if column not in means), MEAN, *means)


def _our_blocks(scored: Sequence[Scored], metric: str) -> list[Block]:
    parted: dict[tuple[object, ...], list[Scored]] = {}
    for run, summary in scored:
        parted.setdefault(_protocol(run, summary), []).append((run, summary))
    headings = [str(key[0]) for key in parted]
    firsts = [entries[0][0].asked for entries in parted.values()]
    alike = [[asked for asked, other in zip(firsts, headings, strict=True) if other == one] for one in headings]
    return [
        Block(
            "; ".join([heading, *described(asked, _differing(others)), *_doubts(entries)]),
            _marked([_our_line(run, summary, metric) for run, summary in entries]),
        )
        for heading, asked, others, entries in zip(headings, firsts, alike, parted.values(), strict=True)
    ]


def _doubts(entries: Sequence[Scored]) -> Iterator[str]:
    """The reason why the rows of a block may not be comparable, if there is one."""
    if len(entries) > 1 and not all(one.prompts for one in entries[0][0].asked.values()):
        yield "prompts not recorded, so the rows may not be comparable"


def _differing(runs: Sequence[Mapping[str, Asked]]) -> list[str]:
    """The names of the settings that differ between runs with the same heading."""
    return [field for field in _PARTING if len({_values(field, asked) for asked in runs}) > 1]


def _protocol(run: Run, summary: Summary) -> tuple[object, ...]:
    """The settings that must be the same for two runs to be comparable. The heading comes first."""
    items = f"{summary['n']:,} of {summary['items']:,} items"
    scoring = f"{run.label}, {summary['annotations']} annotations, {summary['protocol']} scoring, {items}"
    return "; ".join([scoring, *described(run.asked, _HEADED)]), *_settings(run.asked)


def _settings(asked: Mapping[str, Asked]) -> list[object]:
    return [_values(field, asked) for field in _PARTING]


def _values(field: str, asked: Mapping[str, Asked]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((task, str(getattr(one, field))) for task, one in asked.items()))


def _our_line(run: Run, summary: Summary, metric: str) -> Line:
    values = {task: row[metric] for task, row in summary["tasks"].items()} | {MEAN: summary["macro"][metric]}
    return Line(run.name, OURS, values, summary["intervals"]["macro"].get(metric))


def _published_blocks(bench: AnyBenchmark, versions: Iterable[str], metric: str) -> list[Block]:
    """Blocks of published figures, one for each published table. Includes only figures whose annotation version is
    unknown or is one of `versions`.
    """
    figures = dict.fromkeys(
        figure for version in sorted(versions) for figure in figures_of(bench.name, annotations=version)
    )
    parted: dict[str, dict[tuple[str, str], dict[str, float | None]]] = {}
    for figure in figures:
        if figure.metric == metric or figure.metric.startswith(f"{metric}, "):
            row = parted.setdefault(_source(figure, metric), {}).setdefault((_named(figure, metric), figure.tag), {})
            row[MEAN if figure.task == _AVERAGE else figure.task] = figure.value
    return [
        Block(source, _marked([Line(model, tag, row) for (model, tag), row in rows.items()]))
        for source, rows in parted.items()
    ]


def _named(figure: Figure, metric: str) -> str:
    """The name of the model. For a difference, the names of both models, such as "GeM-VG minus the best before it"."""
    difference = _qualifier(figure, metric)
    return difference if " minus " in difference else figure.model


def _source(figure: Figure, metric: str) -> str:
    parts = [
        f"{figure.source}, {figure.where}",
        f"{figure.annotations} annotations",
        _qualifier(figure, metric),
        figure.note,
    ]
    return "; ".join(part for part in parts if part)


def _qualifier(figure: Figure, metric: str) -> str:
    """The text after `metric` in `figure.metric`, such as "A minus B" for "acc@0.5, A minus B". It can be empty."""
    return figure.metric.removeprefix(metric).removeprefix(", ")


def _marked(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The rows, with the best value of each column marked. In a column with only one value, nothing is marked."""
    if len(lines) < 2:
        return tuple(lines)
    best: dict[str, float] = {}
    for column in {column for line in lines for column in line.values}:
        values = [value for line in lines if (value := line.values.get(column)) is not None]
        if len(values) > 1:
            best[column] = max(values)
    return tuple(
        replace(line, best=frozenset(name for name in best if line.values.get(name) == best[name])) for line in lines
    )
