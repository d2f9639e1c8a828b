"""Finds the object whose position or size in the picture clearly distinguishes it from other objects with the same
label.
"""

import numpy as np
from numpy.typing import NDArray

from cgc_data.geometry import Window
from cgc_data.plan.truth import Truth
from cgc_data.tasks.inter.refer import HIGHEST, LARGEST, LEFTMOST, LOWEST, RIGHTMOST, SMALLEST

BORDER = 3  # pixels; an object closer to the border of its photo may be cut
PLACE_MARGIN = 0.1  # share of the picture's side, for centers and for edges
MOST_COVERED = 0.3  # share of the picture covered by the answer; a larger box is too easy to guess
SIZE_MARGIN = 1.3  # size factor, by the mask and by the box

Values = NDArray[np.float64]


def uncut(boxes: Values, sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask (n,) of the boxes (n, 4), in pixels, that do not touch the border of their photos; `sizes`: width and height
    of the photos, (n, 2) or (2,).
    """
    return np.asarray((boxes[:, :2] >= BORDER).all(axis=1) & (boxes[:, 2:] <= sizes - BORDER).all(axis=1))


def singled_out(truth: Truth, instances: list[int], size: tuple[int, int]) -> dict[str, int]:
    """The instance that each relation clearly identifies; `size` is the size of the photo.

    Empty if the border of the photo may cut off an instance.
    """
    corners = np.array([truth.box(i) for i in instances])
    if not uncut(corners, np.array(size)).all():
        return {}
    boxes = corners / (*size, *size)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    (x1, y1, x2, y2), (across, down) = boxes.T, ((boxes[:, :2] + boxes[:, 2:]) / 2).T
    places = {LEFTMOST: (across, x1), RIGHTMOST: (-across, -x2), HIGHEST: (down, y1), LOWEST: (-down, -y2)}
    found = {relation: _first(*values, PLACE_MARGIN) for relation, values in places.items()}
    if all(map(truth.has_mask, instances)):
        whole = Window(0, 0, *size)
        masks = np.log([truth.covered(i, whole) for i in instances])
        sizes, margin = np.log(areas), float(np.log(SIZE_MARGIN))
        found |= {LARGEST: _first(-masks, -sizes, margin), SMALLEST: _first(masks, sizes, margin)}
    clear = {relation: place for relation, place in found.items() if place is not None}
    return {relation: instances[place] for relation, place in clear.items() if areas[place] <= MOST_COVERED}


def _first(values: Values, others: Values, margin: float) -> int | None:
    """Index of the entry that is the smallest, by at least `margin`, in both `values` and `others`, (n,) each; None if
    there is no such entry.
    """
    place = int(np.argmin(values))
    clear = all(np.delete(v, place).min() - v[place] >= margin for v in (values, others))
    return place if clear else None
