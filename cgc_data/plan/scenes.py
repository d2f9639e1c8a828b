"""Defines how similar or different the scenes in a set must be, and which labels questions about the set can ask for.

In a hard set, all questions ask for labels from one supercategory, and each photo shows one of these labels. Therefore,
every distractor of a question shows another category from the supercategory of the requested label, and provably does
not show the label itself.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cgc_data.plan.askable import Askable
from cgc_data.plan.balance import Made
from cgc_data.plan.offered import Mask
from cgc_data.tasks.inter import DECOUPLED, HARD

Photos = NDArray[np.intp]


class Scenes:
    """Checks whether the photos in a set follow the rules for its kind of distractors."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._settings = askable.config.inter
        self._grouped = np.array([bool(askable.index.relations.supercategory(c)) for c in askable.index.concepts])

    @property
    def shares(self) -> dict[str, float]:
        """Requested share of each kind of distractors."""
        return {HARD.name: self._settings.hard, DECOUPLED.name: 1 - self._settings.hard}

    def scopes(self, made: Made, pool: str, labels: Mask, rng: np.random.Generator) -> Iterator[tuple[str, Mask]]:
        """Kinds of sets, each with the labels that questions about such a set can ask for. The kind that is furthest
        behind its share comes first.
        """
        for kind in made.kinds(pool, self.shares):
            choices = np.flatnonzero(self.starts(kind, labels))
            if len(choices):
                yield kind, self.scope(kind, self._askable.draw_label(choices, rng))

    def starts(self, kind: str, labels: Mask) -> Mask:
        """Mask (concepts,) of the labels, among those given, that a set of this kind can be about."""
        return labels & self._grouped if kind == HARD.name else labels

    def scope(self, kind: str, concept: int) -> Mask:
        """Mask (concepts,) of the labels that another question about the same set can ask for, in addition to this
        label.
        """
        groups = self._askable.group_of
        return groups == groups[concept] if kind == HARD.name else np.ones(len(groups), dtype=np.bool_)

    def may_hold(self, kind: str, photos: Photos, concept: int) -> Mask:
        """Mask (photos,) of the photos that might show another label of the set. Callers use this mask as a quick first
        filter.
        """
        if kind != HARD.name:
            return np.ones(len(photos), dtype=np.bool_)
        return np.asarray(self._askable.groups[photos, self._askable.group_of[concept]])

    def fit(self, kind: str, candidates: Photos, first: int) -> Photos:
        """The candidates that can be in a set with this first photo."""
        if kind != HARD.name or not len(candidates):
            return candidates
        return candidates[self._askable.kinship(candidates, first) >= self._settings.hard_similarity]

    def apart(self, kind: str, candidates: Photos, other: int) -> Photos:
        """The candidates that can be in a set with the photo `other`, which has a different requested label."""
        if kind != DECOUPLED.name or not len(candidates):
            return candidates
        return candidates[self._askable.similarity(candidates, other) < self._settings.decoupled_similarity]
