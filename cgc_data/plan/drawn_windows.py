"""Draws many windows of a photo at once: several sizes, and several random offsets for each size.

Arrays have the shape (sizes, offsets). The visible parts of objects are computed for all windows at once. The offsets
are drawn uniformly. If a planner keeps only suitable windows, the kept windows are therefore a uniform sample of all
suitable windows of the same size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgc_data.config import Limits
from cgc_data.geometry import Window
from cgc_data.plan.questions import View

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Lengths = NDArray[np.float64]

WIDEST_ASPECT = 1.5
STEP = 8  # photo pixels between offsets
WIDEST = math.log(WIDEST_ASPECT)


@dataclass(frozen=True)
class Frames:
    """Sizes of windows in photo pixels, and sizes of the resized views that show the windows, in view pixels. All
    arrays are (sizes,).
    """

    width: Numbers
    height: Numbers
    view_width: Numbers
    view_height: Numbers

    def __len__(self) -> int:
        return len(self.width)

    @cached_property
    def scale(self) -> Lengths:
        """Geometric mean of the sides in photo pixels, (sizes,)."""
        return np.asarray(np.sqrt(self.width * self.height))

    def least_side(self, limits: Limits) -> Lengths:
        """The minimum length of a box's shorter side, in photo pixels, (sizes,). A side of this length is long enough
        in both the photo and the resized view.
        """
        enlargement = np.minimum(self.view_width / self.width, self.view_height / self.height)
        seen = np.minimum(1.0, np.sqrt(limits.pixel_budget / (self.view_width * self.view_height)))
        return np.maximum(limits.min_side, limits.min_side / (enlargement * seen))

    def take(self, sizes: NDArray[np.intp]) -> "Frames":
        """The frames at these indices."""
        return Frames(self.width[sizes], self.height[sizes], self.view_width[sizes], self.view_height[sizes])


@dataclass(frozen=True)
class DrawnWindows:
    """Windows of one photo: `left` and `top` edges in photo pixels, (sizes, offsets)."""

    photo: int
    frames: Frames
    left: Numbers
    top: Numbers

    @cached_property
    def right(self) -> Numbers:
        """Right edges (exclusive), (sizes, offsets)."""
        return np.asarray(self.left + self.frames.width[:, None])

    @cached_property
    def bottom(self) -> Numbers:
        """Bottom edges (exclusive), (sizes, offsets)."""
        return np.asarray(self.top + self.frames.height[:, None])

    def take(self, sizes: NDArray[np.intp]) -> "DrawnWindows":
        """The windows of the sizes with these indices."""
        return DrawnWindows(self.photo, self.frames.take(sizes), self.left[sizes], self.top[sizes])

    def overlap(self, other: Window) -> Lengths:
        """IoU between each window and another window, (sizes, offsets)."""
        common = shared(self.left, self.right, other.x1, other.x2) * shared(self.top, self.bottom, other.y1, other.y2)
        both = self.frames.width * self.frames.height + other.width * other.height
        return np.asarray(common / (both[:, None] - common))

    def view(self, size: int, offset: int, role: str) -> View:
        """One of the windows as a view."""
        x, y = int(self.left[size, offset]), int(self.top[size, offset])
        frames = self.frames
        window = Window(x, y, x + int(frames.width[size]), y + int(frames.height[size]))
        return View(self.photo, window, int(frames.view_width[size]), int(frames.view_height[size]), role)


def shared(low: Numbers, high: Numbers, start: float, end: float) -> Lengths:
    """Length of the overlap of each interval low..high with the interval start..end."""
    return np.asarray(np.maximum(np.minimum(high, end) - np.maximum(low, start), 0))


def draw_frames(
    photo: tuple[int, int], number: int, view_sizes: Sequence[int], enlargement: float, rng: np.random.Generator
) -> Frames:
    """At most `number` random window sizes for a photo of size `photo` (width, height); none if the photo is too small.

    Sizes are spread evenly on a logarithmic scale, from the smallest window that stays sharp to the whole photo.
    """
    least, most = least_side(view_sizes, enlargement), max(photo)
    number = number if least <= most else 0
    longer = least * (most / least) ** ((np.arange(number) + rng.random(number)) / max(number, 1))
    shorter = longer / np.exp(WIDEST * rng.random(number))
    lying = rng.random(number) < 0.5
    width, height = (
        np.minimum(np.rint(np.where(one, longer, shorter)), limit).astype(np.int64)
        for one, limit in zip((lying, ~lying), photo, strict=True)
    )
    frames = shown_at(width, height, view_sizes, enlargement, rng)
    return frames.take(np.flatnonzero(frames.view_width))


def shown_at(
    width: Numbers, height: Numbers, view_sizes: Sequence[int], enlargement: float, rng: np.random.Generator
) -> Frames:
    """Draws a view size for each window size, from the configured sizes at which the window stays sharp. It is 0 if the
    window would be blurred at every configured size. All arrays have the shape (sizes,).
    """
    sides, longest = np.array([0, *sorted(view_sizes)]), np.maximum(width, height)
    sharp = np.searchsorted(sides[1:], enlargement * longest, side="right")
    drawn = np.ceil((1 - rng.random(len(longest))) * sharp).astype(np.int64)
    scale = sides[drawn] / longest
    views = (np.maximum(np.rint(side * scale), scale > 0).astype(np.int64) for side in (width, height))
    return Frames(width, height, *views)


def least_side(view_sizes: Sequence[int], enlargement: float) -> int:
    """Minimum length, in photo pixels, of a window's longer side. Smaller windows are not sharp in any view size."""
    return math.ceil(min(view_sizes) / enlargement)


def draw_offsets(
    photo: int, size: tuple[int, int], frames: Frames, number: int, rng: np.random.Generator
) -> DrawnWindows:
    """Windows of each size at `number` offsets, drawn uniformly from a grid over the photo. `size` is the width and
    height of the photo.

    The grid reaches the borders. In a small photo, only a window at a border can exclude an object in the middle.
    """
    room = (side - lengths for side, lengths in zip(size, (frames.width, frames.height), strict=True))
    left, top = (_on_grid(most[:, None], rng.random((len(frames), number), dtype=np.float32)) for most in room)
    return DrawnWindows(photo, frames, left, top)


def _on_grid(most: Numbers, place: NDArray[np.float32]) -> Numbers:
    """Convert relative places (0-1) to offsets on a grid that divides 0..`most` into about equal steps."""
    steps = most // STEP + 1
    return np.asarray(np.rint((place * (steps + 1)).astype(np.int64) * (most / steps)).astype(np.int64))
