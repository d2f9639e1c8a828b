"""Sets of windows of which some show objects of a category and the others nothing of it.

Only sizes of windows are used at which the category can be shown and can be missed. So neither size nor enlargement,
nor what follows from them, tells which of a set's windows shows it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cgc_data.config import BuildConfig
from cgc_data.geometry import Window
from cgc_data.index.build import Index
from cgc_data.plan.offsets import Extent, Frame, Mask, Numbers, Offsets, count_fitting, offsets_of
from cgc_data.plan.rows import View
from cgc_data.plan.truth import Truth
from cgc_data.plan.windows import CONTEXT, FOCUS, MAX_OVERLAP, Windows

SIZES = 24  # of windows that are tried for a category
KEPT_EXTENTS = 512


@dataclass(frozen=True)
class Part:
    """A size of windows, how many objects of a category each offset shows, and where it shows none: (rows, columns)."""

    frame: Frame
    offsets: Offsets
    count: Numbers
    free: Mask


class Parting:
    """Lays windows that show a category and windows that miss it."""

    def __init__(self, index: Index, truth: Truth, config: BuildConfig) -> None:
        self._index, self._truth, self._config = index, truth, config
        self._windows = Windows(truth, config)
        self._extents: OrderedDict[int, Extent] = OrderedDict()

    def parts(self, photo: int, concept: int, rng: np.random.Generator) -> list[Part]:
        """Sizes of windows at which a category can be shown and can be missed."""
        size = self._truth.photo_size(photo)
        extents = [self._extent(int(instance)) for instance in self._index.instances.of(photo, concept)]
        frames = (self._windows.frame(size, (step + rng.random()) / SIZES, rng) for step in range(SIZES))
        parts = (self._part(size, frame, extents) for frame in frames if frame)
        return [part for part in parts if part.count.any() and part.free.any()]

    def choose(self, parts: Sequence[Part], count: int, rng: np.random.Generator) -> list[Part]:
        """Sizes for a set: a narrow one first, the others wider by the set factor; none if there are no two such."""
        scales = np.array([part.frame.scale for part in parts])
        wider = scales[:, None] * self._config.intra.context_scale <= scales
        narrow = np.flatnonzero(wider.any(axis=1))
        if not len(narrow):
            return []
        first = int(rng.choice(narrow))
        others = rng.choice(np.flatnonzero(wider[first]), count - 1)
        return [parts[first], *(parts[i] for i in others.tolist())]

    def lay(
        self, photo: int, parts: Sequence[Part], holding: Sequence[bool], rng: np.random.Generator
    ) -> tuple[View, ...] | None:
        """A window of each size, which shows the category where `holding` says so; None if they would overlap."""
        windows: list[Window] = []
        left = self._config.limits.max_objects
        for place, (part, holds) in enumerate(zip(parts, holding, strict=True)):
            fitting = (part.count > 0) & (part.count <= left - sum(holding[place + 1 :]))
            open_still = fitting if holds else part.free.copy()
            for window in windows:
                open_still &= part.offsets.overlap(window) <= MAX_OVERLAP
            places = np.flatnonzero(open_still)
            if not len(places):
                return None
            chosen = int(rng.choice(places))
            left -= int(part.count.flat[chosen])
            windows.append(part.offsets.window(chosen))
        roles = [FOCUS, *[CONTEXT] * (len(parts) - 1)]
        frames = (part.frame for part in parts)
        return tuple(
            View(photo, window, frame.view_width, frame.view_height, role)
            for window, frame, role in zip(windows, frames, roles, strict=True)
        )

    def _part(self, size: tuple[int, int], frame: Frame, extents: Sequence[Extent]) -> Part:
        offsets = offsets_of(size, frame.width, frame.height)
        return Part(frame, offsets, *count_fitting(extents, offsets, frame, self._config.limits))

    def _extent(self, instance: int) -> Extent:
        if instance not in self._extents:
            self._extents[instance] = self._truth.extent(instance)
            if len(self._extents) > KEPT_EXTENTS:
                self._extents.popitem(last=False)
        return self._extents[instance]
