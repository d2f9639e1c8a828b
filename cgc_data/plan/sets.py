"""Builds photo sets for inter-image contrast.

The scenes of a set are either all different or all similar, and each photo has a label that no other photo of the set
has.
"""

from collections.abc import Callable, Sequence

import numpy as np

from cgc_data.plan.askable import Askable
from cgc_data.plan.offered import Mask
from cgc_data.plan.scenes import Photos, Scenes

LOOKED_AT = 256  # number of photos in the deck inspected per place in a set


class PhotoSets:
    """Builds sets from a deck of photos; earlier photos are preferred. `scope`: mask of the allowed labels
    (concepts,).
    """

    def __init__(self, askable: Askable, scenes: Scenes) -> None:
        self._askable, self._scenes = askable, scenes
        self._settings = askable.config.inter

    def draw_size(self, rng: np.random.Generator) -> int:
        """Draw the number of photos in a set. Sets of every size get about the same total number of rows."""
        # a set of n photos gives about n rows: weights of 1/n make rows, not sets, uniform over n
        sizes = np.arange(self._settings.min_images, self._settings.max_images + 1)
        return int(rng.choice(sizes, p=(1 / sizes) / (1 / sizes).sum()))

    def labels(self, members: Sequence[int], scope: Mask) -> Mask:
        """Mask (members, concepts) of the labels in scope that have exactly one object in the member, and that no other
        member shows.
        """
        table = self._askable
        unsafe = ~table.safe[list(members)]
        unsafe_elsewhere = unsafe.sum(axis=0)[None, :] - unsafe
        return np.asarray(table.one[list(members)] & scope & (unsafe_elsewhere == 0))

    def grow(self, start: list[int], deck: Photos, size: int, kind: str, scope: Mask) -> list[int]:
        """Add photos from the deck, in order, as long as every member keeps a label that no other member shows."""
        members = list(start)
        candidates = one_format(self._askable, deck, start[0])[:LOOKED_AT]
        candidates = self._scenes.fit(kind, candidates[~np.isin(candidates, members)], start[0])
        while len(members) < size:
            fitting = self._fitting(members, candidates, kind, scope)
            for photo in fitting.tolist():
                self._askable.check(photo)
                if self.labels([*members, photo], scope).any(axis=1).all():
                    members.append(photo)
                    break
            else:
                break
            candidates = candidates[candidates != members[-1]]
        return members

    def _fitting(self, members: Sequence[int], candidates: Photos, kind: str, scope: Mask) -> Photos:
        """Candidates whose scenes fit the kind of set. Each candidate has a label that is absent from all members. If
        the candidate joins the set, each member still has a label that no other photo in the set has.
        """
        if not len(candidates):
            return candidates
        table = self._askable
        own = table.one[candidates] & scope & table.safe[list(members)].all(axis=0)
        fits = own.any(axis=1)
        for labels in self.labels(members, scope):
            fits &= (table.safe[candidates] & labels).any(axis=1)
        candidates = candidates[fits]
        for member in members:
            candidates = self._scenes.apart(kind, candidates, member)
        return candidates

    def replace(
        self, members: list[int], kept: list[int], leaving: list[int], deck: Photos, kind: str, scope: Mask
    ) -> list[int] | None:
        """A second set of the same size, in which some photos are replaced; None if the deck does not contain enough
        suitable photos.

        `leaving` lists the labels (concepts) of the photos to replace; the new photos contain none of these labels.
        Each new photo has a label that is absent from the whole first set.
        """
        table = self._askable
        candidates = one_format(table, deck, members[0])[:LOOKED_AT]
        candidates = candidates[~np.isin(candidates, members)]
        candidates = candidates[table.safe[candidates][:, leaving].all(axis=1)]
        foreign = table.safe[members].all(axis=0) & scope
        candidates = candidates[(table.one[candidates] & foreign).any(axis=1)]
        second = self.grow(kept, candidates, len(members), kind, scope)
        return second if len(second) == len(members) else None


def one_format(askable: Askable, deck: Photos, first: int) -> Photos:
    """The photos with the same file format as the first photo. A PNG among JPEGs would stand out before any image is
    inspected.
    """
    return np.asarray(deck[askable.forms[deck] == askable.forms[first]]) if askable.mixed else deck


def first_fitting(deck: Photos, fit: Callable[[Photos], Photos]) -> Photos:
    """The first `LOOKED_AT` photos of the deck that pass `fit`, or fewer. The deck is filtered in chunks."""
    found, start, length = [deck[:0]], 0, 4 * LOOKED_AT
    while start < len(deck) and sum(map(len, found)) < LOOKED_AT:
        found.append(fit(deck[start : start + length]))
        start, length = start + length, 2 * length
    return np.concatenate(found)[:LOOKED_AT]
