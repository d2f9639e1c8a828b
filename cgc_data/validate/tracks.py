"""Measures whether an object could be followed along a track (three or more views) without seeing the images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from cgc_data.validate.boxes import area, iou, overlap
from cgc_data.validate.report import Check
from cgc_data.validate.samples import Box
from cgc_data.validate.statistics import hit_rate, judge, measured, nothing, wilson
from cgc_data.validate.trace import Trace

BOUND = 0.10
RIGHT = 0.5  # IoU
FRAME: Box = (0, 0, 1000, 1000)
CENTER: Box = (250, 250, 750, 750)
# Maps the object's boxes in the images to one value per possible guess: whether the guess is right.
Guess: TypeAlias = Callable[[Sequence[Box | None]], Iterable[bool]]


def track_measures(traces: Sequence[Trace]) -> Iterator[Check]:
    """Check the accuracy of several ways to guess a box, and measure how often a view does not show the object.

    Rows with two views are not tracks.
    """
    tracks = [trace for trace in traces if len(trace.followed) > 2]
    yield _guessed(
        "constant velocity", "box predicted from the object's motion across the two previous images", tracks, _moved_on
    )
    yield _guessed("copied from the image before", "box of the image before", tracks, _stayed)
    yield _guessed("center box of a track", "center box in every image", tracks, _central)
    yield _lacking(tracks)


def _moved_on(followed: Sequence[Box | None]) -> Iterator[bool]:
    for first, second, third in zip(followed, followed[1:], followed[2:], strict=False):
        if first and second and third:
            yield iou(_extrapolated(first, second), third) >= RIGHT


def _extrapolated(first: Box, second: Box) -> Box:
    x1, y1, x2, y2 = (2 * after - before for before, after in zip(first, second, strict=True))
    moved = overlap((x1, y1, x2, y2), FRAME)
    return moved if area(moved) > 0 else (0, 0, 0, 0)


def _stayed(followed: Sequence[Box | None]) -> Iterator[bool]:
    return (iou(before, after) >= RIGHT for before, after in pairwise(followed) if before and after)


def _central(followed: Sequence[Box | None]) -> Iterator[bool]:
    return (iou(CENTER, box) >= RIGHT for box in followed if box)


def _guessed(name: str, what: str, tracks: Sequence[Trace], guess: Guess) -> Check:
    """The share of right guesses in all images of all tracks.

    The interval comes from resampling whole photos.
    """
    what = f"accuracy at IoU 0.5 of the {what}"
    hits = [(trace.photos[0], right) for trace in tracks for right in guess(trace.followed)]
    if not hits:
        return nothing(f"{name} floor", what)
    groups = np.unique([photo for photo, _ in hits], return_inverse=True)[1].astype(np.int64)
    rate, interval = hit_rate(np.array([right for _, right in hits], dtype=np.float64), groups)
    return judge(f"{name} floor", rate, interval, BOUND, len(hits), what)


def _lacking(tracks: Sequence[Trace]) -> Check:
    """The share of tracks in which one view does not show the object. There is no bound."""
    name, what = (
        "tracks with a view that lacks the object",
        "share of tracks in which one view does not show the object",
    )
    if not tracks:
        return nothing(name, what)
    lacking = sum(None in trace.followed for trace in tracks)
    return measured(name, lacking / len(tracks), len(tracks), what, wilson(lacking, len(tracks)))
