"""Tests whether colors or file properties reveal where a piece (a recolored part of a photo) was cut out.

None of the tests searches the images for the piece.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cgc_data.validate.answer_images import SIGNALS, answer_image, clusters
from cgc_data.validate.boxes import iou
from cgc_data.validate.classify import folds_of
from cgc_data.validate.colors import HISTOGRAMS
from cgc_data.validate.report import Check
from cgc_data.validate.statistics import Floats, Ints, clustered_mean, held_out_scores, hit_rate, judge, nothing
from cgc_data.validate.trace import Trace

# Maps features (n, k), true labels (n,), and folds (n,) to scores (n,); each score is from a model fitted to the other
# folds.
Matcher: TypeAlias = Callable[[Floats, NDArray[np.bool_], Ints], Floats]

BY_COLOR = 0.25  # recolored pieces are still found by color now and then
BY_LEARNING = 0.15


def image_by_color(traces: Sequence[Trace]) -> Check:
    """Measure the accuracy, minus chance, of always choosing the image that is closest to the piece in color.

    The check also measures this for the farthest image, and reports the higher result.
    """
    rows = [trace for trace in traces if len(trace.candidates) > 1]
    return answer_image("answer image by color", rows, _apart)


def _apart(trace: Trace) -> list[float]:
    """Color distance between the piece and each image; 0 for images that cannot contain the answer. Such images are
    never chosen.
    """
    return [one["channels"].apart if one else 0.0 for one in trace.colors]


def image_by_learning(traces: Sequence[Trace], matcher: Matcher = held_out_scores) -> Check:
    """Measure how much more often than chance a classifier finds the image with the answer.

    The classifier sees only colors and file properties, and is tested on photos that it has not seen. The default
    `matcher` is a logistic classifier.
    """
    name = "answer image by a learned matcher"
    what = (
        "accuracy of a classifier that sees the color distances, file properties, and sharpness of the images, minus "
        "chance"
    )
    rows = [trace for trace in traces if len(trace.candidates) > 1 and trace.colors]
    if len(rows) < 2:
        return nothing(name, what)
    groups, row_of = clusters(rows), np.repeat(np.arange(len(rows)), [len(t.candidates) for t in rows])
    truths = np.array([n in t.targets for t in rows for n in t.candidates], dtype=np.bool_)
    scores = matcher(_features(rows), truths, folds_of(groups)[row_of])
    hits = [truths[row_of == row][scores[row_of == row].argmax()] - 1 / len(t.candidates) for row, t in enumerate(rows)]
    chance = float(np.mean([1 / len(trace.candidates) for trace in rows]))
    value, interval = clustered_mean(np.array(hits), groups, chance=chance)
    return judge(name, value, interval, BY_LEARNING, len(rows), what)


def _features(rows: Sequence[Trace]) -> Floats:
    """Features of each candidate image in each row, with shape (candidates, features).

    The features are the values of `_measures`, standardized within the row, and their ranks within the row.
    """
    return np.concatenate([np.hstack([_against(table), _ranks(table)]) for table in map(_measures, rows)])


def _measures(trace: Trace) -> Floats:
    """Color distances and file properties of each candidate image, with shape (candidates, n)."""
    places = np.array(trace.candidates) - 1
    colors = [[d for one in trace.colors[place].values() for d in (one.apart, one.nearest)] for place in places]
    files = [np.log(np.maximum(found, 1e-9))[places] for signal in SIGNALS.values() if len(found := signal(trace))]
    return np.asarray(np.column_stack([np.array(colors), *files]))


def _against(table: Floats) -> Floats:
    return np.asarray((table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-9))


def _ranks(table: Floats) -> Floats:
    return np.asarray(table.argsort(axis=0).argsort(axis=0) / (len(table) - 1) - 0.5)


def box_by_color(traces: Sequence[Trace]) -> Iterator[Check]:
    """For each histogram, choose the box that is closest to the piece in color, and measure how often it is right.

    The guess knows which image contains the answer, and chooses among boxes of the true size.
    """
    rows = [trace for trace in traces if len(trace.boxes) == 1 and trace.colors]
    for histogram in HISTOGRAMS:
        name, what = (
            f"place by color ({histogram})",
            (
                "accuracy at IoU 0.5 of a guess that knows the right image and box size, and chooses the place whose "
                "colors are most similar to the piece"
            ),
        )
        if not rows:
            yield nothing(name, what)
            continue
        hits = np.array([_is_likest(trace, histogram) for trace in rows], dtype=np.float64)
        yield judge(name, *hit_rate(hits, clusters(rows)), BY_COLOR, len(rows), what)


def _is_likest(trace: Trace, histogram: str) -> bool:
    """Whether the guessed box is right (IoU of at least 0.5).

    The guess is the box that is closest to the piece in color. It is chosen in the image with the answer.
    """
    (target,) = trace.targets
    return iou(trace.boxes[0], trace.colors[target - 1][histogram].likest) >= 0.5
