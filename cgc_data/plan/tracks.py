"""Windows of a photo that follow one object, and the order in which they are shown.
 A size or level of detail is used only if some of its windows show the object next to a sibling and others do not show
the object. A window without the object replaces a window with it, so neither size nor detail reveals which window lacks
it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from cgc_data.geometry import ThousandBox, Window
from cgc_data.masks import Box
from cgc_data.plan.askable import Askable
from cgc_data.plan.offsets import Extent, Frame, Lengths, Mask, Offsets, large_in, offsets_of, seen
from cgc_data.plan.parting import Part
from cgc_data.plan.questions import View, thousand_in_view
from cgc_data.plan.windows import CONTEXT, FOCUS, MAX_OVERLAP, Windows, shown_in

SIZES = 8  # window sizes tried per object
MAX_COPY_IOU = 0.3
MOVING = 0.5  # share of tracks in the order of a camera that moves in one direction
DIRECTIONS = 32  # number of directions in which the camera can move

Gone: TypeAlias = Literal[
    "never", "beside", "alone"
]  # whether one view lacks the object, and whether this view shows a sibling


@dataclass(frozen=True)
class Stage:
    """Windows of one size: the part counts windows that show the object next to a sibling; `free` are windows without
    it.

    `without` contains the windows without the object by kind, with a sibling in view or none near; (rows, columns).
    """

    part: Part
    without: dict[Gone, Mask]

    def allows(self, gone: Gone) -> bool:
        """Whether there are windows for a view of the kind."""
        return gone == "never" or bool(self.without[gone].any())


class Tracks:
    """Places windows that follow an object of a photo."""

    def __init__(self, askable: Askable) -> None:
        config = askable.config
        self._truth, self._limits = askable.truth, config.limits
        self._windows, self._detail = Windows(askable.truth, config), askable.detail

    def stages(self, photo: int, target: int, siblings: Sequence[int], rng: np.random.Generator) -> list[Stage]:
        """Window sizes that can show the object next to a sibling and can also miss the object."""
        size = self._truth.photo_size(photo)
        frames = self._windows.frames(size, SIZES, rng)
        return [stage for frame in frames for stage in self._stage(photo, frame, target, siblings)]

    def lay(
        self, photo: int, target: int, stages: Sequence[Stage], gone: Gone, rng: np.random.Generator
    ) -> list[View] | None:
        """One view of each size; None if no views fit.

        The first view has the given box and shows the whole object; no other view shows the object in the same place.
        The last view does not show the object if `gone`.
        """
        views: list[View] = []
        for stage in stages:
            fitting = self._distinct(stage.part, target, views[:1])
            window = draw_window(stage.part, fitting, [view.window for view in views], rng)
            if window is None:
                return None
            views.append(_view(photo, window, stage.part.frame))
        if gone != "never":
            last = stages[-1]
            window = draw_window(last.part, last.without[gone], [view.window for view in views[:-1]], rng)
            if window is None:
                return None
            views[-1] = replace(views[-1], window=window)
        return _in_roles(views)

    def _distinct(self, part: Part, target: int, first: Sequence[View]) -> Mask:
        """Mask (rows, columns) of the windows that show the complete object or, if there is a first view, that show the
        object at another place than this view.
        """
        box, fitting = self._truth.box(target), part.count > 0
        if not first:
            return np.asarray(fitting & seen(Extent(box, None), part.offsets, self._limits)[1])
        given = thousand_in_view(first[0], shown_in(self._truth, 0, target, first[0]).box)
        return np.asarray(fitting & (iou_in_views(box, part.offsets, given) < MAX_COPY_IOU))

    def _stage(self, photo: int, frame: Frame, target: int, siblings: Sequence[int]) -> Iterator[Stage]:
        """The windows of one size, if some of them show the object next to a sibling and some do not show it.

        For speed, siblings are judged by their boxes; their masks could show that more windows are suitable.
        """
        x1, y1, x2, y2 = self._truth.box(target)
        if min(x2 - x1, y2 - y1) < frame.least_side(self._limits):
            return  # no window of this size shows enough of it
        offsets = offsets_of(self._truth.photo_size(photo), frame.width, frame.height)
        gone, fitting = seen(self._truth.extent(target), offsets, self._limits)
        fitting &= large_in(self._truth.box(target), offsets, frame, self._limits)
        if not fitting.any() or not gone.any():
            return
        beside, near = np.zeros_like(gone), np.zeros_like(gone)
        for sibling in siblings:
            missed, visible = seen(Extent(self._truth.box(sibling), None), offsets, self._limits)
            beside |= visible
            near |= ~missed
        without: dict[Gone, Mask] = {"beside": gone & beside, "alone": gone & ~near}
        found = (fitting & beside).astype(np.int64), without["beside"] | without["alone"]
        if not all(kind.any() for kind in found):
            return
        part = Part.of(frame, offsets, found, self._detail.of(photo, offsets))
        if part.shares.any():
            yield Stage(part, without)


def draw_window(part: Part, where: Mask, others: Sequence[Window], rng: np.random.Generator) -> Window | None:
    """One of the part's windows in `where` that overlaps the other windows little; its level of detail is drawn by
    share.
    """
    for other in others:
        where = where & (part.offsets.overlap(other) <= MAX_OVERLAP)
    chances = part.shares * (np.bincount(part.level[where], minlength=len(part.shares)) > 0)
    if not chances.any():
        return None
    level = rng.choice(len(chances), p=chances / chances.sum())
    places = np.flatnonzero(where & (part.level == level))
    return part.offsets.window(int(places[rng.integers(len(places))]))


def iou_in_views(box: Box, offsets: Offsets, given: ThousandBox) -> Lengths:
    """IoU of a box, in photo pixels and cut to each window, with one in 0-1000 of the view, (rows, columns)."""
    x1, x2 = (np.clip((edge - offsets.left) / offsets.width, 0, 1) * 1000 for edge in (box[0], box[2]))
    y1, y2 = (np.clip((edge - offsets.top) / offsets.height, 0, 1) * 1000 for edge in (box[1], box[3]))
    across = np.maximum(np.minimum(x2, given[2]) - np.maximum(x1, given[0]), 0)
    down = np.maximum(np.minimum(y2, given[3]) - np.maximum(y1, given[1]), 0)
    common = down[:, None] * across
    own = (y2 - y1)[:, None] * (x2 - x1)
    return np.asarray(common / (own + (given[2] - given[0]) * (given[3] - given[1]) - common))


def order_of(views: Sequence[View], lacking: int | None, rng: np.random.Generator) -> list[int]:
    """The views, in the order of a camera that moves in one direction, or shuffled.

    The view that lacks the object is equally often in each place, regardless of its location.
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


def _view(photo: int, window: Window, frame: Frame) -> View:
    return View(photo, window, frame.view_width, frame.view_height, CONTEXT)


def _in_roles(views: Sequence[View]) -> list[View]:
    """The views with roles; the smallest is the Focus View."""
    areas = [(v.window.x2 - v.window.x1) * (v.window.y2 - v.window.y1) for v in views]
    focus = areas.index(min(areas))
    return [replace(view, role=FOCUS) if place == focus else view for place, view in enumerate(views)]
