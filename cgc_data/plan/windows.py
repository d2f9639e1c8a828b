"""Windows of a photo: a Focus View round an object, Context Views at another scale and offset.

Offsets are uniform over those that keep the object whole, so that its place in the view tells nothing.
"""

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np

from cgc_data.config import BuildConfig
from cgc_data.geometry import Window, iou
from cgc_data.index.build import Index
from cgc_data.masks import Box
from cgc_data.plan.rows import Shown, View, set_name
from cgc_data.plan.truth import Truth
from cgc_data.tasks.intra import INTRA

FOCUS, CONTEXT = INTRA.roles
SMALLEST_SIDE = 96  # pixels of the photo; smaller windows would be blurred by enlarging
WIDEST_ASPECT = 1.5
CONTEXT_TRIES = 12
MAX_OVERLAP = 0.6  # IoU of two windows of one question; more would show the same view twice


class Windows:
    """Draws windows round objects of a photo."""

    def __init__(self, truth: Truth, config: BuildConfig) -> None:
        self._truth, self._settings = truth, config.intra

    def draw_count(self, rng: np.random.Generator) -> int:
        """Number of views in a set question."""
        return int(rng.integers(self._settings.min_views, self._settings.max_views + 1))

    def focus_and_context(self, photo: int, instance: int, rng: np.random.Generator) -> tuple[View, View] | None:
        """A Focus View of which the box covers the set share, and a wider Context View; both hold the object whole."""
        box = self._truth.box(instance)
        size = self._truth.photo_size(photo)
        focus = self._focus(box, size, rng)
        if focus is None:
            return None
        context = self._wider(box, size, focus, rng)
        if context is None:
            return None
        return self._view(photo, focus, FOCUS, rng), self._view(photo, context, CONTEXT, rng)

    def several(
        self, photo: int, instance: int, avoided: Sequence[int], count: int, rng: np.random.Generator
    ) -> tuple[View, ...] | None:
        """A Focus View of the instance and Context Views anywhere, none of which shows an avoided instance."""
        size, box = self._truth.photo_size(photo), self._truth.box(instance)
        focus = self._focus(box, size, rng)
        if focus is None or not self._free(focus, avoided):
            return None
        windows = [focus]
        while len(windows) < count:
            window = self._context(size, windows, avoided, rng)
            if window is None:
                return None
            windows.append(window)
        roles = [FOCUS, *[CONTEXT] * (count - 1)]
        return tuple(self._view(photo, w, role, rng) for w, role in zip(windows, roles, strict=True))

    def _focus(self, box: Box, size: tuple[int, int], rng: np.random.Generator) -> Window | None:
        low, high = np.log(self._settings.min_cover), np.log(self._settings.max_cover)
        cover = float(np.exp(rng.uniform(low, high)))
        area = (box[2] - box[0]) * (box[3] - box[1]) / cover
        window = self._around(box, size, area, rng)
        if window is None:
            return None
        actual = area * cover / (window.width * window.height)
        return window if self._settings.min_cover <= actual <= self._settings.max_cover else None

    def _wider(self, box: Box, size: tuple[int, int], focus: Window, rng: np.random.Generator) -> Window | None:
        least = focus.width * focus.height * self._settings.context_scale**2
        most = float(size[0] * size[1])
        if least >= most:
            return None
        return self._around(box, size, float(np.exp(rng.uniform(np.log(least), np.log(most)))), rng)

    def _context(
        self, size: tuple[int, int], others: Sequence[Window], avoided: Sequence[int], rng: np.random.Generator
    ) -> Window | None:
        """A window anywhere in the photo, wider than the first of the others, unlike all, free of the avoided."""
        least = others[0].width * others[0].height * self._settings.context_scale**2
        most = float(size[0] * size[1])
        for _ in range(CONTEXT_TRIES if least < most else 0):
            width, height = _shape(float(np.exp(rng.uniform(np.log(least), np.log(most)))), size, rng)
            x, y = int(rng.integers(0, size[0] - width + 1)), int(rng.integers(0, size[1] - height + 1))
            window = Window(x, y, x + width, y + height)
            if self._free(window, avoided) and all(_overlap(window, other) <= MAX_OVERLAP for other in others):
                return window
        return None

    def _around(self, box: Box, size: tuple[int, int], area: float, rng: np.random.Generator) -> Window | None:
        """A window of about this area that holds the box whole, offset uniform over those that do."""
        width, height = _shape(area, size, rng)
        x1, y1, x2, y2 = np.floor(box[0]), np.floor(box[1]), np.ceil(box[2]), np.ceil(box[3])
        low = max(int(x2) - width, 0), max(int(y2) - height, 0)
        high = min(int(x1), size[0] - width), min(int(y1), size[1] - height)
        if low[0] > high[0] or low[1] > high[1]:
            return None
        x, y = int(rng.integers(low[0], high[0] + 1)), int(rng.integers(low[1], high[1] + 1))
        return Window(x, y, x + width, y + height)

    def _free(self, window: Window, avoided: Sequence[int]) -> bool:
        return all(self._truth.see(instance, window).state == "gone" for instance in avoided)

    def _view(self, photo: int, window: Window, role: str, rng: np.random.Generator) -> View:
        longer = int(rng.choice(self._settings.view_sizes))
        scale = longer / max(window.width, window.height)
        return View(photo, window, max(round(window.width * scale), 1), max(round(window.height * scale), 1), role)


def _shape(area: float, size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Width and height of a window of about this area and a drawn aspect ratio, cut to the photo."""
    aspect = float(np.exp(rng.uniform(-np.log(WIDEST_ASPECT), np.log(WIDEST_ASPECT))))
    width, height = np.sqrt(area * aspect), np.sqrt(area / aspect)
    least = min(SMALLEST_SIDE, *size)
    return int(np.clip(round(width), least, size[0])), int(np.clip(round(height), least, size[1]))


def _overlap(first: Window, second: Window) -> float:
    return iou(astuple(first), astuple(second))


def shown_in(truth: Truth, position: int, instance: int, view: View) -> Shown:
    """An instance that a window shows, at least in part, as part of an answer; `position` of the view is 0-based."""
    sighting = truth.see(instance, view.window)
    assert sighting.box is not None
    return Shown(position, instance, sighting.box, sighting.share)


def set_of_windows(index: Index, views: Sequence[View]) -> str:
    """Name of a set of windows of one photo, whatever their order."""
    photo = index.photos[views[0].photo]
    return set_name([photo.identity, *((v.window, v.width, v.height) for v in views)])
