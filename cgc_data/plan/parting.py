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
from cgc_data.plan.offsets import Extent, Frame, Lengths, Mask, Numbers, Offsets, count_fitting, offsets_of
from cgc_data.plan.questions import View
from cgc_data.plan.truth import Truth
from cgc_data.plan.windows import CONTEXT, FOCUS, MAX_OVERLAP, Windows

SIZES = 24  # window sizes tried per category
LEVEL = 0.05  # natural logarithm of detail: windows of one level differ by less than this
DRAWS = 4  # attempts to draw windows of the chosen sizes


@dataclass(frozen=True)
class Part:
    """Windows of one size; tables are (rows, columns) of their offsets.

    Attributes:
        count: number of objects of a category in each window; 0 if an object is too small or too much of it is cut off.
        free: mask of the windows without any part of an object of the category.
        level: level of detail of each window.
        shares: probability of each level, (levels,); 0 for levels without windows of both kinds.
    """

    frame: Frame
    offsets: Offsets
    count: Numbers
    free: Mask
    level: Numbers
    shares: Lengths

    @classmethod
    def of(cls, frame: Frame, offsets: Offsets, found: tuple[Numbers, Mask], detail: Lengths) -> "Part":
        """Create the part from the result of `count_fitting` and the detail in the windows."""
        count, free = found
        level = np.floor((detail - detail.min()) / LEVEL).astype(np.int64)
        levels = int(level.max()) + 1
        shown, missed = (np.bincount(level[where], minlength=levels) for where in (count > 0, free))
        common = np.minimum(shown / max(shown.sum(), 1), missed / max(missed.sum(), 1))
        return cls(frame, offsets, count, free, level, common / (common.sum() or 1))


class Parting:
    """Places windows that show a category and windows that miss it."""

    def __init__(self, index: Index, truth: Truth, config: BuildConfig, detail: Detail) -> None:
        self._index, self._truth, self._config, self._detail = index, truth, config, detail
        self._windows = Windows(truth, config)

    def parts(self, photo: int, concept: int, rng: np.random.Generator) -> list[Part]:
        """Window sizes that can both show and miss a category."""
        size = self._truth.photo_size(photo)
        extents = [self._truth.extent(int(instance)) for instance in self._index.instances.of(photo, concept)]
        parts = (self._part(photo, frame, extents) for frame in self._windows.frames(size, SIZES, rng))
        return [part for part in parts if part and part.shares.any()]

    def choose(self, parts: Sequence[Part], count: int, rng: np.random.Generator) -> list[Part]:
        """Sizes for a set: the smallest, then sizes that are wider by the set factor; empty if fewer than two sizes are
        found.
        """
        scales = np.array([part.frame.scale for part in parts])
        wider = scales[:, None] * self._config.intra.context_scale <= scales
        narrow = np.flatnonzero(wider.any(axis=1))
        if not len(narrow):
            return []
        first = int(rng.choice(narrow))
        others = [parts[i] for i in rng.choice(np.flatnonzero(wider[first]), count - 1).tolist()]
        return [parts[first], *sorted(others, key=lambda part: part.frame.scale)]

    def lay(
        self, photo: int, parts: Sequence[Part], holding: Sequence[bool], rng: np.random.Generator
    ) -> tuple[View, ...] | None:
        """A window of each size that shows the category if its entry in `holding` is set; None if windows overlap."""
        for _ in range(DRAWS):
            if windows := self._drawn(parts, holding, rng):
                roles = [FOCUS, *[CONTEXT] * (len(parts) - 1)]
                return tuple(
                    View(photo, window, part.frame.view_width, part.frame.view_height, role)
                    for window, part, role in zip(windows, parts, roles, strict=True)
                )
        return None

    def _drawn(self, parts: Sequence[Part], holding: Sequence[bool], rng: np.random.Generator) -> list[Window]:
        windows: list[Window] = []
        left = self._config.limits.max_objects
        for place, (part, holds) in enumerate(zip(parts, holding, strict=True)):
            fitting = (part.count > 0) & (part.count <= left - sum(holding[place + 1 :]))
            level = int(rng.choice(len(part.shares), p=part.shares))
            open_still = (fitting if holds else part.free) & (part.level == level)
            for window in windows:
                open_still &= part.offsets.overlap(window) <= MAX_OVERLAP
            places = np.flatnonzero(open_still)
            if not len(places):
                return []
            chosen = int(places[rng.integers(len(places))])
            left -= int(part.count.flat[chosen])
            windows.append(part.offsets.window(chosen))
        return windows

    def _part(self, photo: int, frame: Frame, extents: Sequence[Extent]) -> Part | None:
        """The part for a window size; None if all windows of this size show the category or all of them miss it."""
        offsets = offsets_of(self._truth.photo_size(photo), frame.width, frame.height)
        found = count_fitting(extents, offsets, frame, self._config.limits)
        if not all(kind.any() for kind in found):
            return None
        return Part.of(frame, offsets, found, self._detail.of(photo, offsets))
