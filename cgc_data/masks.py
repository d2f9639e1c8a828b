"""Computes the tight box and the area of a mask that is clipped to a window. The run lengths suffice, so the mask is
not decoded to pixels.

An RLE is pycocotools' compressed form, {"size": [height, width], "counts": bytes}. Boxes are half-open x1, y1, x2, y2
in pixels of the photo.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data.common.errors import SegmentationError
from cgc_data.geometry import Window

Box: TypeAlias = tuple[float, float, float, float]


class Rle(TypedDict):
    """A mask in pycocotools' compressed form: `size` is the height and width in pixels, and `counts` contains the run
    lengths in column order.
    """

    size: list[int]  # height, width
    counts: bytes


# Pixels: limits on coordinates and total edge length. Larger polygons are damaged, and tracing them takes unbounded
# time.
FARTHEST, LONGEST = 1e5, 2e6
MOST_BITS = 30  # of one run length in compressed form; no photo has as many pixels
TRUNCATED = "truncated compressed run lengths"


def polygons_rle(polygons: Sequence[Sequence[float]], height: int, width: int) -> Rle | None:
    """Union of polygons, each given as x1, y1, x2, y2, and so on. Polygons with fewer than three points are ignored.
    None if no polygon is left.

    Raises SegmentationError for an odd number of coordinates, for a coordinate far outside any photo, or for edges that
    are too long in total.
    """
    solid, bound = [list(polygon) for polygon in polygons if len(polygon) >= 6], 0.0
    for polygon in solid:
        if len(polygon) % 2 or not (farthest := float(np.abs(polygon).max())) < FARTHEST:
            raise SegmentationError("the polygon has an odd number of coordinates, or extends far outside the photo")
        bound += len(polygon) * farthest  # each of half as many edges is at most twice as long
    if bound > LONGEST and sum(map(_length, solid)) > LONGEST:
        raise SegmentationError("polygons without end", f"the polygons are longer than {LONGEST:,.0f} pixels in total")
    return union(coco_mask.frPyObjects(solid, height, width)) if solid else None


def run_lengths_rle(counts: Sequence[int], height: int, width: int) -> Rle:
    """The mask with these uncompressed run lengths, in column order and starting with background.

    Raises SegmentationError if the runs do not fill the photo.
    """
    if min(counts, default=-1) < 0 or sum(counts) != height * width:
        raise SegmentationError(
            "the run lengths do not fill the photo", f"the run lengths do not fill {width} x {height} pixels"
        )
    solid = _without_empty(counts) if 0 in counts else list(counts)
    rle: Rle = coco_mask.frPyObjects({"size": [height, width], "counts": solid}, height, width)
    return rle


def _without_empty(counts: Sequence[int]) -> list[int]:
    """Run lengths of the same mask without zero-length runs, because pycocotools' merge stops at zero-length runs.

    Only the first run may have a length of zero.
    """
    runs = [0]
    for place, length in enumerate(counts):
        if length and (place - len(runs)) % 2:
            runs[-1] += length
        elif length:
            runs.append(length)
    return runs


def _length(polygon: Sequence[float]) -> float:
    """Perimeter of a closed polygon, where the length of an edge is the larger of its width and height."""
    points = np.array(polygon, dtype=np.float64).reshape(-1, 2)
    return float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum())


def compressed_rle(counts: str, height: int, width: int) -> Rle:
    """The mask with these compressed run lengths. Raises SegmentationError if the run lengths do not fill the photo."""
    try:
        text = counts.encode()
    except UnicodeEncodeError as error:
        raise SegmentationError(TRUNCATED) from error
    return run_lengths_rle(_decompress(text).tolist(), height, width)


def _decompress(counts: bytes) -> NDArray[np.int64]:
    """Run lengths (runs,) from COCO's compressed string, which stores 5 bits per character. From the fourth run on, the
    string stores the difference from the run two positions earlier.

    Raises SegmentationError if the string is truncated, or if a run is too long for any photo.
    """
    if not counts:
        return np.zeros(0, dtype=np.int64)
    characters = np.frombuffer(counts, dtype=np.uint8).astype(np.int64) - 48
    last = (characters & 0x20) == 0
    whole, last[-1] = bool(last[-1]), True
    ends = last.nonzero()[0]
    starts = np.concatenate([[0], ends[:-1] + 1])
    bits = 5 * (ends - starts + 1)
    if bits.max() > MOST_BITS:
        raise SegmentationError("a compressed run length is too long")
    if not whole:
        raise SegmentationError(TRUNCATED)
    place = np.arange(len(characters)) - np.repeat(starts, bits // 5)
    runs = np.add.reduceat((characters & 0x1F) << (5 * place), starts)
    runs -= ((characters[ends] & 0x10) >> 4) << bits  # the last character has the sign
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    return np.asarray(runs)


def pixels_in_box(rle: Rle, box: Box) -> NDArray[np.uint8]:
    """Pixels of a mask inside its tight box, as an array (box width, box height). Each row of the array is a column of
    pixels. Pixels of the mask are 1, and all other pixels are 0.

    This function is four times as fast as decoding the whole mask.
    """
    height, (x1, y1, x2, y2) = rle["size"][0], (int(edge) for edge in box)
    ends = _decompress(rle["counts"]).cumsum()
    np.clip(ends, x1 * height, x2 * height, out=ends)
    inside = np.arange(len(ends) + 1) % 2
    lengths = np.diff(ends, prepend=x1 * height, append=x2 * height)
    inside[-1] = 0  # what follows the last run
    return np.repeat(inside.astype(np.uint8), lengths).reshape(x2 - x1, height)[:, y1:y2]


def mask_area(rle: Rle) -> int:
    """Number of pixels of a mask."""
    return int(coco_mask.area(rle))


def tight_box(rle: Rle) -> Box | None:
    """Smallest half-open box around a mask's pixels; None for an empty mask."""
    x, y, width, height = coco_mask.toBbox(rle).tolist()
    return (x, y, x + width, y + height) if width > 0 and height > 0 else None


def union(rles: Sequence[Rle]) -> Rle:
    """Union of masks that have the same height and width."""
    rle: Rle = coco_mask.merge(list(rles), intersect=False)
    return rle


def intersection(rles: Sequence[Rle]) -> Rle:
    """Intersection of masks that have the same height and width."""
    rle: Rle = coco_mask.merge(list(rles), intersect=True)
    return rle


@lru_cache(maxsize=256)
def window_rle(window: Window, height: int, width: int) -> Rle:
    """The mask of a window in a photo of `width` x `height` pixels. The window is clipped at the photo's border. The
    result is cached, so do not modify it.
    """
    left, top = max(window.x1, 0), max(window.y1, 0)
    right, bottom = min(window.x2, width), min(window.y2, height)
    box = np.array([[left, top, max(right - left, 0), max(bottom - top, 0)]], dtype=np.float64)
    rle: Rle = coco_mask.frPyObjects(box, height, width)[0]
    return rle


def tight_box_in_window(rle: Rle, window: Window) -> tuple[Box | None, int]:
    """Clip a mask to a window, and return the tight box (in pixels of the photo) and the area of the clipped mask.

    The box is None if no part of the mask is inside the window.
    """
    height, width = rle["size"]
    inside = intersection([rle, window_rle(window, height, width)])
    return tight_box(inside), mask_area(inside)
