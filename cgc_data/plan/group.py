"""Questions about several labels, on sets of photos with different scenes.

Each label has exactly one object in the whole set. In a quarter of the rows, there is one exception: a label without an
object in any photo. For this missing label, the planner prefers labels that were missing in earlier rows less often
than chance predicts. It also shuffles each list of labels. Therefore, neither the name nor the position of a label
reveals that the label is missing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cgc_data.answer.wording import template_count
from cgc_data.geometry import iou
from cgc_data.plan.askable import Askable
from cgc_data.plan.asking import Item, ask_labels
from cgc_data.plan.offered import Mask
from cgc_data.plan.planner import Draw
from cgc_data.plan.questions import Family, Question
from cgc_data.plan.scenes import Scenes
from cgc_data.plan.sets import PhotoSets
from cgc_data.plan.surplus import Surplus
from cgc_data.tasks.inter.group import GROUP

FEWEST, MOST = GROUP.labels
NOWHERE = 0.25  # share of the rows with a label that no photo shows
APART = 0.3  # largest IoU of two answers in one photo
Form: TypeAlias = tuple[int, int]  # number of images, and of labels
AGAIN = 8.0  # weight, in drawing labels, of a label that was in no photo too often


class GroupPlanner:
    """Composes one row per family from a deck (the shuffled photos of a round)."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._scenes = Scenes(askable)
        self._sets = PhotoSets(askable, self._scenes)
        self._sizes = range(askable.config.inter.min_images, askable.config.inter.max_images + 1)
        self._surplus = Surplus(len(askable.index.concepts))
        self._rows, self._lacking = Counter[Form](), Counter[Form]()  # all rows; rows with a label in no photo
        self._asked: set[tuple[frozenset[int], frozenset[int]]] = set()
        self._common = askable.frequencies.single
        self.photos: Mask = np.any(askable.one, axis=1)

    def family(self, draw: Draw) -> Family | None:
        """A question about the anchor (the first photo) and other unused photos of the deck; None if no photos fit."""
        self._askable.check(draw.anchor)
        labels = self._askable.one[draw.anchor]
        for kind, scope in self._scenes.scopes(draw.made, GROUP.pool, labels, draw.rng):
            size = draw.made.images(GROUP.pool, self._sizes, draw.rng)[0]
            members = self._sets.grow([draw.anchor], draw.free, size, kind, scope)
            if len(members) >= self._sizes[0] and (question := self._question(members, kind, scope, draw.rng)):
                return Family((question,), tuple(members))
        return None

    def _question(self, members: list[int], kind: str, scope: Mask, rng: np.random.Generator) -> Question | None:
        wanted = int(rng.integers(FEWEST, MOST + 1))
        nowhere = self._nowhere(members, scope, rng) if self._is_due((len(members), wanted)) else None
        own = self._sets.labels(members, scope)
        if nowhere is not None:
            own &= ~self._askable.like(nowhere)
        items = self._items(members, own, wanted - (nowhere is not None), rng)
        if len(items) < FEWEST:
            return None
        missing = [] if nowhere is None else [Item(GROUP, nowhere, (), items[0].template)]
        listed = [item.concept for item in (*items, *missing)]
        asked = frozenset(members), frozenset(listed)
        if asked in self._asked:
            return None
        self._asked.add(asked)
        self._count((len(members), len(listed)), listed, nowhere)
        order = rng.permutation(len(listed)).tolist()
        return ask_labels(self._askable, members, [[*items, *missing][place] for place in order], kind, rng)

    def _count(self, form: Form, listed: list[int], nowhere: int | None) -> None:
        if form[1] > FEWEST:
            self._surplus.count(listed, nowhere, self._share)
        self._rows[form] += 1
        self._lacking[form] += nowhere is not None

    @property
    def _share(self) -> float:
        """The share of the longer lists in which one label must be missing from all photos.

        The shortest lists have only two labels, and both must be in a photo.
        """
        longer = sum(count for (_, labels), count in self._rows.items() if labels > FEWEST)
        return min(NOWHERE * (self._rows.total() + 1) / (longer + 1), 0.5)

    def _is_due(self, form: Form) -> bool:
        """Whether the next list of this form must include a label that no photo shows."""
        open_still = self._lacking.total() < NOWHERE * (self._rows.total() + 1)
        return form[1] > FEWEST and open_still and self._lacking[form] < self._share * (self._rows[form] + 1)

    def _nowhere(self, members: list[int], scope: Mask, rng: np.random.Generator) -> int | None:
        """A label that is proved absent from all photos.

        Labels that were the missing label in earlier lists less often than chance predicts are preferred. If there are
        none, frequent labels are preferred.
        """
        surplus = self._surplus.values
        free = self._askable.safe[members].all(axis=0) & scope & (self._common > 0) & (surplus <= 0)
        labels = np.flatnonzero(free)
        if not len(labels):
            return None
        weights = np.maximum(-surplus[labels], 0)
        if not weights.any():
            weights = self._askable.weights[labels] * self._common[labels]
        return int(rng.choice(labels, p=weights / weights.sum()))

    def _items(self, members: list[int], own: Mask, wanted: int, rng: np.random.Generator) -> list[Item]:
        """Items for the requested number of labels, or for all available labels if there are fewer. The labels come
        from at least two photos. Empty if fewer than two photos have suitable labels.
        """
        template = int(rng.integers(template_count(GROUP.pool)))
        items: list[Item] = []
        for position in self._positions(own, wanted, rng):
            labels = np.flatnonzero(own[position])
            if len(items) == wanted:
                break
            if len(labels):
                concept = self._draw(labels, rng)
                own = own & ~self._askable.like(concept)
                if self._is_apart(members[position], concept, [i.concept for i in items if i.targets == (position,)]):
                    items.append(Item(GROUP, concept, (position,), template))
        return items if len({item.targets for item in items}) > 1 else []

    def _positions(self, own: Mask, wanted: int, rng: np.random.Generator) -> Iterator[int]:
        """Positions of the photos to ask about. Some randomly drawn photos come first. They are then repeated, so
        that a question can ask for several labels of the same photo. The other photos follow.
        """
        order = rng.permutation(np.flatnonzero(own.any(axis=1))).tolist()
        first = order[: int(rng.integers(2, max(2, min(wanted, len(order))) + 1))]
        yield from first
        for position in first:
            yield from [position] * (wanted - 1)
        yield from order[len(first) :]

    def _draw(self, labels: NDArray[np.intp], rng: np.random.Generator) -> int:
        weights = self._askable.weights[labels] * np.where(self._surplus.values[labels] > 0, AGAIN, 1.0)
        return int(rng.choice(labels, p=weights / weights.sum()))

    def _is_apart(self, photo: int, concept: int, others: Sequence[int]) -> bool:
        """Whether the IoU of the label's box with the box of each other requested object in the photo is at most
        `APART`.
        """
        index, truth = self._askable.index, self._askable.truth
        box = truth.box(int(index.instances.of(photo, concept)[0]))
        return all(iou(box, truth.box(int(index.instances.of(photo, other)[0]))) <= APART for other in others)
