"""Determines the ground-truth box of an instance in a view: the tight, half-open box of its mask inside the window.

If an instance has no mask, its annotated box is used, but only in windows that contain either the whole box or no part
of it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from cgc_data.common.errors import SegmentationError
from cgc_data.config import Limits
from cgc_data.geometry import Window
from cgc_data.index.build import Index
from cgc_data.masks import Box, Rle, mask_area, tight_box, tight_box_in_window
from cgc_data.plan.extents import Extent
from cgc_data.sources import Segmentations

KEPT_MASKS = 4096
KEPT_EXTENTS = 512
UNREADABLE, DIFFER = "unreadable mask", "mask and box differ"


@dataclass(frozen=True)
class Sighting:
    """The part of an instance that a window shows. `box` is in photo pixels. It is None if the state is "gone", or if
    the visible part is unknown.
    """

    state: Literal["visible", "gone", "ambiguous"]
    box: Box | None
    share: float


@dataclass(frozen=True)
class _Mask:
    rle: Rle | None
    area: float
    box: Box  # box of the complete instance, in photo pixels
    fault: str
    detail: str = ""


class Truth:
    """Boxes (x1, y1, x2, y2 in pixels) and visibility (0-1) of the index's instances. Recently read masks are
    cached.
    """

    def __init__(self, index: Index, limits: Limits) -> None:
        self._index, self._limits = index, limits
        self._segmentations = [Segmentations(table) for table in index.tables]
        self._masks: OrderedDict[int, _Mask] = OrderedDict()
        self._extents: OrderedDict[int, Extent] = OrderedDict()

    def fault(self, instance: int) -> str:
        """The reason why an instance cannot be used; empty if it can be used."""
        return self._mask(instance).fault

    def detail(self, instance: int) -> str:
        """Details of the fault, such as why a mask cannot be read; empty if there are no details."""
        return self._mask(instance).detail

    def box(self, instance: int) -> Box:
        """Tight, half-open box of the whole instance, in pixels of its photo."""
        return self._mask(instance).box

    def has_mask(self, instance: int) -> bool:
        """Whether the instance has a segmentation that can be clipped to a window."""
        return self._mask(instance).rle is not None

    def extent(self, instance: int) -> Extent:
        """Extent of the complete instance, for use with windows at many offsets."""
        if instance not in self._extents:
            mask = self._mask(instance)
            whole = Extent(mask.box, None) if mask.rle is None else Extent.of_mask(mask.box, mask.rle)
            self._extents[instance] = whole
            if len(self._extents) > KEPT_EXTENTS:
                self._extents.popitem(last=False)
        return self._extents[instance]

    def covered(self, instance: int, window: Window) -> float:
        """Number of photo pixels that an instance covers in a window, measured on its mask or, if it has none, on its
        box.
        """
        mask = self._mask(instance)
        if mask.rle is not None:
            return float(tight_box_in_window(mask.rle, window)[1])
        x1, y1, x2, y2 = mask.box
        return _area((max(x1, window.x1), max(y1, window.y1), min(x2, window.x2), min(y2, window.y2)))

    def mask(self, instance: int) -> Rle | None:
        """Mask of the whole instance over its photo; None if there is no segmentation."""
        return self._mask(instance).rle

    def photo_size(self, photo: int) -> tuple[int, int]:
        """Width and height of a photo in pixels."""
        return self._index.photos[photo].width, self._index.photos[photo].height

    def see(self, instance: int, window: Window) -> Sighting:
        """The part of an instance that a window shows. "Gone" means that the instance is outside both the window and
        a margin around the window.
        """
        mask, limits = self._mask(instance), self._limits
        by_box = _see_box(mask.box, window, limits.margin)
        if mask.rle is None or by_box.state != "ambiguous":  # the box is complete or missing, and so is the mask
            return by_box
        box, area = tight_box_in_window(mask.rle, window)
        if box is None or area == 0:
            beyond = tight_box_in_window(mask.rle, self._grown(instance, window))[1]
            return Sighting("ambiguous" if beyond else "gone", None, 0.0)
        share = min(float(area) / mask.area, 1.0)
        return Sighting("visible" if share >= limits.visible else "ambiguous", box, share)

    def _grown(self, instance: int, window: Window) -> Window:
        photo, margin = self._index.photos[int(self._index.instances.photo[instance])], self._limits.margin
        return Window(
            max(window.x1 - margin, 0),
            max(window.y1 - margin, 0),
            min(window.x2 + margin, photo.width),
            min(window.y2 + margin, photo.height),
        )

    def _mask(self, instance: int) -> _Mask:
        if instance in self._masks:
            self._masks.move_to_end(instance)
            return self._masks[instance]
        mask = self._read(instance)
        self._masks[instance] = mask
        if len(self._masks) > KEPT_MASKS:
            self._masks.popitem(last=False)
        return mask

    def _read(self, instance: int) -> _Mask:
        instances = self._index.instances
        photo = self._index.photos[int(instances.photo[instance])]
        x1, y1, x2, y2 = instances.box[instance].tolist()
        annotated = (
            _within(x1, photo.width),
            _within(y1, photo.height),
            _within(x2, photo.width),
            _within(y2, photo.height),
        )
        source, row = int(instances.source[instance]), int(instances.row[instance])
        try:
            rle = self._segmentations[source].rle(row, photo.height, photo.width)
        except SegmentationError as error:
            return _Mask(None, 0.0, annotated, f"{UNREADABLE}: {error.kind}", str(error))
        if rle is None:
            return _Mask(None, 0.0, annotated, "" if _area(annotated) > 0 else "zero area")
        box = tight_box(rle)
        if box is None:
            return _Mask(rle, 0.0, annotated, "zero area")
        return _Mask(rle, float(mask_area(rle)), box, "" if _agree(box, annotated) else DIFFER)


def _within(edge: float, most: int) -> float:
    return min(max(edge, 0.0), float(most))


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _agree(mask_box: Box, annotated: Box) -> bool:
    """Whether every edge of the mask's box is at most 2 px + 1% of the longer side away from the annotated edge."""
    side = max(annotated[2] - annotated[0], annotated[3] - annotated[1])
    return max(abs(one - other) for one, other in zip(mask_box, annotated, strict=True)) <= 2 + 0.01 * side


def _see_box(box: Box, window: Window, margin: int) -> Sighting:
    x1, y1, x2, y2 = box
    if x1 >= window.x1 and y1 >= window.y1 and x2 <= window.x2 and y2 <= window.y2:
        return Sighting("visible", box, 1.0)
    missed = (
        x2 <= window.x1 - margin or y2 <= window.y1 - margin or x1 >= window.x2 + margin or y1 >= window.y2 + margin
    )
    return Sighting("gone" if missed else "ambiguous", None, 0.0)


def fits(box: Box, width: float, height: float, limits: Limits) -> bool:
    """Whether a question can ask for an object with this box, in pixels of a view with this width and height. The
    shorter side (after resizing to the pixel budget), the area, and the aspect ratio must be within the limits.
    """
    box_width, box_height = box[2] - box[0], box[3] - box[1]
    shorter, longer = min(box_width, box_height), max(box_width, box_height)
    scale = min(1.0, (limits.pixel_budget / (width * height)) ** 0.5)
    return (
        shorter * scale >= limits.min_side
        and longer <= limits.max_aspect * shorter
        and box_width * box_height >= limits.min_area * width * height
    )
