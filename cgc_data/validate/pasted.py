"""Derives which pixels of a photo a pasted object covers, and how much of other objects it hides.

The inputs are the two photos, the object's mask, and its transform.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data.common.errors import SegmentationError
from cgc_data.masks import compressed_rle
from cgc_data.validate.raw import Instance, RawSource
from cgc_data.validate.samples import Box, Part, View
from cgc_data.validate.world import World

ROUNDING = 1e-6


@dataclass(frozen=True)
class Placed:
    """A pasted object at its place in the photo of the view.

    Attributes:
        box: tight box of the object's mask, in pixels of the photo.
        corner: x, y of the top-left pixel of `mask` in the photo.
        mask: whether the object covers the center of each pixel, with shape (height, width).
        contrast: mean difference in gray levels between the object and the area that it hides.
    """

    box: Box
    corner: tuple[int, int]
    mask: NDArray[np.bool_]
    contrast: float


def lent(part: Part, view: View, world: World) -> tuple[Instance | None, str]:
    """The annotation of a pasted object, and the reason why the object is not valid ("" if it is valid)."""
    found = world.instance(part.annotation_id)
    if found is None or found.crowd or not found.has_mask:
        return None, f"{part.annotation_id} is not a single object with a mask"
    if world.photo(found) != world.photo(part):
        return found, f"{part.annotation_id} is not in the photo of the part"
    if world.photo(part) == world.photo(view):
        return found, f"{part.annotation_id} is from the same photo"
    a, b, _, d, e, _ = part.transform
    if not (a > 0 and abs(a - e) <= ROUNDING and b == d == 0):
        return found, f"{part.annotation_id} is turned, mirrored, or stretched"
    return found, _misdrawn(found, part, world)


def _misdrawn(found: Instance, part: Part, world: World) -> str:
    """The reason why the mask of the part is not the mask of the whole annotated object; "" if it is."""
    raw = world.sources[found.source].mask(found.number)
    height, width = raw.shape
    try:
        stated = coco_mask.decode(compressed_rle(part.mask, height, width))
    except SegmentationError as error:
        return f"the mask of {part.annotation_id} is invalid ({error})"
    if not np.array_equal(raw, stated):
        return f"the mask of {part.annotation_id} differs from the mask in its source"
    cut = raw[0].any() or raw[-1].any() or raw[:, 0].any() or raw[:, -1].any()
    return f"{part.annotation_id} is cut by the border of its photo" if cut else ""


def place(part: Part, found: Instance, view: View, world: World) -> Placed:
    """The pasted object at its place in the view's photo. Raises PhotoError if a photo cannot be read."""
    scale, _, right, _, _, down = part.transform
    mask = world.sources[found.source].mask(found.number)
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    box = (
        float(columns[0] * scale + right),
        float(rows[0] * scale + down),
        float((columns[-1] + 1) * scale + right),
        float((rows[-1] + 1) * scale + down),
    )
    host = world.pixels.of(view.parts[0])
    x1, y1 = max(int(box[0]), 0), max(int(box[1]), 0)
    x2, y2 = min(int(np.ceil(box[2])), host.shape[1]), min(int(np.ceil(box[3])), host.shape[0])
    x2, y2 = max(x1, x2), max(y1, y2)  # the object may be entirely outside the photo
    from_x = np.clip(np.floor((np.arange(x1, x2) + 0.5 - right) / scale), 0, mask.shape[1] - 1).astype(int)
    from_y = np.clip(np.floor((np.arange(y1, y2) + 0.5 - down) / scale), 0, mask.shape[0] - 1).astype(int)
    inside = mask[np.ix_(from_y, from_x)] > 0
    lender = world.pixels.of(part)[np.ix_(from_y, from_x)]
    apart = np.abs(lender.astype(np.float64) - host[y1:y2, x1:x2])[inside]
    return Placed(box, (x1, y1), inside, float(apart.mean()) if apart.size else 0.0)


def hidden(placed: Placed, view: View, world: World) -> Iterator[tuple[str, float]]:
    """For each concept in the photo, yield the concept and the largest hidden share of its annotated objects.

    The hidden share (0-1) is the fraction of an annotated object that the pasted object hides. If several sources
    annotate the concept, the largest share is computed per source, and the smallest of these values is used, because
    sources outline the same objects slightly differently.
    """
    photo = world.photo(view)
    seen = world.appearances(photo)
    for concept in sorted({concept for key, image in seen for concept in world.sources[key].concepts_in(image)}):
        shares = [
            max(_share(placed, instance, fact.source) for instance in (*fact.instances, *fact.crowds))
            for fact in world.facts(photo, concept)
            if fact.instances or fact.crowds
        ]
        yield concept, min(shares)


def _share(placed: Placed, instance: Instance, source: RawSource) -> float:
    """The share of an annotated object that the pasted object hides."""
    (x, y), (height, width) = placed.corner, placed.mask.shape
    if instance.has_mask:
        mask = source.mask(instance.number)
        shared = int(np.count_nonzero(mask[y : y + height, x : x + width] & placed.mask))
        return shared / max(int(np.count_nonzero(mask)), 1)
    x1, y1, x2, y2 = instance.box
    columns, rows = np.arange(x, x + width) + 0.5, np.arange(y, y + height) + 0.5
    inside = ((rows >= y1) & (rows < y2))[:, None] & ((columns >= x1) & (columns < x2))
    return float(np.count_nonzero(inside & placed.mask) / max((x2 - x1) * (y2 - y1), 1.0))
