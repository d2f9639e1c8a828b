"""Two runs on the same items as one static page: differences by task, and items won and lost with their images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cgc_bench.errors import ReportError
from cgc_bench.report.pages import render, write_page
from cgc_bench.report.paired import Difference, compare_units
from cgc_bench.report.runs import Run
from cgc_bench.scoring.asked import differences, other_data
from cgc_bench.scoring.benchmark import ItemResult

Boxes = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Shown:
    """An image of an item with boxes as (kind, left, top, width, height), in percent of it.

    A box of which nothing says the image is drawn in all.
    """

    file: str
    boxes: tuple[tuple[str, float, float, float, float], ...]


@dataclass(frozen=True)
class Card:
    """One item that one of the two had better."""

    task: str
    index: str
    won: bool
    question: str
    images: tuple[Shown, ...]
    base: ItemResult
    new: ItemResult
    values: tuple[float, float]


def write_comparison(base: Run, new: Run, folder: Path, *, per_task: int = 6) -> tuple[Path, list[Difference]]:
    """Write index.html and comparison.md with images beside them into a folder, and give the differences.

    `per_task` items won and as many lost are shown for each task.
    Raises ReportError where the runs are of different benchmarks or annotations, or the folder holds other files.
    """
    _check_same(base, new)
    metric = new.bench.metrics[0]
    found = compare_units(base.bench.units(base.results), new.bench.units(new.results), metric)
    if not found:
        raise ReportError(f"{base.name} and {new.name} have no item in common")
    images: dict[str, bytes] = {}
    cards = [card for one in found for card in _cards(one, base, new, metric, per_task, images)]
    given = {"base": base, "new": new, "metric": metric, "differences": found, "cards": cards}
    given["warnings"] = differences(base.asked, new.asked)
    pages = {"index.html": render("comparison.html.j2", **given), "comparison.md": render("comparison.md.j2", **given)}
    return write_page(folder, pages, images), found


def _check_same(base: Run, new: Run) -> None:
    ours, theirs = ((run.bench.name, {item.version for item in run.items.values()}) for run in (base, new))
    if ours != theirs:
        raise ReportError(
            f"{base.name} was run on {ours[0]}, {', '.join(sorted(ours[1]))} annotations, but {new.name} on "
            f"{theirs[0]}, {', '.join(sorted(theirs[1]))}: only answers to the same items compare"
        )
    changed = other_data(base.asked, new.asked)
    if changed:
        raise ReportError(
            f"{base.name} and {new.name} were asked about other items or images ({', '.join(changed)}): "
            "run both on the same prepared data"
        )


def _cards(found: Difference, base: Run, new: Run, metric: str, most: int, images: dict[str, bytes]) -> list[Card]:
    first, second = ({result.index: result for result in run.results} for run in (base, new))
    chosen = [(index, True) for index in found.won[:most]] + [(index, False) for index in found.lost[:most]]
    return [
        _card(found.task, index, won, first[index], second[index], new, metric, images)
        for index, won in chosen
        if index in first and index in second
    ]


def _card(
    task: str, index: str, won: bool, base: ItemResult, new: ItemResult, run: Run, metric: str, images: dict[str, bytes]
) -> Card:
    values = (base.values[metric] or 0.0, new.values[metric] or 0.0)
    question = run.bench.prompt(run.items[index])
    return Card(task, index, won, question, _shown(index, base, new, run, images), base, new, values)


def _shown(index: str, base: ItemResult, new: ItemResult, run: Run, images: dict[str, bytes]) -> tuple[Shown, ...]:
    ready = run.ready[new.task]
    places = {name: place for place, name in enumerate(ready.indices(new.task))}
    shown = []
    for number, content in enumerate(ready.images(new.task, places[index]), 1):
        suffix = ".png" if content.startswith(b"\x89PNG") else ".jpg"
        file = f"images/{len(images):05d}{suffix}"
        images[file] = content
        kinds = (("true", new.truth), ("base", base.boxes), ("new", new.boxes))
        boxes = tuple((kind, *_percent(box[1:])) for kind, drawn in kinds for box in drawn if box[0] in (0, number))
        shown.append(Shown(file, boxes))
    return tuple(shown)


def _percent(box: Sequence[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (min(max(value, 0.0), 1000.0) / 10 for value in box)
    return min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)
