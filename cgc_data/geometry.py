"""Converts boxes between pixels and the 0-1000 scale that models use, and between a photo and a window of the photo.

All conversions of coordinates are in this module, so that rounding and clipping are defined once. A box is x1, y1, x2,
y2 and half-open: its width is x2 - x1, and its height is y2 - y1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pycocotools import mask as coco_mask

THOUSAND = 1000
# Number of box pairs from which NumPy is faster than Python.
FEW = 64

Boxes: TypeAlias = NDArray[np.float64]
ThousandBox: TypeAlias = tuple[int, int, int, int]
Column: TypeAlias = NDArray[np.float64]

# Box formats of annotation files: COCO's, corners, center and size, and rows before columns, in pixels; three of them
# also as fractions of the photo's width and height.
BoxFormat = Literal["xywh", "xyxy", "cxcywh", "yxhw", "xywh_normalized", "xyxy_normalized", "cxcywh_normalized"]
BOX_FORMATS: tuple[BoxFormat, ...] = get_args(BoxFormat)
NORMALIZED = "_normalized"


@dataclass(frozen=True)
class Window:
    """A half-open rectangle in a photo, in whole pixels.

    Raises:
        ValueError: the rectangle is empty.
    """

    x1: int
    y1: int
    x2: int
    y2: int

    def __post_init__(self) -> None:
        if self.x1 >= self.x2 or self.y1 >= self.y2:
            raise ValueError(f"empty window: {self}")

    @property
    def width(self) -> int:
        """Width of the window, in photo pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> int:
        """Height of the window, in photo pixels."""
        return self.y2 - self.y1


def corners(a: Column, b: Column, c: Column, d: Column, form: BoxFormat) -> tuple[Column, Column, Column, Column]:
    """Convert boxes from a file's box format to x1, y1, x2, y2, without changing the unit. The four arguments and the
    four results are columns of shape (n,).
    """
    if form.startswith("xyxy"):
        return a, b, c, d
    if form.startswith("cxcywh"):
        return a - c / 2, b - d / 2, a + c / 2, b + d / 2
    if form == "yxhw":
        return b, a, b + d, a + c
    return a, b, a + c, b + d


def to_thousand(box_px: Sequence[float] | Boxes, width: float, height: float) -> ThousandBox:
    """Convert a box from pixels of a `width` x `height` view to integers 0-1000 relative to the view.

    Parts outside the view are clipped. Each coordinate is rounded half up, so it is off by at most half a unit. If
    the width would be rounded to 0, the box becomes one unit wide, at its original center. The same applies to the
    height. In these cases, a coordinate is off by at most one unit. The result has x1 < x2 and y1 < y2.

    Raises:
        ValueError: a coordinate is not finite, or the box has no area inside the view.
    """
    x1, y1, x2, y2 = (float(value) for value in box_px)
    (left, right), (top, bottom) = _thousand_side(x1, x2, width), _thousand_side(y1, y2, height)
    return left, top, right, bottom


def _thousand_side(low: float, high: float, size: float) -> tuple[int, int]:
    if not (math.isfinite(low) and math.isfinite(high) and max(low, 0.0) < min(high, size)):
        raise ValueError(f"the box spans {low} to {high}, which does not overlap the range 0 to {size}")
    start, stop = (min(max(value, 0.0), size) * THOUSAND / size for value in (low, high))
    first, last = math.floor(start + 0.5), math.floor(stop + 0.5)
    if first < last:
        return first, last
    cell = min(math.floor((start + stop) / 2), THOUSAND - 1)
    return cell, cell + 1


def from_thousand(box: Sequence[float], width: float, height: float) -> tuple[float, float, float, float]:
    """Convert a box from the 0-1000 scale to pixels of a `width` x `height` view."""
    x1, y1, x2, y2 = box
    return x1 * width / THOUSAND, y1 * height / THOUSAND, x2 * width / THOUSAND, y2 * height / THOUSAND


def box_area(boxes: ArrayLike) -> Boxes:
    """Areas (...) of boxes (..., 4); 0 for an empty or inverted box."""
    array = np.asarray(boxes, dtype=np.float64)
    sides = np.maximum(array[..., 2:] - array[..., :2], 0.0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def clip_box(boxes: ArrayLike, width: float, height: float) -> Boxes:
    """Boxes (..., 4), clipped to 0..width and 0..height, all in the same unit. Boxes outside become empty."""
    return np.clip(np.asarray(boxes, dtype=np.float64), 0.0, (width, height, width, height))


def map_box_to_view(box_px: ArrayLike, window: Window, width: float, height: float) -> Boxes:
    """Map boxes (..., 4) from photo pixels to pixels of the view that shows `window` at `width` x `height`.

    The result is not clipped: coordinates of parts outside the window are negative or exceed the size of the view.
    """
    offset, scale = _view_transform(window, width, height)
    return np.asarray((np.asarray(box_px, dtype=np.float64) - offset) * scale)


def map_box_to_photo(box_view: ArrayLike, window: Window, width: float, height: float) -> Boxes:
    """The inverse of `map_box_to_view`: map boxes (..., 4) from view pixels to photo pixels. Nothing is clipped."""
    offset, scale = _view_transform(window, width, height)
    return np.asarray(np.asarray(box_view, dtype=np.float64) / scale + offset)


def _view_transform(window: Window, width: float, height: float) -> tuple[Boxes, Boxes]:
    offset = np.array((window.x1, window.y1) * 2, dtype=np.float64)
    return offset, np.array((width / window.width, height / window.height) * 2)


def iou(a: ArrayLike, b: ArrayLike) -> float:
    """Intersection over union, 0-1, of two boxes (4,) in the same unit; 0 if either box is empty or inverted.

    Raises ValueError if a coordinate is not finite.
    """
    return float(iou_matrix(np.asarray(a), np.asarray(b))[0, 0])


def iou_matrix(a: ArrayLike, b: ArrayLike) -> Boxes:
    """Intersection over union (N, M) of boxes (N, 4) and (M, 4); N and M may be 0.

    Raises:
        ValueError: a coordinate is not finite.
    """
    first, second = _as_xywh(a), _as_xywh(b)
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)))
    values = coco_mask.iou(first, second, [0] * len(second))
    # Boxes whose area is 0 in floating point overlap nothing.
    # In x, y, w, h the far corner is rounded, so the ratio may slightly exceed 1 (depending on how C was compiled).
    return np.minimum(np.nan_to_num(np.asarray(values, dtype=np.float64)), 1.0)


def iou_table(a: Sequence[ThousandBox], b: Sequence[ThousandBox]) -> list[list[float]]:
    """Like `iou_matrix`, but takes boxes on the 0-1000 scale (integers, x1 < x2, y1 < y2) and returns nested lists.

    For a few boxes, this function is ten times as fast as `iou_matrix`. The values of both functions are identical to
    the last bit.
    """
    if len(a) * len(b) > FEW:
        table: list[list[float]] = iou_matrix(a, b).tolist()
        return table
    return [[_overlap(box, other) for other in b] for box in a]


def _overlap(box: ThousandBox, other: ThousandBox) -> float:
    x1, y1, x2, y2 = box
    left, top, right, bottom = other
    # Comparisons, because `min` and `max` would take most of the time.
    width = (x2 if x2 < right else right) - (x1 if x1 > left else left)
    height = (y2 if y2 < bottom else bottom) - (y1 if y1 > top else top)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((x2 - x1) * (y2 - y1) + (right - left) * (bottom - top) - shared)


def ciou_matrix(a: ArrayLike, b: ArrayLike) -> Boxes:
    """Complete IoU (N, M) of boxes (N, 4) and (M, 4). Values are greater than -2 and at most 1; equal boxes have the
    value 1.

    The complete IoU is the IoU minus a distance term and an aspect-ratio term (Zheng et al., "Distance-IoU Loss", AAAI
    2020). The distance term is the squared distance of the centers, divided by the squared diagonal of the enclosing
    box.

    Raises:
        ValueError: a coordinate is not finite.
    """
    ious = iou_matrix(a, b)
    first, second = (np.asarray(boxes, dtype=np.float64).reshape(-1, 4) for boxes in (a, b))
    one, other = first[:, None], second[None]
    centers = (one[..., :2] + one[..., 2:] - other[..., :2] - other[..., 2:]) / 2
    span = np.maximum(one[..., 2:], other[..., 2:]) - np.minimum(one[..., :2], other[..., :2])
    angles = [np.arctan2(box[..., 2] - box[..., 0], box[..., 3] - box[..., 1]) for box in (one, other)]
    shape = 4 / np.pi**2 * (angles[0] - angles[1]) ** 2
    weight = np.divide(shape, 1 - ious + shape, out=np.zeros_like(ious), where=shape > 0)
    return np.asarray(ious - (centers**2).sum(-1) / (span**2).sum(-1) - weight * shape, dtype=np.float64)


def _as_xywh(boxes: ArrayLike) -> Boxes:
    array = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    if not np.isfinite(array).all():
        raise ValueError("a coordinate of the box is not finite")
    return np.ascontiguousarray(np.concatenate((array[:, :2], array[:, 2:] - array[:, :2]), axis=1))
