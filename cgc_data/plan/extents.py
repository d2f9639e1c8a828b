"""Computes, for many windows at once, how much of an object each window shows. The results have the same shape as the
windows: (sizes, offsets).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.config import Limits
from cgc_data.masks import Box, Rle, pixels_in_box
from cgc_data.plan.drawn_windows import DrawnWindows, Mask, Numbers, shared

Counts = NDArray[np.int32]


@dataclass(frozen=True)
class Extent:
    """Extent of an object: its box in photo pixels, and cumulative counts of its mask pixels. The counts are None if
    the object has no mask.

    `counts` (box width + 1, box height + 1) holds, for each pixel corner in the box, the number of mask pixels above
    and to the left of the corner.
    """

    box: Box
    counts: Counts | None

    @classmethod
    def of_mask(cls, box: Box, mask: Rle) -> "Extent":
        """Compute the extent from a mask and its tight box."""
        inside = np.ascontiguousarray(pixels_in_box(mask, box))
        return cls(box, np.asarray(cv2.integral(inside), dtype=np.int32))


def count_fitting(extents: Sequence[Extent], windows: DrawnWindows, limits: Limits) -> tuple[Numbers, Mask]:
    """Number of objects in each window, and a mask of the windows that contain no part of any object or its margin.

    The number is 0 if any object in the window is too small or is cut off too much. Sizes are measured on boxes clipped
    to the window. These sizes are exact for whole objects, but the visible part of a mask may be smaller than the
    clipped box.
    """
    count = np.zeros(windows.left.shape, dtype=np.int64)
    sound, gone = np.ones_like(count, dtype=np.bool_), np.ones_like(count, dtype=np.bool_)
    for extent in extents:
        missed, visible = seen(extent, windows, limits)
        count += visible
        gone &= missed
        visible &= large_in(extent.box, windows, limits)
        visible |= missed
        sound &= visible
    count *= sound
    return count, gone


def seen(extent: Extent, windows: DrawnWindows, limits: Limits) -> tuple[Mask, Mask]:
    """Two masks: the windows that contain no part of the object or its margin, and the windows that show enough of the
    object.

    If the object has a mask, the share `limits.visible` of the mask is enough. Otherwise, the window must contain the
    whole box.
    """
    if extent.counts is None:
        return seen_box(extent.box, windows, limits)
    enough = max(limits.visible * int(extent.counts[-1, -1]), 1)
    return _pixels(extent, windows, limits.margin) == 0, _pixels(extent, windows, 0) >= enough


def seen_box(box: Box, windows: DrawnWindows, limits: Limits) -> tuple[Mask, Mask]:
    """Same as `seen`, but for an object without a mask: the window must contain the whole box."""
    x1, y1, x2, y2 = box
    left, top, right, bottom = windows.left, windows.top, windows.right, windows.bottom
    missed = (left >= x2 + limits.margin) | (right <= x1 - limits.margin)
    missed |= (top >= y2 + limits.margin) | (bottom <= y1 - limits.margin)
    whole = (left <= x1) & (right >= x2) & (top <= y1) & (bottom >= y2)
    return np.asarray(missed), np.asarray(whole)


def _pixels(extent: Extent, windows: DrawnWindows, margin: int) -> Counts:
    """Number of mask pixels in each window, after the window is enlarged by a margin."""
    assert extent.counts is not None
    (x, y, *_), (columns, rows) = extent.box, extent.counts.shape
    left, right = (
        _clipped(edges, int(x) - by, columns - 1) for edges, by in ((windows.left, -margin), (windows.right, margin))
    )
    top, bottom = (
        _clipped(edges, int(y) - by, rows - 1) for edges, by in ((windows.top, -margin), (windows.bottom, margin))
    )
    left *= rows
    right *= rows
    flat = extent.counts.ravel()
    found = flat.take(right + bottom)
    found -= flat.take(right + top)
    found -= flat.take(left + bottom)
    found += flat.take(left + top)
    return np.asarray(found)


def _clipped(edges: Numbers, origin: int, most: int) -> Numbers:
    """Edges relative to `origin`, clipped to 0..`most`."""
    ends = edges - origin
    np.maximum(ends, 0, out=ends)  # np.clip is three times slower
    np.minimum(ends, most, out=ends)
    return ends


def large_in(box: Box, windows: DrawnWindows, limits: Limits) -> Mask:
    """Mask of the windows in which the visible part of the box can be an answer: its shorter side, area, and aspect
    ratio are within the limits.
    """
    across = shared(windows.left, windows.right, box[0], box[2])
    down = shared(windows.top, windows.bottom, box[1], box[3])
    frames, most = windows.frames, limits.max_aspect
    shorter, area = np.minimum(across, down), across * down
    large = shorter >= frames.least_side(limits)[:, None]
    large &= area >= (limits.min_area * frames.width * frames.height)[:, None]
    large &= area <= most * shorter * shorter
    return np.asarray(large)
