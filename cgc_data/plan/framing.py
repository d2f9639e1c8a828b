"""Frames two views of one photo so that they show the same objects. The views show either the same window of the photo
or different windows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgc_data.config import BuildConfig
from cgc_data.geometry import Window, box_area
from cgc_data.index.build import Index
from cgc_data.plan.lenders import overlaps
from cgc_data.release.operations import CROP, GAIN, GAMMA, JPEG, PASTE, RESIZE, Operation

LEAST_SIDE = 0.85  # share of the photo's side
SCALES = 0.7, 0.95  # view pixels per photo pixel
GAINS = 0.9, 1.1
GAMMAS = 0.85, 1.18
QUALITIES = 80, 96  # JPEG quality; the range is so wide that the file size does not reveal what was added
DRAWS = 64  # pairs of windows drawn; the first pair that shows the same objects is used
SHOWN_ALIKE = 0.5  # each view shows at least this share of the visible part of every object in the other view

Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Framing:
    """A window of the photo, and the size (width, height) in pixels of the view that shows the window."""

    window: Window
    size: tuple[int, int]


class Framings:
    """Draws pairs of views."""

    def __init__(self, index: Index, config: BuildConfig) -> None:
        self._index, self._limits, self._longest = index, config.limits, max(config.intra.view_sizes)

    def scale(self, photo: int) -> float:
        """Largest number of view pixels per photo pixel."""
        shown = self._index.photos[photo]
        return SCALES[1] * min(1.0, self._longest / max(shown.width, shown.height))

    def draw(
        self, photo: int, added: Boxes, rng: np.random.Generator, *, aligned: bool
    ) -> tuple[Framing, Framing] | None:
        """Two views that show the same objects of the photo; None if no such views are found. Both views completely
        contain every added object. `added`: the boxes (n, 4) of these objects, in photo pixels.
        """
        shown = self._index.photos[photo]
        objects = self._index.instances.box[self._index.instances.of_photo(photo)]
        pairs = _windows((shown.width, shown.height), rng)
        if aligned:
            pairs[:, 1] = pairs[:, 0]
        most = self.scale(photo)
        least = max(most * SCALES[0] / SCALES[1], self._limits.min_side / (added[:, 2:] - added[:, :2]).min())
        for first, second in pairs[_whole(pairs, added) & _alike(pairs, objects)][:1].tolist():
            one, other = (_framing(frame, float(rng.uniform(min(least, most), most))) for frame in (first, second))
            return one, one if aligned else other
        return None


def _framing(frame: list[int], scale: float) -> Framing:
    x1, y1, x2, y2 = frame
    window = Window(x1, y1, x2, y2)
    return Framing(window, (round(window.width * scale), round(window.height * scale)))


def draw_operations(framing: Framing, pasted: int, rng: np.random.Generator, *, aligned: bool) -> tuple[Operation, ...]:
    """Random operations that render a view with this number of pasted objects.

    Resampling, lighting, and encoding differ between views.
    """
    window, (width, height) = framing.window, framing.size
    between = float(rng.uniform())
    halfway = (round(side + between * (full - side)) for side, full in zip(framing.size, _size(window), strict=True))
    gain = round(float(rng.uniform(*GAINS)), 3)
    gamma = round(float(np.exp(rng.uniform(*np.log(GAMMAS)))), 3)
    return (
        *(Operation(PASTE, (float(number),)) for number in range(1, pasted + 1)),
        Operation(CROP, (float(window.x1), float(window.y1), float(window.x2), float(window.y2))),
        Operation(RESIZE, tuple(map(float, halfway))),
        Operation(RESIZE, (float(width), float(height))),
        Operation(GAIN, (gain, gain, gain)),
        *(() if aligned else (Operation(GAMMA, (gamma,)),)),
        Operation(JPEG, (float(rng.integers(QUALITIES[0], QUALITIES[1] + 1)),)),
    )


def _size(window: Window) -> tuple[int, int]:
    return window.width, window.height


def _windows(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.int64]:
    """Pairs of windows (DRAWS, 2, 4). Sizes and positions are drawn at random from uniform distributions."""
    whole = np.array(size)
    sides = np.ceil(whole * rng.uniform(LEAST_SIDE, 1, (DRAWS, 2, 2))).astype(np.int64)
    corner = np.floor(rng.uniform(size=(DRAWS, 2, 2)) * (whole - sides + 1)).astype(np.int64)
    return np.concatenate([corner, corner + sides], axis=2)


def _whole(pairs: NDArray[np.int64], added: Boxes) -> NDArray[np.bool_]:
    """Mask (pairs,) of the pairs in which both windows contain every box in `added` completely."""
    low = (pairs[:, :, None, :2] <= added[:, :2]).all(axis=(1, 2, 3))
    return np.asarray(low & (pairs[:, :, None, 2:] >= added[:, 2:]).all(axis=(1, 2, 3)))


def _alike(pairs: NDArray[np.int64], objects: Boxes) -> NDArray[np.bool_]:
    """Mask (pairs,) of the pairs in which both windows show similar shares of every object's box."""
    shares = overlaps(pairs[:, :, None].astype(np.float64), objects) / np.maximum(box_area(objects), 1)
    return np.asarray((shares.min(axis=1) >= SHOWN_ALIKE * shares.max(axis=1)).all(axis=1))
