"""Finds example objects that clearly represent their category.

An example is large in its window, and the window shows no large object that could be mistaken for the example.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cgc_data.geometry import ThousandBox, Window, iou_matrix
from cgc_data.index.photos import usable
from cgc_data.index.presence import ABSENT
from cgc_data.masks import Box
from cgc_data.plan.askable import Askable
from cgc_data.plan.offered import Mask
from cgc_data.plan.questions import Shown, View, thousand_in_view
from cgc_data.tasks import REFERENCE
from cgc_data.vocabulary import concept_of

Concepts: TypeAlias = NDArray[np.intp]

SMALLEST_BOX = 64  # photo pixels, shorter side; smaller objects are hard to recognize
LEAST_FILL, MOST_FILL = 0.4, 0.8  # share of the window that the object's box covers
MOST_BESIDE = 0.1  # largest share of the window covered by another object that the candidates might show
MAX_COPY_IOU = 0.5  # largest IoU between the given box and an answer
TRIED, WINDOWS = 24, 3  # objects tried per question, and windows tried per object
# People are recognized by more than their category, and objects on a table hide it.
NOT_SHOWN = frozenset(map(concept_of, ("person", "dining table")))


class Exemplars:
    """Draws examples of a label.

    Attributes:
        labels: mask (concepts,) of the labels that have examples.
        photos: mask (photos,) of the photos with at least one example.
    """

    def __init__(self, askable: Askable) -> None:
        self._askable, self._instances = askable, askable.index.instances
        good = np.flatnonzero(_stands_alone(askable))
        order = good[np.argsort(self._instances.concept[good], kind="stable")]
        self._order, self._concepts = order, self._instances.concept[order]
        self._neighbors: dict[int, Concepts] = {}
        self.labels: Mask = np.zeros(len(askable.index.concepts), dtype=np.bool_)
        self.labels[self._concepts] = True
        self.photos: Mask = np.zeros(len(askable.index.photos), dtype=np.bool_)
        self.photos[self._instances.photo[good]] = True

    def labels_of(self, photo: int, offered: Mask, free: Mask) -> Mask:
        """Mask (concepts,) of the labels that have a suitable example in a free photo.

        An example is unsuitable if objects of another category cover much of its box and `photo` might show that other
        category, too.
        """
        nowhere = self._askable.index.states[photo] == ABSENT
        found = np.zeros_like(offered)
        for concept in np.flatnonzero(offered & self.labels).tolist():
            found[concept] = any(nowhere[self._in_the_box(i)].all() for i in self._free(concept, free)[:TRIED].tolist())
        return found

    def draw(
        self, concept: int, candidates: Sequence[int], answers: Sequence[ThousandBox], free: Mask, rng: Generator
    ) -> tuple[View, Shown] | None:
        """A view of an example object, and the object itself; None if no example fits. The example is in one of the
        photos in the mask `free` (photos,).

        `candidates` are the other photos of the question. The view contains no large object of another category that
        any of these photos might show. The example's box in the view differs clearly from all `answers` (boxes in
        0-1000 coordinates), so copying the box never gives a correct answer.
        """
        nowhere = (self._askable.index.states[list(candidates)] == ABSENT).all(axis=0)
        for instance in rng.permutation(self._free(concept, free))[:TRIED].tolist():
            if self._askable.truth.fault(instance) or not nowhere[self._in_the_box(instance)].all():
                continue
            for _ in range(WINDOWS):
                view, box = self._view(instance, rng), self._askable.truth.box(instance)
                copied = iou_matrix(answers, thousand_in_view(view, box)).max(initial=0.0) >= MAX_COPY_IOU
                if not copied and nowhere[self._beside(instance, view.window, MOST_BESIDE)].all():
                    return view, Shown(0, instance, box, 1.0)
        return None

    def _free(self, concept: int, free: Mask) -> NDArray[np.int64]:
        """Examples of the label in free photos."""
        of_label = self._order[slice(*np.searchsorted(self._concepts, [concept, concept + 1]))]
        return np.asarray(of_label[free[self._instances.photo[of_label]]])

    def _view(self, instance: int, rng: Generator) -> View:
        """A view of a random window around the object. The object's box covers a random share of the window and is at
        a random place in it.
        """
        photo = int(self._instances.photo[instance])
        window = _window(self._askable.truth.box(instance), self._askable.truth.photo_size(photo), rng)
        longer = max(window.width, window.height)
        config = self._askable.config
        scale = min(int(rng.choice(config.intra.view_sizes)) / longer, config.limits.enlargement)
        return View(photo, window, max(int(window.width * scale), 1), max(int(window.height * scale), 1), REFERENCE)

    def _in_the_box(self, instance: int) -> Concepts:
        """Other labels whose objects cover much of this object's box. These objects are large in every window around
        the box. The result is cached.
        """
        if instance not in self._neighbors:
            x1, y1, x2, y2 = self._askable.truth.box(instance)
            box = Window(int(x1), int(y1), int(np.ceil(x2)), int(np.ceil(y2)))
            self._neighbors[instance] = self._beside(instance, box, MOST_BESIDE / LEAST_FILL)
        return self._neighbors[instance]

    def _beside(self, instance: int, window: Window, share: float) -> Concepts:
        """Other labels whose objects cover at least this share of a window."""
        inside = self._instances.of_photo(int(self._instances.photo[instance]))
        inside = inside[_meets(self._instances.box[inside], window)]
        covered: dict[int, float] = defaultdict(float)
        for other in inside[self._instances.concept[inside] != self._instances.concept[instance]].tolist():
            covered[int(self._instances.concept[other])] += self._askable.truth.covered(other, window)
        least = share * window.width * window.height
        return np.array([label for label, pixels in covered.items() if pixels >= least], dtype=np.intp)


def _stands_alone(askable: Askable) -> Mask:
    """Mask (instances,) of the possible examples: large single objects. The photo of an example shows no category that
    can be confused with the example's label, and the sources agree about the label.
    """
    index, config = askable.index, askable.config
    instances = index.instances
    fine = askable.large & instances.single & askable.trusted & askable.named[instances.concept]
    fine &= ~askable.confused[instances.photo, instances.concept]
    fine &= (instances.box[:, 2:] - instances.box[:, :2]).min(axis=1, initial=np.inf) >= SMALLEST_BOX
    fine &= usable(index.photos, config.licenses, windows=True)[instances.photo]
    unfit = NOT_SHOWN.union(*map(index.relations.hyponyms, NOT_SHOWN))
    left_out = [index.position[concept] for concept in sorted(unfit) if concept in index.position]
    return np.asarray(fine & ~np.isin(instances.concept, left_out))


def _window(box: Box, size: tuple[int, int], rng: Generator) -> Window:
    """A window around a box (in pixels). The window has a random shape and place, but the box covers at least
    `LEAST_FILL` of it.
    """
    room, part = 1 / rng.uniform(LEAST_FILL, MOST_FILL), rng.uniform()
    (x1, x2), (y1, y2) = (
        _span(low, high, (high - low) * room**share, most, rng)
        for low, high, share, most in ((box[0], box[2], part, size[0]), (box[1], box[3], 1 - part, size[1]))
    )
    return Window(x1, y1, x2, y2)


def _span(low: float, high: float, length: float, most: int, rng: Generator) -> tuple[int, int]:
    """A range of about `length` whole pixels within 0..`most`, at a random place. The range contains low..high."""
    first, last = int(np.floor(low)), int(np.ceil(high))
    whole = min(max(int(length), last - first), most)
    start = int(rng.integers(max(last - whole, 0), min(first, most - whole) + 1))
    return start, start + whole


def _meets(boxes: NDArray[np.float64], window: Window) -> Mask:
    x1, y1, x2, y2 = boxes.T
    return np.asarray((x1 < window.x2) & (y1 < window.y2) & (x2 > window.x1) & (y2 > window.y1))
