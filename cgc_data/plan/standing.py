"""Finds places where an object from another photo can stand. A place must be next to an object with the same label. The
ground at the place must look like the ground below that object, and like the ground below the new object in its
original photo. The new object must not hide much of any other object.

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
from cgc_data.plan.askable import Askable
from cgc_data.plan.framing import Framings
from cgc_data.plan.lenders import BORDER, LOWEST_HORIZON, Lenders, below, grown, overlaps
from cgc_data.plan.offered import Mask
from cgc_data.plan.questions import Pasted
from cgc_data.plan.thumbnails import Thumbnails
from cgc_data.release.operations import of_centers

KEPT = 4096  # number of cached height ranges
PLACES = 128  # places drawn per object
LOOKED_AT = 6  # free places inspected per object
LEAST_SCALE, MOST_SCALE = 0.3, 1.6  # largest scale of a pasted object; with more enlargement, the object looks blurred
LIKE = 0.25  # allowed relative deviation from the heights of the objects with its label
LEVEL = 0.04  # vertical distance between the feet of an object and its neighbor, as a share of the photo's height
FARTHEST = 3.0  # gap between the two, in widths of the wider one
HIDDEN = 0.1  # largest share of any annotated object that can be hidden
LARGER = 1.05  # margin above the smallest size that can be asked for, because view sizes are rounded
APART = 4.0  # pixels between two added objects
LYING = 0.9  # share of an object's box that must be over the box of the table it stands on
GROUND_DISTANCE = 25.0  # distance in Lab
CONTRAST = 30.0  # mean difference, in gray levels, between an added object and the area that it hides

Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Paste:
    """An object added to a photo, and its tight box in that photo."""

    pasted: Pasted
    box: Box


@dataclass(frozen=True)
class Site:
    """Where to paste an object: next to the instance `beside` of the photo."""

    photo: int
    beside: int
    heights: tuple[float, float]  # range of heights that are similar to those of its label in the photo
    taken: tuple[Box, ...]  # boxes of the objects that were added before


class Standing:
    """Finds places for objects from other photos."""

    def __init__(self, askable: Askable, lenders: Lenders, thumbnails: Thumbnails, framings: Framings) -> None:
        self._askable, self._lenders, self._thumbnails, self._framings = askable, lenders, thumbnails, framings
        self.heights = lru_cache(maxsize=KEPT)(self._heights)

    def _heights(self, photo: int, beside: int) -> tuple[float, float]:
        """Range of heights of the objects in the photo that have the same label as the instance `beside`: from the 10th
        to the 90th percentile, widened by `LIKE`.
        """
        instances = self._askable.index.instances
        same = instances.of(photo, int(instances.concept[beside]))
        boxes = instances.box[same[~instances.crowd[same]]]
        low, high = np.percentile(boxes[:, 3] - boxes[:, 1], [10, 90])
        return float(low * (1 - LIKE)), float(high * (1 + LIKE))

    def place(self, site: Site, lender: int, rng: np.random.Generator) -> Paste | None:
        """The object, pasted at the first suitable random place; None if there is no such place. A suitable place is
        free, has similar ground, and differs enough from the object in brightness.
        """
        grounds = np.stack([self._lenders.ground(lender), self._lenders.ground(site.beside)])
        if not np.linalg.norm(grounds[0] - grounds[1]) <= 2 * GROUND_DISTANCE:  # no place resembles both
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
        """Mask (boxes,) of the places with suitable ground. They are on the same support (such as a table) as the
        neighbor, and the color of their ground is similar to each color in `grounds` (n, 3).
        """
        here = self._thumbnails.colors(site.photo, below(boxes))
        like = (np.linalg.norm(here[:, None] - grounds, axis=2) <= GROUND_DISTANCE).all(axis=1)
        supports = self._lenders.supports(site.photo, site.beside)
        on_them = overlaps(boxes[:, None], supports) >= LYING * box_area(boxes)[:, None]
        return np.asarray(like & on_them.all(axis=1))

    def _inside(self, photo: int, boxes: Boxes) -> Mask:
        """Mask (boxes,) of the places inside the photo where the object is large enough and its feet are in the lower
        part of the photo.
        """
        width, height = self._askable.truth.photo_size(photo)
        inside = (boxes[:, :2] >= BORDER).all(axis=1) & (boxes[:, 2:] <= (width - BORDER, height - BORDER)).all(axis=1)
        sides, limits = boxes[:, 2:] - boxes[:, :2], self._askable.config.limits
        large = (sides.min(axis=1) * self._framings.scale(photo) >= LARGER * limits.min_side) & (
            sides.prod(axis=1) >= limits.min_area * width * height
        )
        return np.asarray(inside & large & (boxes[:, 3] > LOWEST_HORIZON * height))

    def _places(self, site: Site, lender: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], Boxes]:
        """Random scales (PLACES,) of the object, and its boxes (PLACES, 4) to the left and right of the neighbor."""
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
        """Mask (boxes,) of the places where the object would hide too much of another object, touch an object that was
        pasted earlier, or overlap a nearer object.
        """
        instances = self._askable.index.instances
        others = instances.box[instances.of_photo(site.photo)]
        shared = overlaps(boxes[:, None], others)
        hides = (shared > HIDDEN * np.maximum(box_area(others), 1)).any(axis=1)
        # an object with lower feet is in front, except one that both stand on, such as a table
        beside = instances.box[site.beside]
        under = overlaps(beside, others) > 0.5 * box_area(beside)
        behind = ((shared > 0) & (others[:, 3] > boxes[:, 3, None]) & ~under).any(axis=1)
        taken = grown(np.array(site.taken, dtype=np.float64).reshape(-1, 4), APART)
        return np.asarray(hides | behind | (overlaps(boxes[:, None], taken) > 0).any(axis=1))

    def _contrast(self, photo: int, paste: Paste) -> float:
        """Mean difference, in gray levels, between the object and the area that it would hide, measured on
        thumbnails.
        """
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
        """The object, scaled and moved so that the top-left corner of its bounding box is approximately at the top-left
        corner of `box` (4,).
        """
        x1, y1, x2, y2 = self._askable.truth.box(lender)
        rle = self._askable.truth.mask(lender)
        assert rle is not None
        right, down = round(float(box[0]) - scale * x1, 4), round(float(box[1]) - scale * y1, 4)
        transform = (scale, 0.0, right, 0.0, scale, down)
        pasted = Pasted(self._photo_of(lender), lender, transform, rle["counts"].decode())
        return Paste(pasted, (scale * x1 + right, scale * y1 + down, scale * x2 + right, scale * y2 + down))

    def _hides(self, photo: int, paste: Paste) -> bool:
        """Whether the pasted object hides too much of an object in the photo, based on the masks of both objects."""
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
