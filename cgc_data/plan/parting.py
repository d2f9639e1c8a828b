"""Chooses sets of windows in which some windows show objects of a category and the others show none. A window size is
used only if some windows of this size show the category and others do not. A level of detail is used only if it occurs
in both groups of windows. Therefore, size, enlargement, sharpness, and file size do not reveal which window shows the
category.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.plan.detail import Detail
from cgc_data.plan.drawn_windows import DrawnWindows, Lengths, Mask, Numbers
from cgc_data.plan.extents import count_fitting
from cgc_data.plan.questions import View
from cgc_data.plan.truth import Truth
from cgc_data.plan.windows import CONTEXT, FOCUS, MAX_OVERLAP, Windows

SIZES, OFFSETS = 24, 96  # windows tried per category
LEVEL = 0.05  # natural logarithm of detail: windows of one level differ by less than this
DRAWS = 4  # attempts to draw windows of the chosen sizes


@dataclass(frozen=True)
class Parted:
    """Windows that show objects, and windows that show none. Except for `shares`, arrays have the shape (sizes,
    offsets).

    Attributes:
        count: number of objects in each window; 0 if any of them is too small or is cut off too much.
        free: mask of the windows without any part of an object.
        level: level of detail of each window.
        shares: probability of each level, (sizes, levels); 0 for levels that do not have windows of both kinds.
    """

    windows: DrawnWindows
    count: Numbers
    free: Mask
    level: Numbers
    shares: Lengths

    @classmethod
    def of(cls, windows: DrawnWindows, count: Numbers, free: Mask, detail: Lengths) -> "Parted":
        """Compute the levels and their probabilities for these windows.

        `count` is the number of objects in each window, `free` marks the windows without objects, and `detail` is the
        amount of detail in each window.
        """
        level = np.floor(detail / LEVEL).astype(np.int64)
        level -= level.min(initial=0)
        return cls(windows, count, free, level, _shares(level, count > 0, free))

    @property
    def sizes(self) -> NDArray[np.intp]:
        """The sizes with at least one level of detail that occurs in both kinds of windows."""
        return np.flatnonzero(self.shares.any(axis=1))

    def apart(self, view: View) -> Mask:
        """Mask of the windows that can be in the same row as the view, because they barely overlap it."""
        return np.asarray(self.windows.overlap(view.window) <= MAX_OVERLAP)

    def view(self, size: int, where: Mask, role: str, rng: np.random.Generator) -> tuple[View, int] | None:
        """A random window of this size, and its offset. The offset is drawn from those that the mask `where` (offsets,)
        marks. None if the mask is all false.
        """
        offsets = where.nonzero()[0]
        if not len(offsets):
            return None
        offset = int(offsets[rng.integers(len(offsets))])
        return self.windows.view(size, offset, role), offset


def _shares(level: Numbers, shown: Mask, free: Mask) -> Lengths:
    """For each size, the probability of each level of detail, (sizes, levels). The probability is proportional to the
    lower of the level's two frequencies: in windows that show objects, and in windows that show none.
    """
    sizes, levels = len(level), int(level.max(initial=0)) + 1
    places = level + np.arange(sizes)[:, None] * levels
    counts = (np.bincount(places[kind], minlength=sizes * levels).reshape(sizes, levels) for kind in (shown, free))
    common = np.minimum(*(found / np.maximum(found.sum(axis=1, keepdims=True), 1) for found in counts))
    total = common.sum(axis=1, keepdims=True)
    return np.asarray(common / np.where(total > 0, total, 1))


def draw_level(chances: Lengths, rng: np.random.Generator) -> int:
    """Draw a level with the given probabilities (levels,), which do not need to add up to 1."""
    reached = chances.cumsum()
    return int(np.searchsorted(reached[:-1], rng.random() * reached[-1], side="right"))


class Parting:
    """Chooses windows that show a category and windows that do not."""

    def __init__(self, index: Index, truth: Truth, config: BuildConfig, detail: Detail) -> None:
        self._index, self._truth, self._config, self._detail = index, truth, config, detail
        self._windows = Windows(truth, config)

    def parted(self, photo: int, concept: int, rng: np.random.Generator) -> Parted | None:
        """Random windows of the photo. A size is kept only if some of its windows show the category and others do not.
        None if no size is kept.
        """
        extents = [self._truth.extent(int(instance)) for instance in self._index.instances.of(photo, concept)]
        windows = self._windows.draw(photo, SIZES, OFFSETS, rng)
        count, free = count_fitting(extents, windows, self._config.limits)
        both = np.flatnonzero(count.any(axis=1) & free.any(axis=1))
        if not len(both):
            return None
        windows = windows.take(both)
        return Parted.of(windows, count[both], free[both], self._detail.of(windows))

    def choose(self, parted: Parted, count: int, rng: np.random.Generator) -> list[int]:
        """`count` window sizes for a set, in ascending order. All other sizes are larger than the first by at least the
        configured factor. Empty if there are no such sizes.
        """
        sizes = parted.sizes
        scales = parted.windows.frames.scale[sizes]
        wider = scales[:, None] * self._config.intra.context_scale <= scales
        narrow = wider.any(axis=1).nonzero()[0]
        if not len(narrow):
            return []
        first = int(narrow[rng.integers(len(narrow))])
        among = wider[first].nonzero()[0]
        others = among[rng.integers(len(among), size=count - 1)]
        chosen: list[int] = sizes[[first, *others[np.argsort(scales[others])]]].tolist()
        return chosen

    def lay(
        self, parted: Parted, sizes: Sequence[int], holding: Sequence[bool], rng: np.random.Generator
    ) -> tuple[View, ...]:
        """A window for each size. A window shows the category if its entry in `holding` is true. Empty if the windows
        overlap.
        """
        for _ in range(DRAWS):
            if views := self._drawn(parted, sizes, holding, rng):
                return tuple(views)
        return ()

    def _drawn(
        self, parted: Parted, sizes: Sequence[int], holding: Sequence[bool], rng: np.random.Generator
    ) -> list[View]:
        views: list[View] = []
        left, apart = self._config.limits.max_objects, np.ones_like(parted.free)
        for place, (size, holds) in enumerate(zip(sizes, holding, strict=True)):
            count = parted.count[size]
            where = apart[size] & (parted.level[size] == draw_level(parted.shares[size], rng))
            where &= (count > 0) & (count <= left - sum(holding[place + 1 :])) if holds else parted.free[size]
            found = parted.view(size, where, CONTEXT if views else FOCUS, rng)
            if found is None:
                return []
            view, offset = found
            left -= int(count[offset])
            views.append(view)
            if len(views) < len(sizes):
                apart &= parted.apart(view)
        return views
