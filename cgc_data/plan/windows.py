"""Windows of a photo: a Focus View around an object and a Context View at another scale and offset.

Offsets are uniform over those that keep the object whole, so its place in the view reveals nothing. No window is
enlarged much, so it stays sharp.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from cgc_data.config import BuildConfig, Limits
from cgc_data.geometry import Window
from cgc_data.index.build import Index
from cgc_data.masks import Box
from cgc_data.plan.offsets import Frame
from cgc_data.plan.questions import Shown, View, box_in_view, set_name
from cgc_data.plan.truth import Truth, fits
from cgc_data.tasks.intra import INTRA

FOCUS, CONTEXT = INTRA.roles
WIDEST_ASPECT = 1.5
_WIDEST = math.log(WIDEST_ASPECT)
MAX_OVERLAP = 0.6  # IoU of two windows of one question; more would show the same view twice


class Windows:
    """Draws windows around objects in a photo."""

    def __init__(self, truth: Truth, config: BuildConfig) -> None:
        self._truth, self._settings, self._enlargement = truth, config.intra, config.limits.enlargement

    def draw_count(self, rng: np.random.Generator) -> int:
        """Number of views in a set question."""
        return int(rng.integers(self._settings.min_views, self._settings.max_views + 1))

    def focus_and_context(self, photo: int, instance: int, rng: np.random.Generator) -> tuple[View, View] | None:
        """A Focus View, of which the box covers the configured share, and a wider Context View; both contain the entire
        box.
        """
        box = self._truth.box(instance)
        size = self._truth.photo_size(photo)
        focus = self._focus(box, size, rng)
        if focus is None:
            return None
        context = self._wider(box, size, focus, rng)
        if context is None:
            return None
        near, wide = self._view(photo, focus, FOCUS, rng), self._view(photo, context, CONTEXT, rng)
        return (near, wide) if near and wide else None

    def frames(self, size: tuple[int, int], number: int, rng: np.random.Generator) -> Iterator[Frame]:
        """At most `number` window sizes for a photo of width and height `size`, smallest first."""
        for step in range(number):
            if frame := self.frame(size, (step + rng.random()) / number, rng):
                yield frame

    def frame(self, size: tuple[int, int], place: float, rng: np.random.Generator) -> Frame | None:
        """A window size for a photo of width and height `size`, at `place` (0-1) between smallest and largest."""
        least, most = self._least_side(), max(size)
        if least > most:
            return None
        longer, aspect = least * (most / least) ** place, math.exp(_between(0, _WIDEST, rng))
        sides = (longer, longer / aspect) if rng.random() < 0.5 else (longer / aspect, longer)
        width, height = (min(round(side), limit) for side, limit in zip(sides, size, strict=True))
        return self._frame(width, height, rng)

    def _focus(self, box: Box, size: tuple[int, int], rng: np.random.Generator) -> Window | None:
        low, high = math.log(self._settings.min_cover), math.log(self._settings.max_cover)
        cover = math.exp(_between(low, high, rng))
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
        return self._around(box, size, math.exp(_between(math.log(least), math.log(most), rng)), rng)

    def _around(self, box: Box, size: tuple[int, int], area: float, rng: np.random.Generator) -> Window | None:
        """A window of about this area that contains the whole box, at an offset drawn uniformly among all such
        offsets.
        """
        width, height = _shape(area, size, rng)
        x1, y1, x2, y2 = math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3])
        low = max(x2 - width, 0), max(y2 - height, 0)
        high = min(x1, size[0] - width), min(y1, size[1] - height)
        if low[0] > high[0] or low[1] > high[1]:
            return None
        x, y = int(rng.integers(low[0], high[0] + 1)), int(rng.integers(low[1], high[1] + 1))
        return Window(x, y, x + width, y + height)

    def _view(self, photo: int, window: Window, role: str, rng: np.random.Generator) -> View | None:
        frame = self._frame(window.width, window.height, rng)
        return View(photo, window, frame.view_width, frame.view_height, role) if frame else None

    def _frame(self, width: int, height: int, rng: np.random.Generator) -> Frame | None:
        """A window of this size, shown at one of the configured sizes that keep it sharp, or None."""
        sharp = [side for side in self._settings.view_sizes if side <= self._enlargement * max(width, height)]
        if not sharp:
            return None
        scale = sharp[int(rng.integers(len(sharp)))] / max(width, height)
        return Frame(width, height, max(round(width * scale), 1), max(round(height * scale), 1))

    def _least_side(self) -> int:
        """Length in photo pixels of the longer side of the smallest window that can be shown."""
        return math.ceil(min(self._settings.view_sizes) / self._enlargement)


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    """The same number as the generator's `uniform`, several times as fast."""
    return low + (high - low) * rng.random()


def _shape(area: float, size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Width and height of a window of about this area and a random aspect ratio, cut to the photo."""
    aspect = math.exp(_between(-_WIDEST, _WIDEST, rng))
    width, height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
    return min(max(width, 1), size[0]), min(max(height, 1), size[1])


def askable_in(view: View, box: Box, limits: Limits) -> bool:
    """Whether a question can ask for a box, in photo pixels, in a view; its shorter side must also fit in the photo."""
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
    """Order-independent name of a set of windows of one photo."""
    photo = index.photos[views[0].photo]
    return set_name([photo.identity, *((v.window, v.width, v.height) for v in views)])
