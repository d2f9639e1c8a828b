"""Windows of a photo that follow one object, and the order in which they are shown. A window size is used only if some
windows of this size show the object next to a sibling (an object of the same category) and others do not show the
object. The same applies to each level of detail. A window without the object replaces a window of the same size that
shows it. Therefore, neither size nor detail reveals which window does not show the object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cgc_data.geometry import THOUSAND, ThousandBox
from cgc_data.masks import Box
from cgc_data.plan.askable import Askable
from cgc_data.plan.drawn_windows import DrawnWindows, Lengths, Mask, Numbers
from cgc_data.plan.extents import large_in, seen, seen_box
from cgc_data.plan.parting import Parted, draw_level
from cgc_data.plan.questions import View, thousand_in_view
from cgc_data.plan.windows import CONTEXT, FOCUS, Windows, shown_in

SIZES, OFFSETS = 8, 160  # windows tried per object
FEWEST = 3  # views of a track
SPARE = 2  # sizes tried per view
MAX_COPY_IOU = 0.28  # of rounded boxes, so that it is below 0.3 before rounding, too
MOVING = 0.5  # share of tracks in the order of a camera that moves in one direction
DIRECTIONS = 32  # number of directions in which the camera can move

Gone: TypeAlias = Literal[
    "never", "beside", "alone"
]  # whether one view lacks the object, and whether this view shows a sibling


@dataclass(frozen=True)
class Stages:
    """Windows by size. In `parted`, the array `count` marks windows that show the object next to a sibling, and the
    array `free` marks windows without the object.

    Attributes:
        whole: mask of the windows that show the complete object, (sizes, offsets).
        without: masks of the windows without the object, by kind. In windows of the kind `beside`, a sibling is in
            view. In windows of the kind `alone`, no sibling is near.
    """

    parted: Parted
    whole: Mask
    without: Mapping[Gone, Mask]

    def allowing(self, gone: Gone) -> NDArray[np.intp]:
        """The sizes that have windows for a track of this kind."""
        sizes = self.parted.sizes
        return sizes if gone == "never" else sizes[self.without[gone][sizes].any(axis=1)]


class Tracks:
    """Chooses windows that follow an object of a photo."""

    def __init__(self, askable: Askable) -> None:
        config = askable.config
        self._truth, self._limits = askable.truth, config.limits
        self._windows, self._detail = Windows(askable.truth, config), askable.detail

    def stages(self, photo: int, target: int, siblings: Sequence[int], rng: np.random.Generator) -> Stages | None:
        """Random windows of several sizes. At each size, some windows show enough of the object, and others show no
        part of it. None if no size has both.

        For speed, only the box of a sibling decides whether a window shows it. With masks, more windows might be
        suitable.
        """
        windows = self._large(self._windows.draw(photo, SIZES, OFFSETS, rng), target)
        gone, fitting = seen(self._truth.extent(target), windows, self._limits)
        fitting &= large_in(self._truth.box(target), windows, self._limits)
        both = np.flatnonzero(fitting.any(axis=1) & gone.any(axis=1))
        if not len(both):
            return None
        windows, gone, fitting = windows.take(both), gone[both], fitting[both]
        beside, near = self._around(siblings, windows)
        without: dict[Gone, Mask] = {"beside": gone & beside, "alone": gone & ~near}
        count, free = (fitting & beside).astype(np.int64), without["beside"] | without["alone"]
        parted = Parted.of(windows, count, free, self._detail.of(windows))
        return Stages(parted, seen_box(self._truth.box(target), windows, self._limits)[1], without)

    def _large(self, windows: DrawnWindows, target: int) -> DrawnWindows:
        """The windows of those sizes at which the object can be large enough in a view."""
        x1, y1, x2, y2 = self._truth.box(target)
        return windows.take(np.flatnonzero(windows.frames.least_side(self._limits) <= min(x2 - x1, y2 - y1)))

    def _around(self, siblings: Sequence[int], windows: DrawnWindows) -> tuple[Mask, Mask]:
        """Two masks: the windows that contain a whole sibling, and the windows that contain any part of a sibling or
        its margin.
        """
        beside, near = (np.zeros(windows.left.shape, dtype=np.bool_) for _ in range(2))
        for sibling in siblings:
            missed, visible = seen_box(self._truth.box(sibling), windows, self._limits)
            beside |= visible
            near |= ~missed
        return beside, near

    def lay(self, target: int, stages: Stages, number: int, gone: Gone, rng: np.random.Generator) -> list[View]:
        """At most `number` views of random sizes. Sizes without a suitable window are skipped. Empty if too few windows
        are suitable.

        The question contains the object's box in the first view, so this view shows the whole object. In the other
        views, the coordinates of the object differ clearly from this box. If `gone` is "never", all views show the
        object; otherwise, the last view does not.
        """
        views: list[View] = []
        parted, used, allowed = stages.parted, list[int](), stages.allowing(gone)
        sizes = allowed[rng.integers(len(allowed), size=SPARE * number)] if len(allowed) else allowed
        fitting, apart, before = parted.count > 0, np.ones_like(parted.free), np.ones_like(parted.free)
        for size in sizes.tolist():
            where = fitting[size] & apart[size]
            if view := draw_view(parted, size, where if views else where & stages.whole[size], rng):
                if not views:
                    fitting = fitting & self._distinct(parted.windows, target, view)
                views.append(view)
                used.append(size)
                before, apart = apart, apart & parted.apart(view)
            if len(views) == number:
                break
        if len(views) < FEWEST:
            return []
        if gone != "never":
            view = draw_view(parted, used[-1], stages.without[gone][used[-1]] & before[used[-1]], rng)
            if view is None:
                return []
            views[-1] = view
        return _in_roles(views)

    def _distinct(self, windows: DrawnWindows, target: int, first: View) -> Mask:
        """Mask (sizes, offsets) of the windows in which the object's coordinates differ clearly from those in the first
        view.
        """
        given = thousand_in_view(first, shown_in(self._truth, 0, target, first).box)
        return np.asarray(iou_in_views(self._truth.box(target), windows, given) < MAX_COPY_IOU)


def draw_view(parted: Parted, size: int, where: Mask, rng: np.random.Generator) -> View | None:
    """A random window of this size at one of the offsets in `where` (a mask (offsets,)). Its level of detail is drawn
    with the probabilities in `parted.shares`.
    """
    level, shares = parted.level[size], parted.shares[size]
    chances = shares * (np.bincount(level[where], minlength=len(shares)) > 0)
    if not chances.any():
        return None
    found = parted.view(size, where & (level == draw_level(chances, rng)), CONTEXT, rng)
    return found and found[0]


def iou_in_views(box: Box, windows: DrawnWindows, given: ThousandBox) -> Lengths:
    """IoU (sizes, offsets) between `given` and `box`, for each window. `box` is in photo pixels; it is clipped to the
    window and converted to the window's 0-1000 scale. `given` is on the 0-1000 scale of another view.
    """
    width, height = windows.frames.width[:, None], windows.frames.height[:, None]
    x1, x2 = (_thousand(edge - windows.left, width) for edge in (box[0], box[2]))
    y1, y2 = (_thousand(edge - windows.top, height) for edge in (box[1], box[3]))
    across = np.maximum(np.minimum(x2, given[2]) - np.maximum(x1, given[0]), 0)
    down = np.maximum(np.minimum(y2, given[3]) - np.maximum(y1, given[1]), 0)
    common, own = down * across, (y2 - y1) * (x2 - x1)
    return np.asarray(common / (own + (given[2] - given[0]) * (given[3] - given[1]) - common))


def _thousand(edges: NDArray[np.floating], length: Numbers) -> Lengths:
    return np.asarray(np.minimum(np.maximum(edges / length, 0), 1) * THOUSAND)


def order_of(views: Sequence[View], lacking: int | None, rng: np.random.Generator) -> list[int]:
    """Order of the views: as seen by a camera that moves in one direction, or shuffled.

    The view without the object appears equally often at each position, no matter which part of the photo it shows.
    """
    count, place = len(views), int(rng.integers(len(views)))
    if rng.random() < MOVING:
        angles = (np.arange(DIRECTIONS) + rng.random()) * 2 * np.pi / DIRECTIONS
        centers = np.array([[v.window.x1 + v.window.x2, v.window.y1 + v.window.y2] for v in views])
        passed = np.argsort(centers @ np.stack([np.cos(angles), np.sin(angles)]), axis=0)
        fitting = [d for d in rng.permutation(DIRECTIONS).tolist() if lacking in (None, passed[place, d])]
        if fitting:
            found: list[int] = passed[:, fitting[0]].tolist()
            return found
    order: list[int] = rng.permutation(count).tolist()
    if lacking is not None:
        order.remove(lacking)
        order.insert(place, lacking)
    return order


def _in_roles(views: Sequence[View]) -> list[View]:
    """The views with their roles: the smallest window is the Focus View, and the others are Context Views."""
    areas = [(v.window.x2 - v.window.x1) * (v.window.y2 - v.window.y1) for v in views]
    focus = areas.index(min(areas))
    return [replace(view, role=FOCUS) if place == focus else view for place, view in enumerate(views)]
