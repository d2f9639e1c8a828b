"""Computes how much of an object the windows of one size show, for all offsets in its photo at once. Offsets are on a
grid of STEP pixels that reaches the photo's borders. Tables have the grid's shape (rows, columns).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cgc_data.config import Limits
from cgc_data.geometry import Window
from cgc_data.masks import Box

STEP = 8  # photo pixels

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Counts = NDArray[np.int32]
Lengths = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """Size of a window in photo pixels, and the size at which it is shown."""

    width: int
    height: int
    view_width: int
    view_height: int

    @property
    def scale(self) -> float:
        """Geometric mean of the sides, in photo pixels."""
        return float(np.sqrt(self.width * self.height))

    def least_side(self, limits: Limits) -> float:
        """Minimum length of a box's shorter side in photo pixels, so that it is long enough in the photo and in the
        resized view.
        """
        enlargement = min(self.view_width / self.width, self.view_height / self.height)
        seen = min(1.0, (limits.pixel_budget / (self.view_width * self.view_height)) ** 0.5)
        return float(max(limits.min_side, limits.min_side / (enlargement * seen)))


@dataclass(frozen=True)
class Offsets:
    """Left edges (columns,) and top edges (rows,) of windows of one size, in photo pixels."""

    width: int
    height: int
    left: Numbers
    top: Numbers

    def window(self, place: int) -> Window:
        """The window at a place of the grid, counted row by row."""
        row, column = divmod(place, len(self.left))
        x, y = int(self.left[column]), int(self.top[row])
        return Window(x, y, x + self.width, y + self.height)

    def overlap(self, other: Window) -> Lengths:
        """IoU between each window and another window, (rows, columns)."""
        across = _shared(self.left, self.width, other.x1, other.x2)
        down = _shared(self.top, self.height, other.y1, other.y2)
        common = down[:, None] * across
        return np.asarray(common / (self.width * self.height + other.width * other.height - common))


@dataclass(frozen=True)
class Extent:
    """Extent of an object: its box in photo pixels, and counts of its mask's pixels, or None without a mask.

    `counts` (box height + 1, box width + 1) is the number above and to the left of each corner in the box.
    """

    box: Box
    counts: Counts | None

    @classmethod
    def of_mask(cls, box: Box, pixels: NDArray[np.uint8]) -> "Extent":
        """The extent from a decoded mask (height, width) and its tight box."""
        x1, y1, x2, y2 = (int(value) for value in box)
        counts = np.zeros((y2 - y1 + 1, x2 - x1 + 1), dtype=np.int32)
        np.cumsum(pixels[y1:y2, x1:x2], axis=0, dtype=np.int32, out=counts[1:, 1:])
        np.cumsum(counts[1:, 1:], axis=1, out=counts[1:, 1:])
        return cls(box, counts)


def offsets_of(photo: tuple[int, int], width: int, height: int) -> Offsets:
    """All offsets of a window of this size in a photo of width and height `photo`, which must fit the window."""
    return Offsets(width, height, _steps(photo[0] - width), _steps(photo[1] - height))


def count_fitting(extents: Sequence[Extent], offsets: Offsets, frame: Frame, limits: Limits) -> tuple[Numbers, Mask]:
    """Number of objects in each window, 0 if one of them is too small or too much of it is cut off; and a mask of the
    windows without an object.

    Sizes are judged by boxes cut to the window. This is exact for whole objects; masks may be smaller.
    """
    count = np.zeros((len(offsets.top), len(offsets.left)), dtype=np.int64)
    sound, gone = np.ones_like(count, dtype=np.bool_), np.ones_like(count, dtype=np.bool_)
    for extent in extents:
        missed, visible = seen(extent, offsets, limits)
        count += visible
        gone &= missed
        visible &= large_in(extent.box, offsets, frame, limits)
        visible |= missed
        sound &= visible
    count *= sound
    return count, gone


@lru_cache(maxsize=4096)
def _steps(most: int) -> Numbers:
    return np.unique(np.linspace(0, most, most // STEP + 2).round().astype(np.int64))


def _shared(starts: Numbers, length: int, low: float, high: float) -> Lengths:
    """Overlap (n,) of low..high with each interval of this length."""
    return np.asarray(np.maximum(np.minimum(starts + length, high) - np.maximum(starts, low), 0), dtype=np.float64)


def seen(extent: Extent, offsets: Offsets, limits: Limits) -> tuple[Mask, Mask]:
    """Masks (rows, columns) of the windows without the object or its margin, and of the windows that show enough of the
    object.

    Enough means the whole object, or a share of its mask if it has one.
    """
    if extent.counts is not None:
        enough = max(limits.visible * int(extent.counts[-1, -1]), 1)
        return _pixels(extent.counts, extent.box, offsets, limits.margin) == 0, (
            _pixels(extent.counts, extent.box, offsets, 0) >= enough
        )
    x1, y1, x2, y2 = extent.box
    left, top = offsets.left, offsets.top[:, None]
    right, bottom = left + offsets.width, top + offsets.height
    missed_across = (x2 <= left - limits.margin) | (x1 >= right + limits.margin)
    missed_down = (y2 <= top - limits.margin) | (y1 >= bottom + limits.margin)
    whole_across, whole_down = (x1 >= left) & (x2 <= right), (y1 >= top) & (y2 <= bottom)
    return np.asarray(missed_across | missed_down), np.asarray(whole_across & whole_down)


def _pixels(counts: Counts, box: Box, offsets: Offsets, margin: int) -> Counts:
    """Number of mask pixels in each window after the window is enlarged by a margin."""
    top, bottom = _ends(offsets.top, int(box[1]), offsets.height, margin, counts.shape[0] - 1)
    left, right = _ends(offsets.left, int(box[0]), offsets.width, margin, counts.shape[1] - 1)
    bands = counts.take(bottom, axis=0)
    bands -= counts.take(top, axis=0)
    return np.asarray(bands.take(right, axis=1) - bands.take(left, axis=1))


def _ends(starts: Numbers, origin: int, length: int, margin: int, most: int) -> tuple[Numbers, Numbers]:
    low, high = starts - (origin + margin), starts + (length + margin - origin)
    for ends in (low, high):  # np.clip is three times slower
        np.maximum(ends, 0, out=ends)
        np.minimum(ends, most, out=ends)
    return low, high


def large_in(box: Box, offsets: Offsets, frame: Frame, limits: Limits) -> Mask:
    """Mask (rows, columns) of the windows in which the visible part of the box has a valid side, area, and aspect ratio
    for an answer.
    """
    across = _shared(offsets.left, offsets.width, box[0], box[2])
    down = _shared(offsets.top, offsets.height, box[1], box[3])[:, None]
    least, most = frame.least_side(limits), limits.max_aspect
    large = across * down >= limits.min_area * frame.width * frame.height
    large &= across >= least
    large &= down >= least
    large &= across <= most * down
    large &= down <= most * across
    return np.asarray(large)
