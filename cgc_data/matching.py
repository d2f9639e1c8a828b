"""Matches predicted boxes to ground-truth boxes over all images of a sample, and computes scores from the matching.

The reward and the benchmark share this module. Only boxes in the same image are paired, unless images are ignored.
Therefore, the matching splits into small assignment problems, one per image (and per label, if labels must match).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np

from cgc_data.answer import Object, Reading
from cgc_data.geometry import ThousandBox, ciou_matrix, iou_table
from cgc_data.vocabulary import readable

Answer: TypeAlias = Reading | Sequence[Object]
# One row per prediction, one column per truth. Lists, because most matrices are so small that NumPy would be slower.
_Table: TypeAlias = list[list[float]]


@dataclass(frozen=True)
class Matching:
    """One-to-one pairs of predictions and truths, in the order of the predictions.

    Attributes:
        pairs: for each pair, the position of the prediction and the position of the ground-truth box.
        ious: IoU of each pair.
        scores: score of each pair, which is its IoU after floor, ceiling, and power are applied.
    """

    pairs: tuple[tuple[int, int], ...]
    ious: tuple[float, ...]
    scores: tuple[float, ...]

    @property
    def total(self) -> float:
        """Sum of the scores."""
        return math.fsum(self.scores)


def match(
    predictions: Sequence[Object],
    truths: Sequence[Object],
    *,
    use_image: bool = True,
    use_label: bool = False,
    power: float = 1.0,
    floor: float = 0.0,
    ceiling: float = 1.0,
) -> Matching:
    """The matching with the largest sum of scores; pairs that score 0 are omitted.

    Args:
        predictions: well-formed predicted objects.
        truths: ground-truth objects.
        use_image: pair only boxes in the same image. If false, images are ignored.
        use_label: pair only boxes with the same label, ignoring case, white space, and plurals ("dog", "dogs").
        power: exponent of the IoU (above 0).
        floor: a pair scores 0 if its IoU is below this value (from 0 to 1).
        ceiling: a pair scores 1 if its IoU is this value or higher (above 0 and at most 1).

    Raises:
        ValueError: `power`, `floor`, or `ceiling` is out of range.
    """
    if power <= 0 or not 0 <= floor <= 1 or not 0 < ceiling <= 1:
        raise ValueError(
            f"power {power} and ceiling {ceiling} must be above 0; floor {floor} must be at least 0; floor and ceiling "
            "must be at most 1"
        )

    def score(ious: _Table) -> _Table:
        if power == ceiling == 1 and floor == 0:
            return ious
        powers = ious if power == 1 else (np.array(ious) ** power).tolist()
        return [
            [1.0 if iou >= ceiling else raised if iou >= floor else 0.0 for iou, raised in zip(*row, strict=True)]
            for row in zip(ious, powers, strict=True)
        ]

    return _solve(_grouped(predictions, truths, use_image, use_label), score, score)


def match_at(
    predictions: Sequence[Object],
    truths: Sequence[Object],
    threshold: float = 0.5,
    *,
    use_image: bool = True,
    use_label: bool = False,
) -> Matching:
    """The matching with the most pairs whose IoU is at least `threshold`.

    If several matchings have the same number of pairs, the matching with the largest sum of IoU is returned.

    The other arguments are the same as in `match`. Pairs below the threshold are omitted.

    Raises:
        ValueError: `threshold` is at most 0 or above 1.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold {threshold} must be above 0 and at most 1")

    def score(ious: _Table) -> _Table:
        return [[iou if iou >= threshold else 0.0 for iou in row] for row in ious]

    def weigh(ious: _Table) -> _Table:
        pair = min(len(ious), len(ious[0])) + 1  # One more pair outweighs any sum of IoU.
        return [[iou + pair if iou >= threshold else 0.0 for iou in row] for row in ious]

    return _solve(_grouped(predictions, truths, use_image, use_label), score, weigh)


def match_ciou(
    predictions: Sequence[Object], truths: Sequence[Object], *, use_image: bool = True, use_label: bool = False
) -> Matching:
    """The matching with the largest sum of scores. The score of a pair is (1 + CIoU) / 2, but at least 0.
    The other arguments are the same as in `match`.

    Boxes that do not overlap also earn a score, which is higher for closer boxes. `ious` contains values of
    `ciou_matrix`.
    """

    def overlap(boxes: Sequence[ThousandBox], others: Sequence[ThousandBox]) -> _Table:
        table: _Table = ciou_matrix(boxes, others).tolist()
        return table

    def score(values: _Table) -> _Table:
        return [[max((1 + value) / 2, 0.0) for value in row] for row in values]

    return _solve(_grouped(predictions, truths, use_image, use_label), score, score, overlap)


def set_miou(
    answer: Answer,
    truths: Sequence[Object],
    *,
    use_label: bool = False,
    power: float = 1.0,
    floor: float = 0.0,
) -> float:
    """Sum of the scores of `match`, divided by max(|P|, |G|) for predictions P and truths G. The result is from 0 to 1.

    If the answer is a `Reading`, |P| counts all its elements, including malformed ones. The score is 1 if both P and G
    are empty. The score is 0 if exactly one of them is empty, or if the answer is unreadable.
    """
    predictions, count = _counted(answer)
    if count is None:
        return 0.0
    if not count and not truths:
        return 1.0
    return match(predictions, truths, use_label=use_label, power=power, floor=floor).total / max(count, len(truths))


def f1_at(answer: Answer, truths: Sequence[Object], threshold: float = 0.5, *, use_label: bool = False) -> float:
    """F1 score, from 0 to 1, in which the pairs of `match_at` are the true positives. Malformed elements and empty
    answers are treated as in `set_miou`.
    """
    predictions, count = _counted(answer)
    if count is None:
        return 0.0
    if not count and not truths:
        return 1.0
    hits = len(match_at(predictions, truths, threshold, use_label=use_label).pairs)
    return 2 * hits / (count + len(truths))


def _counted(answer: Answer) -> tuple[Sequence[Object], int | None]:
    """The objects to match, and the number of predictions |P| (None if the answer is unreadable)."""
    if isinstance(answer, Reading):
        return answer.objects, answer.elements if answer.readable else None
    return answer, len(answer)


def label_reader(labels: Iterable[str]) -> Callable[[str], str]:
    """A function that normalizes a label. A name in `labels` and its plural have the same normalized form."""
    names = _plain_names(tuple(sorted(set(labels))))

    def read(written: str) -> str:
        label = _plain(written)
        return names.get(label, label)

    return read


@lru_cache(maxsize=4096)
def _plain_names(known: tuple[str, ...]) -> Mapping[str, str]:
    """Map from the normalized form of each label, and of its plural, to the normalized label."""
    # singulars last, so that a label maps to itself even if it is another's plural
    return {_plain(readable(label).plural): _plain(label) for label in known} | {_plain(n): _plain(n) for n in known}


@lru_cache(maxsize=4096)
def _plain(label: str) -> str:
    return " ".join(label.casefold().split())


class _Group(NamedTuple):
    """Predicted and ground-truth boxes that may be paired with each other, and their positions in the lists of
    predictions and truths.
    """

    rows: list[int]
    columns: list[int]
    predicted: list[ThousandBox]
    true: list[ThousandBox]


def _grouped(
    predictions: Sequence[Object], truths: Sequence[Object], use_image: bool, use_label: bool
) -> Iterator[_Group]:
    read = label_reader([item.label for item in truths]) if use_label else None
    columns_of = _positions(truths, use_image, read)
    for key, rows in _positions(predictions, use_image, read).items():
        if columns := columns_of.get(key):
            predicted = [predictions[row].bbox_2d for row in rows]
            yield _Group(rows, columns, predicted, [truths[column].bbox_2d for column in columns])


def _positions(
    items: Sequence[Object], use_image: bool, read: Callable[[str], str] | None
) -> dict[tuple[int, str], list[int]]:
    """Positions of the items, grouped by image and label. The image is ignored unless `use_image` is true. The label is
    ignored unless `read`, which normalizes labels, is given.
    """
    groups: dict[tuple[int, str], list[int]] = {}
    for position, item in enumerate(items):
        key = (item.img_idx if use_image else 0, read(item.label) if read else "")
        groups.setdefault(key, []).append(position)
    return groups


def _solve(
    groups: Iterable[_Group],
    score: Callable[[_Table], _Table],
    weigh: Callable[[_Table], _Table],
    overlap: Callable[[Sequence[ThousandBox], Sequence[ThousandBox]], _Table] = iou_table,
) -> Matching:
    found: list[tuple[int, int, float, float]] = []
    for rows, columns, predicted, true in groups:
        ious = overlap(predicted, true)
        scores = score(ious)
        found += [(rows[i], columns[j], ious[i][j], scores[i][j]) for i, j in _best(scores, ious, weigh)]
    found.sort()
    return Matching(
        tuple([(row, column) for row, column, _, _ in found]),
        tuple([iou for _, _, iou, _ in found]),
        tuple([value for _, _, _, value in found]),
    )


def _best(scores: _Table, ious: _Table, weigh: Callable[[_Table], _Table]) -> list[tuple[int, int]]:
    """The pairs with a positive score in the best matching.

    If no two pairs with a positive score share a box, the matching contains all these pairs, and no solver is needed.
    """
    pairs = [(i, j) for i, row in enumerate(scores) for j, value in enumerate(row) if value > 0]
    if len(pairs) < 2 or len({i for i, _ in pairs}) == len(pairs) == len({j for _, j in pairs}):
        return pairs
    from scipy.optimize import linear_sum_assignment  # a slow import that few answers need

    chosen = linear_sum_assignment(weigh(ious), maximize=True)
    return [(i, j) for i, j in zip(*(side.tolist() for side in chosen), strict=True) if scores[i][j] > 0]
