"""Builds photo sets for questions about every instance of a category.

In a set of N photos, k photos show one label, and all others show another label. A question asks about one of the two
labels: the photos with this label are the targets, and all others are distractors. k can be any number from 1 to N.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cgc_data.plan.askable import Askable
from cgc_data.plan.offered import Mask
from cgc_data.plan.scenes import Photos, Scenes
from cgc_data.plan.sets import first_fitting, one_format

MOST_LABELS = 3  # number of labels tried per place in a set


@dataclass(frozen=True)
class Side:
    """A side of a set: the photos in which all instances of a label (concept) are boxed. All other photos of the set
    provably lack the label.
    """

    concept: int
    photos: tuple[int, ...]


class SharedSets:
    """Builds sets from a deck of photos; earlier photos are preferred. `scope`: mask of the allowed labels
    (concepts,).
    """

    def __init__(self, askable: Askable, scenes: Scenes) -> None:
        self._askable, self._scenes = askable, scenes

    def grow(
        self, first: Side, deck: Photos, size: int, count: int, kind: str, scope: Mask, rng: np.random.Generator
    ) -> tuple[Side, ...] | None:
        """A set of `size` photos. `count` photos show the label of `first` (a side with one photo), and all others show
        another label.
        """
        table, anchor = self._askable, first.photos[0]
        deck = one_format(table, deck, anchor)
        shown, free = table.every[:, first.concept], table.safe[:, first.concept]
        alike = self._scenes.fit(kind, first_fitting(deck, lambda photos: photos[shown[photos]]), anchor)
        if len(alike) < count - 1:
            return None
        if count == size:
            found = self._picked(alike, first, count)
            return (found,) if found else None
        others = first_fitting(
            deck, lambda photos: photos[free[photos] & self._scenes.may_hold(kind, photos, first.concept)]
        )
        others = self._scenes.apart(kind, self._scenes.fit(kind, others, anchor), anchor)
        offered = table.every[others].sum(axis=0) >= size - count
        offered &= table.safe[alike].sum(axis=0) >= count - 1
        for concept in self._labels(offered & table.safe[anchor] & scope, rng):
            if sides := self._split(first, concept, alike, others, size, count, kind):
                return sides
        return None

    def replacement(
        self, sides: Sequence[Side], leaving: Side, deck: Photos, kind: str, offered: Mask, rng: np.random.Generator
    ) -> Side | None:
        """A side of new photos, which replaces the side `leaving`. The new photos show none of the labels of `sides`.
        Instead, they all show one label from the mask `offered` that is absent from the set.
        """
        table, members = self._askable, [photo for side in sides for photo in side.photos]
        asked = [side.concept for side in sides]

        def beside(photos: Photos) -> Photos:
            photos = photos[table.safe[photos][:, asked].all(axis=1)]
            return photos[~np.isin(photos, members) & self._scenes.may_hold(kind, photos, leaving.concept)]

        deck = first_fitting(one_format(table, deck, members[0]), beside)
        deck = self._scenes.fit(kind, deck, members[0])
        for photo in (photo for side in sides if side is not leaving for photo in side.photos):
            deck = self._scenes.apart(kind, deck, photo)
        number = len(leaving.photos)
        offered = offered & table.safe[members].all(axis=0) & (table.every[deck].sum(axis=0) >= number)
        for concept in self._labels(offered, rng):
            if found := self._picked(deck[table.every[deck, concept]], Side(concept, ()), number):
                return found
        return None

    def _labels(self, offered: Mask, rng: np.random.Generator) -> Iterator[int]:
        """Up to `MOST_LABELS` of the labels, in random order. The category temperature sets their weights."""
        labels = np.flatnonzero(offered)
        for _ in range(min(MOST_LABELS, len(labels))):
            concept = self._askable.draw_label(labels, rng)
            labels = labels[labels != concept]
            yield concept

    def _split(
        self, first: Side, concept: int, alike: Photos, others: Photos, size: int, count: int, kind: str
    ) -> tuple[Side, ...] | None:
        """Both sides of a set; the second side is about `concept`. None if too few photos fit."""
        table, second = self._askable, Side(concept, ())
        alike, others = alike[table.safe[alike, concept]], others[table.every[others, concept]]
        for photo in others.tolist():
            left = self._scenes.apart(kind, alike, photo)
            if len(left) >= count - 1 and (more := self._with(second, photo, size - count)):
                second, alike = more, left
            if len(second.photos) == size - count:
                found = self._picked(alike, first, count)
                return (found, second) if found else None
        return None

    def _picked(self, candidates: Photos, side: Side, number: int) -> Side | None:
        """The side, extended to `number` photos by the first suitable candidates; None if there are too few."""
        for photo in candidates.tolist():
            if len(side.photos) == number:
                break
            side = self._with(side, photo, number) or side
        return side if len(side.photos) == number else None

    def _with(self, side: Side, photo: int, number: int) -> Side | None:
        """The side with `photo` added. None if the photo does not fit. Also None if the side, once it has `number`
        photos, would have more objects than an answer can contain.
        """
        more = Side(side.concept, (*side.photos, photo))
        if self.objects(more) + number - len(more.photos) > self._askable.config.limits.max_objects:
            return None
        self._askable.check(photo)
        return more if self._askable.every[photo, side.concept] else None

    def objects(self, side: Side) -> int:
        """Number of instances of the label in all photos of the side."""
        return sum(len(self._askable.index.instances.of(photo, side.concept)) for photo in side.photos)
