"""Sets of windows: some windows show objects of a category, and the others show none.
 Only window sizes that can both show and miss the category are used, and only levels of detail that both groups of
windows have. Therefore, size, enlargement, sharpness, and file size do not reveal which window shows the category.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cgc_data.config import BuildConfig
from cgc_data.geometry import Window
from cgc_data.index.build import Index
from cgc_data.plan.detail import Detail
from cgc_data.plan.drawn_windows import DrawnWindows, Lengths, Mask, Numbers
from cgc_data.plan.extents import count_fitting
from cgc_data.plan.questions import View
from cgc_data.plan.truth import Truth
from cgc_data.plan.windows import CONTEXT, FOCUS, MAX_OVERLAP, Windows

SIZES, OFFSETS = 12, 160  # windows tried per category
LEVEL = 0.05  # natural logarithm of detail: windows of one level differ by less than this
DRAWS = 4  # attempts to draw windows of the chosen sizes


@dataclass(frozen=True)
class Parted:
    """The windows of one size; arrays are (offsets,).

    Attributes:
        windows, size: these are the windows of that size.
        count: number of objects of a category in each window; 0 if an object is too small or too much of it is cut off.
        free: mask of the windows without any part of an object of the category.
        level: level of detail of each window.
        shares: probability of each level, (levels,); 0 for levels without windows of both kinds.
    """

    windows: DrawnWindows
    size: int
    count: Numbers
    free: Mask
    level: Numbers
    shares: Lengths

    @property
    def scale(self) -> float:
        """Geometric mean of the sides in photo pixels."""
        return float(self.windows.frames.scale[self.size])

    def overlap(self, other: Window) -> Lengths:
        """IoU between each window and another window, (offsets,)."""
        return self.windows.overlap(self.size, other)

    def view(self, offset: int, role: str) -> View:
        """One of the windows, as it is shown."""
        return self.windows.view(self.size, offset, role)


def parted(windows: DrawnWindows, count: Numbers, free: Mask, detail: Lengths) -> list[Parted]:
    """The sizes with windows of one level of detail that show objects and others that show none; arguments are
    (sizes, offsets).
    """
    level = np.floor(detail / LEVEL).astype(np.int64)
    level -= level.min(initial=0)
    shares = _shares(level, count > 0, free)
    used = np.flatnonzero(shares.any(axis=1)).tolist()
    return [Parted(windows, size, count[size], free[size], level[size], shares[size]) for size in used]


def _shares(level: Numbers, shown: Mask, free: Mask) -> Lengths:
    """Probability of each level for each size, (sizes, levels): how often both kinds of windows have it."""
    sizes, levels = len(level), int(level.max(initial=0)) + 1
    places = level + np.arange(sizes)[:, None] * levels
    counts = (np.bincount(places[kind], minlength=sizes * levels).reshape(sizes, levels) for kind in (shown, free))
    common = np.minimum(*(found / np.maximum(found.sum(axis=1, keepdims=True), 1) for found in counts))
    total = common.sum(axis=1, keepdims=True)
    return np.asarray(common / np.where(total > 0, total, 1))


def draw_level(chances: Lengths, rng: np.random.Generator) -> int:
    """A level, by its probability, which need not add up to 1, (levels,)."""
    reached = chances.cumsum()
    return int(np.searchsorted(reached[:-1], rng.random() * reached[-1], side="right"))


class Parting:
    """Places windows that show a category and windows that miss it."""

    def __init__(self, index: Index, truth: Truth, config: BuildConfig, detail: Detail) -> None:
        self._index, self._truth, self._config, self._detail = index, truth, config, detail
        self._windows = Windows(truth, config)

    def parts(self, photo: int, concept: int, rng: np.random.Generator) -> list[Parted]:
        """Window sizes that can both show and miss a category, smallest first."""
        extents = [self._truth.extent(int(instance)) for instance in self._index.instances.of(photo, concept)]
        windows = self._windows.draw(photo, SIZES, OFFSETS, rng)
        count, free = count_fitting(extents, windows, self._config.limits)
        both = np.flatnonzero(count.any(axis=1) & free.any(axis=1))
        windows, count, free = windows.take(both), count[both], free[both]
        return parted(windows, count, free, self._detail.of(windows)) if len(both) else []

    def choose(self, parts: Sequence[Parted], count: int, rng: np.random.Generator) -> list[Parted]:
        """Sizes for a set: the smallest, then sizes that are wider by the set factor; empty if fewer than two sizes are
        found.
        """
        scales = np.array([part.scale for part in parts])
        wider = scales[:, None] * self._config.intra.context_scale <= scales
        narrow = np.flatnonzero(wider.any(axis=1))
        if not len(narrow):
            return []
        first = int(narrow[rng.integers(len(narrow))])
        among = np.flatnonzero(wider[first])
        others = [parts[i] for i in among[rng.integers(len(among), size=count - 1)].tolist()]
        return [parts[first], *sorted(others, key=lambda part: part.scale)]

    def lay(self, parts: Sequence[Parted], holding: Sequence[bool], rng: np.random.Generator) -> tuple[View, ...]:
        """A window of each size that shows the category if its entry in `holding` is set; empty if windows overlap."""
        for _ in range(DRAWS):
            if views := self._drawn(parts, holding, rng):
                return tuple(views)
        return ()

    def _drawn(self, parts: Sequence[Parted], holding: Sequence[bool], rng: np.random.Generator) -> list[View]:
        views: list[View] = []
        left = self._config.limits.max_objects
        for place, (part, holds) in enumerate(zip(parts, holding, strict=True)):
            fitting = (part.count > 0) & (part.count <= left - sum(holding[place + 1 :])) if holds else part.free
            open_still = fitting & (part.level == draw_level(part.shares, rng))
            for view in views:
                open_still &= part.overlap(view.window) <= MAX_OVERLAP
            offsets = open_still.nonzero()[0]
            if not len(offsets):
                return []
            chosen = int(offsets[rng.integers(len(offsets))])
            left -= int(part.count[chosen])
            views.append(part.view(chosen, CONTEXT if views else FOCUS))
        return views
