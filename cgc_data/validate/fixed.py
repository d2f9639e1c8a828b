"""Measures how often one fixed box is the right answer.

All boxes of a grid are tried. The fixed box is the one that is right most often in unrelated rows.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cgc_data.geometry import iou_matrix
from cgc_data.validate.classify import families, folds_of
from cgc_data.validate.report import Check
from cgc_data.validate.statistics import hit_rate, judge, nothing
from cgc_data.validate.trace import Trace

BOUND = 0.10
STEPS = range(0, 1001, 100)  # side lengths of the boxes that are tried
RIGHT = 0.5  # IoU

Boxes = NDArray[np.float64]


def fixed_answer(name: str, traces: Sequence[Trace]) -> Check:
    """Accuracy at IoU 0.5 of always answering with the same box.

    All boxes of a grid are tried. For each cross-validation fold, the box is the one that is right most often in all
    other folds. Rows that are linked by a pair or a tuple are in the same fold. If the question does not name the
    image, the image is guessed at random.
    """
    what = (
        "accuracy at IoU 0.5 of a fixed box in a guessed image; the fixed box is the one that is right most often in "
        "unrelated rows"
    )
    rows = [trace for trace in traces if len(trace.boxes) == 1]
    if not rows:
        return nothing(name, what)
    groups = families(rows)
    folds = folds_of(groups)
    right = _right(np.array([trace.boxes[0] for trace in rows], dtype=np.float64))
    hits = np.zeros(len(rows))
    for fold in np.unique(folds):
        held = folds == fold
        hits[held] = right[held, right[~held].sum(axis=0).argmax()]
    hits /= [1.0 if trace.named else len(trace.candidates) for trace in rows]
    return judge(name, *hit_rate(hits, groups), BOUND, len(rows), what)


def _right(answers: Boxes) -> NDArray[np.bool_]:
    """Whether each answer matches each box of a grid (IoU of at least `RIGHT`), with shape (n, boxes).

    The answers are boxes with shape (n, 4) and coordinates 0-1000.
    """
    sides = [(low, high) for low, high in product(STEPS, STEPS) if low < high]
    tried = np.array([(x1, y1, x2, y2) for (x1, x2), (y1, y2) in product(sides, sides)], dtype=np.float64)
    return np.asarray(iou_matrix(answers, tried) >= RIGHT)
