"""Where an object of another photo can stand in a photo: beside one of its label, on like ground, and hiding little.

Boxes are x1, y1, x2, y2 in pixels of the photo that receives the object.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data.geometry import box_area
from cgc_data.images import Pixels
from cgc_data.masks import Box, mask_area
from cgc_data.plan.askable import Askable, Mask
from cgc_data.plan.framing import Framings
from cgc_data.plan.lenders import BORDER, LOWEST_HORIZON, Lenders, below, grown, overlaps
from cgc_data.plan.questions import Pasted
from cgc_data.plan.thumbnails import Thumbnails
from cgc_data.release.operations import of_centers

KEPT = 4096  # ranges of heights that are remembered
PLACES = 128  # drawn for one object
LOOKED_AT = 6  # of those that are free
LEAST_SCALE, MOST_SCALE = 0.3, 1.6  # of a lent object: one that is enlarged more looks blurred
LIKE = 0.25  # share by which the height may leave that of the objects of its label
LEVEL = 0.04  # share of the photo's height between the feet of an object and those of the one it stands beside
FARTHEST = 3.0  # gap between the two, in widths of the wider one
HIDDEN = 0.1  # share of any annotated object that may be hidden
LARGER = 1.05  # than the smallest that may be asked for, since sizes of views are rounded
APART = 4.0  # pixels between two added objects
LYING = 0.9  # share of the box of an object on a table that is over the table's
GROUND_DISTANCE = 25.0  # in Lab
CONTRAST = 30.0  # mean gray levels by which an added object differs from what it hides

Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Paste:
    """An object that is added to a photo, and its tight box there."""

    pasted: Pasted
    box: Box


@dataclass(frozen=True)
class Site:
    """An object of the photo beside which something is to stand."""

    photo: int
    beside: int
    heights: tuple[float, float]  # that are like those of its label there
    taken: tuple[Box, ...]  # by what was added before


class Standing:
    """Finds places for objects of other photos."""

    def __init__(self, askable: Askable, lenders: Lenders, thumbnails: Thumbnails, framings: Framings) -> None:
        self._askable, self._lenders, self._thumbnails, self._framings = askable, lenders, thumbnails, framings
        self.heights = lru_cache(maxsize=KEPT)(self._heights)

    def _heights(self, photo: int, beside: int) -> tuple[float, float]:
        """Least and most of heights like those of the label in the photo: their 10th and 90th percentile, and LIKE."""
        instances = self._askable.index.instances
        same = instances.of(photo, int(instances.concept[beside]))
        boxes = instances.box[same[~instances.crowd[same]]]
        low, high = np.percentile(boxes[:, 3] - boxes[:, 1], [10, 90])
        return float(low * (1 - LIKE)), float(high * (1 + LIKE))

    def place(self, site: Site, lender: int, rng: np.random.Generator) -> Paste | None:
        """The object at the first of some drawn places that is free, on like ground, and in contrast to it."""
        grounds = np.stack([self._lenders.ground(lender), self._lenders.ground(site.beside)])
        if not np.linalg.norm(grounds[0] - grounds[1]) <= 2 * GROUND_DISTANCE:  # no place can be like both
            return None
        if self._thumbnails.is_gray(site.photo) != self._thumbnails.is_gray(self._photo_of(lender)):
            return None
        scales, boxes = self._places(site, lender, rng)
        fine = np.flatnonzero(self._inside(site.photo, boxes) & self._on_like_ground(site, grounds, boxes))
        free = fine[~self._in_the_way(site, boxes[fine])]
        for place in free[:LOOKED_AT].tolist():
            paste = self._paste(lender, float(scales[place]), boxes[place])
            if self._contrast(site.photo, paste) >= CONTRAST and not self._hides(site.photo, paste):
                return paste
        return None

    def _photo_of(self, instance: int) -> int:
        return int(self._askable.index.instances.photo[instance])

    def _on_like_ground(self, site: Site, grounds: Boxes, boxes: Boxes) -> Mask:
        """Places (boxes,) on ground of these colors (n, 3), and on what the object beside it stands on."""
        here = self._thumbnails.colors(site.photo, below(boxes))
        like = (np.linalg.norm(here[:, None] - grounds, axis=2) <= GROUND_DISTANCE).all(axis=1)
        supports = self._lenders.supports(site.photo, site.beside)
        on_them = overlaps(boxes[:, None], supports) >= LYING * box_area(boxes)[:, None]
        return np.asarray(like & on_them.all(axis=1))

    def _inside(self, photo: int, boxes: Boxes) -> Mask:
        """Places (boxes,) in the photo, with feet in its lower part, at which an object is large enough."""
        width, height = self._askable.truth.photo_size(photo)
        inside = (boxes[:, :2] >= BORDER).all(axis=1) & (boxes[:, 2:] <= (width - BORDER, height - BORDER)).all(axis=1)
        sides, limits = boxes[:, 2:] - boxes[:, :2], self._askable.config.limits
        large = (sides.min(axis=1) * self._framings.scale(photo) >= LARGER * limits.min_side) & (
            sides.prod(axis=1) >= limits.min_area * width * height
        )
        return np.asarray(inside & large & (boxes[:, 3] > LOWEST_HORIZON * height))

    def _places(self, site: Site, lender: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], Boxes]:
        """Drawn scales (PLACES,) and boxes (PLACES, 4), to the left and the right of the object it stands beside."""
        x1, y1, x2, y2 = self._askable.truth.box(lender)
        left, _, right, feet = self._askable.index.instances.box[site.beside]
        low = max(site.heights[0] / (y2 - y1), LEAST_SCALE)
        high = max(min(site.heights[1] / (y2 - y1), MOST_SCALE), low)
        scales = np.round(rng.uniform(low, high, PLACES), 4)
        width, height = (x2 - x1) * scales, (y2 - y1) * scales
        gap = rng.uniform(0, FARTHEST, PLACES) * np.maximum(width, right - left)
        side = rng.choice((-1.0, 1.0), PLACES)
        center = (left + right) / 2 + side * ((right - left + width) / 2 + gap)
        bottom = feet + rng.uniform(-LEVEL, LEVEL, PLACES) * self._askable.truth.photo_size(site.photo)[1]
        boxes = np.stack([center - width / 2, bottom - height, center + width / 2, bottom], axis=1)
        return scales, boxes

    def _in_the_way(self, site: Site, boxes: Boxes) -> Mask:
        """Places that hide too much, meet what was added before, or lie behind what is nearer, (boxes,)."""
        instances = self._askable.index.instances
        others = instances.box[instances.of_photo(site.photo)]
        shared = overlaps(boxes[:, None], others)
        hides = (shared > HIDDEN * np.maximum(box_area(others), 1)).any(axis=1)
        # an object with lower feet is in front, but for one on which both stand, such as a table
        beside = instances.box[site.beside]
        under = overlaps(beside, others) > 0.5 * box_area(beside)
        behind = ((shared > 0) & (others[:, 3] > boxes[:, 3, None]) & ~under).any(axis=1)
        taken = grown(np.array(site.taken, dtype=np.float64).reshape(-1, 4), APART)
        return np.asarray(hides | behind | (overlaps(boxes[:, None], taken) > 0).any(axis=1))

    def _contrast(self, photo: int, paste: Paste) -> float:
        """Mean gray levels by which the object differs from what it would hide, as thumbnails show it."""
        lender, rle = paste.pasted, self._askable.truth.mask(paste.pasted.instance)
        whole = self._askable.truth.box(lender.instance)
        here = self._thumbnails.cut(photo, paste.box)
        there = self._thumbnails.cut(lender.photo, whole)
        if rle is None or not here.size or not there.size:
            return 0.0
        x1, y1, x2, y2 = map(int, whole)
        mask = coco_mask.decode(rle)[y1:y2, x1:x2] * np.uint8(255)
        size = here.shape[1], here.shape[0]
        apart = np.abs(_resized(there, size).astype(np.float64) - here)[_resized(mask, size) > 127]
        return float(apart.mean()) if apart.size else 0.0

    def _paste(self, lender: int, scale: float, box: Boxes) -> Paste:
        """The object with the left upper corner of its box (4,) at that of another, about."""
        x1, y1, x2, y2 = self._askable.truth.box(lender)
        rle = self._askable.truth.mask(lender)
        assert rle is not None
        right, down = round(float(box[0]) - scale * x1, 4), round(float(box[1]) - scale * y1, 4)
        transform = (scale, 0.0, right, 0.0, scale, down)
        pasted = Pasted(self._photo_of(lender), lender, transform, rle["counts"].decode())
        return Paste(pasted, (scale * x1 + right, scale * y1 + down, scale * x2 + right, scale * y2 + down))

    def _hides(self, photo: int, paste: Paste) -> bool:
        """Does it hide too much of an object of the photo, by their masks?"""
        instances, truth = self._askable.index.instances, self._askable.truth
        inside = instances.of_photo(photo)
        met = inside[overlaps(np.array(paste.box), instances.box[inside]) > 0]
        masks = [(i, rle) for i in met.tolist() if (rle := truth.mask(i))]
        own = self._placed(photo, paste) if masks else None
        return any(np.count_nonzero(own & (coco_mask.decode(rle) > 0)) > HIDDEN * mask_area(rle) for _, rle in masks)

    def _placed(self, photo: int, paste: Paste) -> Mask:
        """Mask of the object over the photo that receives it, (height, width)."""
        rle = self._askable.truth.mask(paste.pasted.instance)
        moved = of_centers(np.array(paste.pasted.transform).reshape(2, 3))
        size = self._askable.truth.photo_size(photo)
        return np.asarray(cv2.warpAffine(coco_mask.decode(rle), moved, size, flags=cv2.INTER_NEAREST) > 0)


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
