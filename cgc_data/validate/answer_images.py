"""Tests whether properties of the image files reveal which images contain the answer.

Chance is computed from the actual number of images that contain the answer.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cgc_data.tasks import CONTRASTS
from cgc_data.validate.classify import families
from cgc_data.validate.report import Check
from cgc_data.validate.statistics import clustered_mean, judge, nothing
from cgc_data.validate.trace import Trace

ABOVE_CHANCE = 0.05
# Of the intervals: highest and lowest of five signals in two contrasts are twenty guesses. None should pass by luck.
LEVEL = 1 - 0.05 / 20

Signal = Callable[[Trace], Sequence[float]]


def _bytes_per_pixel(trace: Trace) -> list[float]:
    return [size / (width * height) for size, (width, height) in zip(trace.num_bytes, trace.sizes, strict=False)]


SIGNALS: dict[str, Signal] = {
    "enlargement": lambda trace: trace.enlargements,
    "view size": lambda trace: [float(width * height) for width, height in trace.sizes],
    "file size": lambda trace: [float(size) for size in trace.num_bytes],
    "bytes per pixel": _bytes_per_pixel,
    "sharpness": lambda trace: trace.sharpness,
}


def answer_image_checks(traces: Sequence[Trace]) -> Iterator[Check]:
    """The results of one check per contrast and signal."""
    for contrast in CONTRASTS:
        rows = [trace for trace in traces if trace.contrast == contrast and _open(trace)]
        for name, signal in SIGNALS.items():
            yield answer_image(f"answer image by {name} ({contrast})", rows, signal)


def answer_image(name: str, rows: Sequence[Trace], signal: Signal) -> Check:
    """Measure how much more often than chance the image with the highest (or lowest) signal contains the answer.

    A signal is a property of each image, such as its file size.
    """
    what = "accuracy of always choosing the image with the highest (or always the lowest) value, minus chance"
    told = [trace for trace in rows if len(signal(trace)) == len(trace.sizes)]  # no bytes without stored images
    if not told:
        return nothing(name, what)
    groups, chance = clusters(told), float(np.mean([len(t.targets) / len(t.candidates) for t in told]))
    guesses = [np.array([_above_chance(t, np.array(signal(t)) * sign) for t in told]) for sign in (1, -1)]
    means = [clustered_mean(hits, groups, chance=chance, level=LEVEL) for hits in guesses]
    value, interval = max(means, key=lambda found: found[0])
    return judge(name, value, interval, ABOVE_CHANCE, len(told), what)


def clusters(rows: Sequence[Trace]) -> NDArray[np.int64]:
    """The group number of each row, with shape (n,).

    All rows with windows of the same photo form one group, because these windows look alike. Rows with uncropped photos
    are grouped by family.
    """
    if not rows[0].kind.contrast.windows:
        return families(rows)
    return np.asarray(np.unique([row.photos[0] for row in rows], return_inverse=True)[1], dtype=np.int64)


def _open(trace: Trace) -> bool:
    """Whether the image with the answer must be guessed.

    The question must not name the image, and some, but not all, of the candidate images must contain an answer.
    """
    return not trace.named and 0 < len(trace.targets) < len(trace.candidates)


def _above_chance(trace: Trace, values: NDArray[np.float64]) -> float:
    """The share of the candidates with the highest value that contain an answer, minus chance (the share of all
    candidates that contain an answer).
    """
    places = np.array(trace.candidates) - 1
    holding = np.array([number in trace.targets for number in trace.candidates], dtype=np.float64)
    greatest = np.isclose(values[places], values[places].max(), rtol=1e-9, atol=0)
    return float(holding[greatest].mean() - holding.mean())
