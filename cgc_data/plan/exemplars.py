"""Objects that can stand for their category: large in a window of their own, beside little that could be meant too."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cgc_data.geometry import ThousandBox, Window, iou
from cgc_data.index.photos import usable
from cgc_data.index.presence import ABSENT
from cgc_data.masks import Box
from cgc_data.plan.askable import Askable, Mask, large_enough
from cgc_data.plan.rows import Shown, View, thousand_in_view
from cgc_data.plan.same_object import MAX_COPY_IOU
from cgc_data.plan.scenes import Photos
from cgc_data.tasks import REFERENCE

SMALLEST_BOX = 64  # pixels of the photo, shorter side; what is smaller is hard to recognize
LEAST_FILL, MOST_FILL = 0.4, 0.8  # share of the window that the object's box covers
MOST_BESIDE = 0.1  # share of the window that something else may cover if the candidates may show it
MOST_ENLARGED = 2
TRIED = 12  # objects, with WINDOWS windows each, before a label is given up
WINDOWS = 4
NOT_SHOWN = "person"  # people are told apart by more than their category


class Exemplars:
    """Draws exemplars of a label; `labels` (concepts,) are those that have any."""

    def __init__(self, askable: Askable) -> None:
        self._askable, self._instances = askable, askable.index.instances
        good = np.flatnonzero(_stands_alone(askable))
        order = good[np.argsort(self._instances.concept[good], kind="stable")]
        self._order, self._concepts = order, self._instances.concept[order]
        self.labels: Mask = np.zeros(len(askable.index.concepts), dtype=np.bool_)
        self.labels[self._concepts] = True

    def draw(
        self, concept: int, candidates: Sequence[int], answers: Sequence[ThousandBox], free: Photos, rng: np.random.Generator
    ) -> tuple[View, Shown] | None:
        """A view of an object in one of the `free` photos, and the object in it; None where there is none.

        Nothing else that it shows large is in a candidate, and its box is no right answer (0-1000) if it is copied.
        """
        for instance in self._tried(concept, free, rng):
            for _ in range(WINDOWS):
                view = self._view(instance, rng)
                given = thousand_in_view(view, self._askable.truth.box(instance))
                copied = any(iou(given, answer) >= MAX_COPY_IOU for answer in answers)
                if not copied and self._shown_alone(instance, view.window, candidates):
                    return view, Shown(0, instance, self._askable.truth.box(instance), 1.0)
        return None

    def _tried(self, concept: int, free: Photos, rng: np.random.Generator) -> Iterator[int]:
        """Sound exemplars of the label, in drawn order."""
        of_label = self._order[slice(*np.searchsorted(self._concepts, [concept, concept + 1]))]
        of_label = of_label[np.isin(self._instances.photo[of_label], free)]
        for instance in rng.permutation(of_label)[:TRIED].tolist():
            if not self._askable.truth.fault(instance):
                yield instance

    def _view(self, instance: int, rng: np.random.Generator) -> View:
        """A window of which the object's box covers a drawn share, at a drawn place."""
        photo = int(self._instances.photo[instance])
        window = _window(self._askable.truth.box(instance), self._askable.truth.photo_size(photo), rng)
        longer = max(window.width, window.height)
        scale = min(int(rng.choice(self._askable.config.intra.view_sizes)) / longer, MOST_ENLARGED)
        return View(photo, window, max(int(window.width * scale), 1), max(int(window.height * scale), 1), REFERENCE)

    def _shown_alone(self, instance: int, window: Window, candidates: Sequence[int]) -> bool:
        """Does what the window shows of other labels, that candidates may show too, cover little of it?"""
        table, concept = self._askable, int(self._instances.concept[instance])
        inside = self._instances.of_photo(int(self._instances.photo[instance]))
        inside = inside[_meets(self._instances.box[inside], window) & (self._instances.concept[inside] != concept)]
        others = self._instances.concept[inside]
        nowhere = (table.index.states[list(candidates)] == ABSENT).all(axis=0)
        for other in np.unique(others[~nowhere[others]]).tolist():
            covered = sum(table.truth.covered(i, window) for i in inside[others == other].tolist())
            if covered >= MOST_BESIDE * window.width * window.height:
                return False
        return True


def _stands_alone(askable: Askable) -> Mask:
    """Instances (instances,) that are single and large, of a label that nothing in their photo is taken for."""
    index, config = askable.index, askable.config
    instances = index.instances
    fine = large_enough(index, config) & instances.single & askable.named[instances.concept]
    fine &= ~askable.confused[instances.photo, instances.concept]
    fine &= (instances.box[:, 2:] - instances.box[:, :2]).min(axis=1, initial=np.inf) >= SMALLEST_BOX
    fine &= usable(index.photos, config.licences, windows=True)[instances.photo]
    people = {NOT_SHOWN} | index.relations.hyponyms(NOT_SHOWN)
    left_out = [index.position[concept] for concept in people if concept in index.position]
    return np.asarray(fine & ~np.isin(instances.concept, left_out))


def _window(box: Box, size: tuple[int, int], rng: np.random.Generator) -> Window:
    """A window round a box (pixels) that covers `LEAST_FILL` of it or more; its shape and place are drawn."""
    room, part = 1 / rng.uniform(LEAST_FILL, MOST_FILL), rng.uniform()
    (x1, x2), (y1, y2) = (
        _span(low, high, (high - low) * room**share, most, rng)
        for low, high, share, most in ((box[0], box[2], part, size[0]), (box[1], box[3], 1 - part, size[1]))
    )
    return Window(x1, y1, x2, y2)


def _span(low: float, high: float, length: float, most: int, rng: np.random.Generator) -> tuple[int, int]:
    """Whole pixels of 0..`most` that hold low..high, about `length` of them, at a drawn place."""
    first, last = int(np.floor(low)), int(np.ceil(high))
    whole = min(max(int(length), last - first), most)
    start = int(rng.integers(max(last - whole, 0), min(first, most - whole) + 1))
    return start, start + whole


def _meets(boxes: NDArray[np.float64], window: Window) -> Mask:
    x1, y1, x2, y2 = boxes.T
    return np.asarray((x1 < window.x2) & (y1 < window.y2) & (x2 > window.x1) & (y2 > window.y1))
