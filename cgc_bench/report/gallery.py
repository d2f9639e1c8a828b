"""Example cards of items that a model won (higher score than the base model) or lost (lower score). Each card shows
images, boxes, and the answers of both models. For each model and task, every card is from a different photo set.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cgc_bench.report.pages import IMAGES
from cgc_bench.report.paired import Difference
from cgc_bench.report.runs import Run
from cgc_bench.scoring.benchmark import ItemResult
from cgc_data.answer.layout import read_layout


@dataclass(frozen=True)
class Shown:
    """An image of an item, and the boxes to draw on it. Each box is (kind, left, top, width, height), and the four
    numbers are in percent of the image's size.

    If the image of a box is unknown, the box is drawn on every image.
    """

    file: str
    boxes: tuple[tuple[str, float, float, float, float], ...]


@dataclass(frozen=True)
class Answer:
    """The response of one model. `final` is its final answer, which can be empty. `whole` is the full response, or
    empty if the response contains only the final answer.
    """

    final: str
    whole: str
    note: str


@dataclass(frozen=True)
class Card:
    """One item on which one of the two models scored higher."""

    task: str
    index: str
    won: bool
    question: str
    images: tuple[Shown, ...]
    base: Answer
    new: Answer
    values: tuple[float, float]


@dataclass
class Album:
    """The images of a page, by file name. If several cards show the same item, its images are stored once."""

    files: dict[str, bytes] = field(default_factory=dict)
    of_item: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, run: Run, task: str, index: str) -> list[str]:
        """Store the item's images, and return their file names in order. Returns an empty list for saved responses,
        because their images are not available.
        """
        if task not in run.ready:
            return []
        if (task, index) not in self.of_item:
            ready = run.ready[task]
            place = ready.indices(task).index(index)
            self.of_item[task, index] = [self._store(content) for content in ready.images(task, place)]
        return self.of_item[task, index]

    def _store(self, content: bytes) -> str:
        suffix = ".png" if content.startswith(b"\x89PNG") else ".jpg"
        file = f"{IMAGES}/{len(self.files):05d}{suffix}"
        self.files[file] = content
        return file


def cards_of(found: Difference, base: Run, new: Run, most: int, seed: int, album: Album) -> list[Card]:
    """Up to `most` won items and up to `most` lost items, drawn at random with `seed`. Each item is from a different
    set of photos.
    """
    seen: set[str] = set()
    chosen = [
        (unit, won)
        for won, units in ((True, found.won), (False, found.lost))
        for unit in _drawn(units, most, random.Random(f"{seed} {found.task} {won}"), seen)
    ]
    return [_card(unit, won, base, new, album) for unit, won in chosen]


def _drawn(units: Sequence[ItemResult], most: int, chance: random.Random, seen: set[str]) -> Iterable[ItemResult]:
    """Up to `most` items or pairs in random order. At most one is drawn per cluster, which is a group of items that
    share photos. Clusters in `seen` are skipped, and the clusters of the drawn items are added to `seen`.
    """
    drawn: list[ItemResult] = []
    for unit in chance.sample(units, len(units)):
        if len(drawn) < most and unit.cluster not in seen:
            seen.add(unit.cluster)
            drawn.append(unit)
    return drawn


def _card(unit: ItemResult, won: bool, base: Run, new: Run, album: Album) -> Card:
    metric = new.bench.metrics[0]
    index = _telling(unit, base, new, metric)
    first, second = base.by_index[index], new.by_index[index]
    return Card(
        task=unit.task,
        index=unit.index,
        won=won,
        question=new.bench.prompt(new.items[index]),
        images=_shown(first, second, album.add(new if new.ready else base, unit.task, index)),
        base=_answer(first),
        new=_answer(second),
        values=(first.values[metric] or 0.0, second.values[metric] or 0.0),
    )


def _telling(unit: ItemResult, base: Run, new: Run, metric: str) -> str:
    """The index of the item to show. For a pair, this is the first item on which the scores of the models differ."""
    members = unit.members or (unit.index,)
    return next((i for i in members if base.by_index[i].values[metric] != new.by_index[i].values[metric]), members[0])


def _answer(result: ItemResult) -> Answer:
    layout = read_layout(result.response, require_think=False)
    final = ((layout.conclusion if layout.body is None else layout.body) or "").strip()
    whole = result.response.strip()
    return Answer(final, "" if whole == final else whole, result.note)


def _shown(base: ItemResult, new: ItemResult, files: Sequence[str]) -> tuple[Shown, ...]:
    kinds = (("true", new.truth), ("base", base.boxes), ("new", new.boxes))
    return tuple(
        Shown(
            file,
            tuple((kind, *_percent(box[1:])) for kind, drawn in kinds for box in drawn if box[0] in (0, number)),
        )
        for number, file in enumerate(files, 1)
    )


def _percent(box: Sequence[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (min(max(value, 0.0), 1000.0) / 10 for value in box)
    return min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)
