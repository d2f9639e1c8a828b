"""Sets of photos for inter-image contrast: scenes far apart or alike, each with a label that the others are free of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cgc_data.plan.askable import Askable
from cgc_data.tasks.inter import DECOUPLED

LOOKED_AT = 256  # photos of the deck that are looked at for one place in a set
Labels = NDArray[np.bool_]
Photos = NDArray[np.intp]


class PhotoSets:
    """Grows sets from a deck of photos; the deck's order decides among those that fit."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._settings = askable.config.inter

    def draw_size(self, rng: np.random.Generator) -> int:
        """Number of photos in a set, such that rows are uniform over it."""
        # a set of n photos gives about n rows: weighing by 1/n makes rows, not sets, uniform over n
        sizes = np.arange(self._settings.min_images, self._settings.max_images + 1)
        return int(rng.choice(sizes, p=(1 / sizes) / (1 / sizes).sum()))

    def labels(self, members: Sequence[int]) -> Labels:
        """Which concepts each member can be asked about in this set, (members, concepts)."""
        table = self._askable
        safe = table.safe[list(members)]
        unsafe_elsewhere = (~safe).sum(axis=0)[None, :] - (~safe)
        return np.asarray(table.offers(list(members)) & (unsafe_elsewhere == 0))

    def grow(self, start: list[int], deck: NDArray[np.intp], size: int, kind: str) -> list[int]:
        """Add photos of the deck, in its order, as long as every member keeps a label of its own."""
        members = list(start)
        # one format in a set: a PNG among JPEGs would be told apart before anything is seen
        deck = deck[self._askable.forms[deck] == self._askable.forms[start[0]]]
        candidates = deck[:LOOKED_AT]
        candidates = candidates[~np.isin(candidates, members)]
        while len(members) < size:
            fitting = self._fitting(members, candidates, kind)
            for photo in fitting.tolist():
                self._askable.check(photo)
                if self.labels([*members, photo]).any(axis=1).all():
                    members.append(photo)
                    break
            else:
                break
            candidates = candidates[candidates != members[-1]]
        return members

    def _fitting(self, members: Sequence[int], candidates: NDArray[np.intp], kind: str) -> NDArray[np.intp]:
        """Candidates at the right distance, with a label that all members are free of, that leave each member one."""
        if not len(candidates):
            return candidates
        table = self._askable
        own = table.offers(candidates) & table.safe[list(members)].all(axis=0)
        fits = own.any(axis=1)
        for labels in self.labels(members):
            fits &= (table.safe[candidates] & labels).any(axis=1)
        candidates = candidates[fits]
        for position, member in enumerate(members):
            if not len(candidates):
                break
            similarity = table.similarity(candidates, member)
            if kind == DECOUPLED.name:
                candidates = candidates[similarity < self._settings.decoupled_similarity]
            elif position == 0:
                candidates = candidates[
                    (similarity >= self._settings.hard_similarity) & self._shares_group(candidates, member)
                ]
        return candidates

    def _shares_group(self, candidates: NDArray[np.intp], anchor: int) -> Labels:
        """Which candidates hold something of the supercategory of a label of the anchor's, but other members of it."""
        table = self._askable
        groups = np.unique(table.group_of[table.offers([anchor])[0]])
        return np.asarray(table.groups[candidates][:, groups].any(axis=1))

    def replace(
        self,
        members: list[int],
        kept: list[int],
        leaving: list[int],
        deck: NDArray[np.intp],
        kind: str,
    ) -> list[int] | None:
        """A second set: the kept photos and as many new ones that are free of the leaving labels (concepts).

        Each new photo has a label that the whole first set is free of. None where the deck does not hold enough.
        """
        table = self._askable
        candidates = deck[table.forms[deck] == table.forms[members[0]]][:LOOKED_AT]
        candidates = candidates[~np.isin(candidates, members)]
        candidates = candidates[table.safe[candidates][:, leaving].all(axis=1)]
        foreign = table.safe[members].all(axis=0)
        candidates = candidates[(table.offers(candidates) & foreign).any(axis=1)]
        second = self.grow(kept, candidates, len(members), kind)
        return second if len(second) == len(members) else None
