"""Match predicted boxes to true boxes over all images of a sample, and compute scores from the matching.

Reward and benchmark share this module. Pairs are within one image, so the matching splits into small assignment
problems, one per image (and label).
"""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from cgc_data.answer import Object, Reading
from cgc_data.geometry import ciou_matrix, iou_matrix
from cgc_data.vocabulary import readable

Answer: TypeAlias = Reading | Sequence[Object]
_Matrix: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Matching:
    """One-to-one pairs of predictions and truths, in the order of the predictions.

    Attributes:
        pairs: (position among the predictions, position among the truths).
        ious: of each pair.
        scores: of each pair: its IoU after floor and power.
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
        truths: true objects.
        use_image: pair only boxes in the same image; if false, the image is ignored.
        use_label: pair only boxes with the same label, ignoring case, white space, and number ("dog", "dogs").
        power: exponent of the IoU, above 0.
        floor: IoU below which a pair scores 0, from 0 to 1.
        ceiling: IoU at which a pair scores 1, above 0 and at most 1.

    Raises:
        ValueError: `power`, `floor`, or `ceiling` is out of range.
    """
    if power <= 0 or not 0 <= floor <= 1 or not 0 < ceiling <= 1:
        raise ValueError(
            f"power {power} and ceiling {ceiling} must be above 0; floor {floor} and ceiling must be at most 1"
        )

    def score(ious: _Matrix) -> _Matrix:
        return np.where(ious >= ceiling, 1.0, np.where(ious >= floor, ious**power, 0.0))

    return _solve(predictions, truths, _keys(truths, use_image, use_label), score, score)


def match_at(
    predictions: Sequence[Object],
    truths: Sequence[Object],
    threshold: float = 0.5,
    *,
    use_image: bool = True,
    use_label: bool = False,
) -> Matching:
    """The matching with the most pairs of IoU >= `threshold`; ties are broken by the largest sum of IoU.

    Other arguments as in `match`. Pairs below the threshold are omitted.

    Raises:
        ValueError: `threshold` is not above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold {threshold} must be above 0 and at most 1")

    def score(ious: _Matrix) -> _Matrix:
        return np.where(ious >= threshold, ious, 0.0)

    def weigh(ious: _Matrix) -> _Matrix:
        # One more pair outweighs any sum of IoU.
        return np.where(ious >= threshold, ious + (min(ious.shape) + 1), 0.0)

    return _solve(predictions, truths, _keys(truths, use_image, use_label), score, weigh)


def match_ciou(
    predictions: Sequence[Object], truths: Sequence[Object], *, use_image: bool = True, use_label: bool = False
) -> Matching:
    """The matching with the largest sum of (1 + CIoU) / 2, where each term is at least 0; other arguments as in
    `match`.

    Boxes that do not overlap also earn a score, which is higher if they are closer. `ious` are those of `ciou_matrix`.
    """

    def score(values: _Matrix) -> _Matrix:
        return np.maximum((1 + values) / 2, 0.0)

    return _solve(predictions, truths, _keys(truths, use_image, use_label), score, score, ciou_matrix)


def set_miou(
    answer: Answer,
    truths: Sequence[Object],
    *,
    use_label: bool = False,
    power: float = 1.0,
    floor: float = 0.0,
) -> float:
    """Sum of the scores of `match` over max(|P|, |G|), from 0 to 1.

    |P| counts every element of a `Reading`, including malformed ones. The score is 1 if both are empty, and 0 if only
    one is empty or the reading is unreadable.
    """
    predictions, count = _counted(answer)
    if count is None:
        return 0.0
    if not count and not truths:
        return 1.0
    return match(predictions, truths, use_label=use_label, power=power, floor=floor).total / max(count, len(truths))


def f1_at(answer: Answer, truths: Sequence[Object], threshold: float = 0.5, *, use_label: bool = False) -> float:
    """F1 of the pairs of `match_at`, from 0 to 1; elements and empty answers count as in `set_miou`."""
    predictions, count = _counted(answer)
    if count is None:
        return 0.0
    if not count and not truths:
        return 1.0
    hits = len(match_at(predictions, truths, threshold, use_label=use_label).pairs)
    return 2 * hits / (count + len(truths))


def _counted(answer: Answer) -> tuple[Sequence[Object], int | None]:
    """The objects to match and |P|; None if there is no readable answer."""
    if isinstance(answer, Reading):
        return answer.objects, answer.elements if answer.readable else None
    return answer, len(answer)


def label_reader(labels: Iterable[str]) -> Callable[[str], str]:
    """A function that normalizes a written label: a name in `labels` and its plural become equal."""
    known = sorted(set(labels))
    # singulars last, so that a label maps to itself even if it is another's plural
    names = {_plain(readable(label).plural): _plain(label) for label in known} | {_plain(n): _plain(n) for n in known}

    def read(written: str) -> str:
        label = _plain(written)
        return names.get(label, label)

    return read


def _keys(truths: Sequence[Object], use_image: bool, use_label: bool) -> Callable[[Object], Hashable]:
    read = label_reader(item.label for item in truths) if use_label else lambda _: ""

    def key(item: Object) -> Hashable:
        return item.img_idx if use_image else None, read(item.label)

    return key


def _plain(label: str) -> str:
    return " ".join(label.casefold().split())


def _solve(
    predictions: Sequence[Object],
    truths: Sequence[Object],
    key: Callable[[Object], Hashable],
    score: Callable[[_Matrix], _Matrix],
    weigh: Callable[[_Matrix], _Matrix],
    overlap: Callable[[ArrayLike, ArrayLike], _Matrix] = iou_matrix,
) -> Matching:
    found: list[tuple[int, int, float, float]] = []
    columns_of = _positions(truths, key)
    for group, rows in _positions(predictions, key).items():
        columns = columns_of.get(group)
        if columns is None:
            continue
        ious = overlap([predictions[row].bbox_2d for row in rows], [truths[column].bbox_2d for column in columns])
        scores = score(ious)
        for i, j in zip(*linear_sum_assignment(weigh(ious), maximize=True), strict=True):
            if scores[i, j] > 0:
                found.append((rows[i], columns[j], float(ious[i, j]), float(scores[i, j])))
    found.sort()
    return Matching(tuple(f[:2] for f in found), tuple(f[2] for f in found), tuple(f[3] for f in found))


def _positions(items: Sequence[Object], key: Callable[[Object], Hashable]) -> dict[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for position, item in enumerate(items):
        groups[key(item)].append(position)
    return groups
