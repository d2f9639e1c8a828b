"""Windows of a photo: a Focus View around an object and a Context View at another scale and offset.

Offsets are drawn uniformly from all offsets that keep the object whole, so that a model cannot guess the place of the
object in the view. Windows are enlarged only slightly, so that all views stay sharp.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from cgc_data.config import BuildConfig, Limits
from cgc_data.geometry import Window
from cgc_data.index.build import Index
from cgc_data.masks import Box
from cgc_data.plan.drawn_windows import (
    WIDEST,
    DrawnWindows,
    Frames,
    Lengths,
    Mask,
    Numbers,
    draw_frames,
    draw_offsets,
    shown_at,
)
from cgc_data.plan.questions import Shown, View, box_in_view, set_name
from cgc_data.plan.truth import Truth, fits
from cgc_data.tasks.intra import INTRA

FOCUS, CONTEXT = INTRA.roles
MAX_OVERLAP = 0.6  # IoU of two windows of one question; more would show the same view twice

Size: TypeAlias = tuple[int, int]
Rectangles: TypeAlias = Numbers  # (4, windows): left and top edge, width, height, in photo pixels


class Windows:
    """Draws windows of a photo, many at a time."""

    def __init__(self, truth: Truth, config: BuildConfig) -> None:
        self._truth, self._settings, self._enlargement = truth, config.intra, config.limits.enlargement

    def draw_count(self, rng: np.random.Generator) -> int:
        """Draw the number of views for a question about a set of windows."""
        return int(rng.integers(self._settings.min_views, self._settings.max_views + 1))

    def frames(self, photo: int, number: int, rng: np.random.Generator) -> Frames:
        """At most `number` random window sizes for a photo; none if the photo is too small."""
        size = self._truth.photo_size(photo)
        return draw_frames(size, number, self._settings.view_sizes, self._enlargement, rng)

    def draw(self, photo: int, sizes: int, offsets: int, rng: np.random.Generator) -> DrawnWindows:
        """Random windows of a photo: `sizes` sizes, each at `offsets` offsets."""
        frames = self.frames(photo, sizes, rng)
        return draw_offsets(photo, self._truth.photo_size(photo), frames, offsets, rng)

    def focus_and_context(
        self, photo: int, instance: int, number: int, rng: np.random.Generator
    ) -> Iterator[tuple[View, View]]:
        """At most `number` pairs of a Focus View and a wider Context View. Both views contain the object's entire box,
        and the box covers the configured share of the Focus View.
        """
        box, size = self._truth.box(instance), self._truth.photo_size(photo)
        focus, covered = self._focus(box, size, number, rng)
        context, wider = self._wider(box, size, focus, rng)
        near, wide = self._shown(focus, rng), self._shown(context, rng)
        fitting = covered & wider & (near.view_width > 0) & (wide.view_width > 0)
        for place in fitting.nonzero()[0].tolist():
            yield _view(photo, focus, near, place, FOCUS), _view(photo, context, wide, place, CONTEXT)

    def _focus(self, box: Box, size: Size, number: int, rng: np.random.Generator) -> tuple[Rectangles, Mask]:
        low, high = self._settings.min_cover, self._settings.max_cover
        cover = np.exp(_between(math.log(low), math.log(high), rng.random(number)))
        area = (box[2] - box[0]) * (box[3] - box[1])
        windows, fitting = _around(box, size, area / cover, rng)
        actual = area / (windows[2] * windows[3])
        return windows, fitting & (low <= actual) & (actual <= high)

    def _wider(self, box: Box, size: Size, focus: Rectangles, rng: np.random.Generator) -> tuple[Rectangles, Mask]:
        least, most = focus[2] * focus[3] * self._settings.context_scale**2, float(size[0] * size[1])
        area = np.exp(_between(np.log(least), math.log(most), rng.random(len(least))))
        windows, fitting = _around(box, size, area, rng)
        # where the photo limits a side, a window is smaller than the drawn area
        return windows, fitting & (least <= windows[2] * windows[3])

    def _shown(self, windows: Rectangles, rng: np.random.Generator) -> Frames:
        return shown_at(windows[2], windows[3], self._settings.view_sizes, self._enlargement, rng)


def _view(photo: int, windows: Rectangles, frames: Frames, place: int, role: str) -> View:
    x, y, width, height = windows[:, place].tolist()
    window = Window(x, y, x + width, y + height)
    return View(photo, window, int(frames.view_width[place]), int(frames.view_height[place]), role)


def _around(box: Box, size: Size, area: Lengths, rng: np.random.Generator) -> tuple[Rectangles, Mask]:
    """Random windows in the photo, and a mask of the windows that can contain the whole box. The windows have about the
    given areas and random aspect ratios, and are at most as wide and as tall as the photo.

    The offset of a window is drawn uniformly from the offsets at which the window contains the box.
    """
    aspect = np.exp(_between(-WIDEST, WIDEST, rng.random(len(area))))
    sides = (
        np.clip(np.rint(np.sqrt(one)), 1, limit)
        for one, limit in zip((area * aspect, area / aspect), size, strict=True)
    )
    fitting, offsets, lengths = np.ones(len(area), dtype=np.bool_), [], []
    for length, start, end, limit in zip(sides, box[:2], box[2:], size, strict=True):
        low, high = np.maximum(math.ceil(end) - length, 0), np.minimum(math.floor(start), limit - length)
        fitting &= low <= high
        offsets.append(low + np.floor(rng.random(len(area)) * (high - low + 1)))
        lengths.append(length)
    return np.array([*offsets, *lengths]).astype(np.int64), fitting


def _between(low: Lengths | float, high: float, place: Lengths) -> Lengths:
    """Interpolate between `low` (at place 0) and `high` (at place 1)."""
    return np.asarray(low + (high - low) * place)


def askable_in(view: View, box: Box, limits: Limits) -> bool:
    """Whether a question can ask for an object with this box (in photo pixels) in a view. The shorter side of the box
    must reach the minimum both in the photo and in the view.
    """
    shorter = min(box[2] - box[0], box[3] - box[1])
    return shorter >= limits.min_side and fits(box_in_view(view, box), view.width, view.height, limits)


def shown_in(truth: Truth, position: int, instance: int, view: View) -> Shown:
    """An answer entry for an instance that a window shows at least in part; `position` is the 0-based position of the
    view.
    """
    sighting = truth.see(instance, view.window)
    assert sighting.box is not None
    return Shown(position, instance, sighting.box, sighting.share)


def set_of_windows(index: Index, views: Sequence[View]) -> str:
    """Name of a set of windows of one photo; the order of the windows does not matter."""
    photo = index.photos[views[0].photo]
    return set_name([photo.identity, *((v.window, v.width, v.height) for v in views)])
