"""Chooses the category names that a question lists as options.

Every photo in the set shows the right category. Each wrong category in the list is missing from at least one of the
photos.

Over all lists, each name should be the right one as often as chance would predict; see `Surplus`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cgc_data.index.presence import PRESENT_SOME
from cgc_data.plan.askable import Askable
from cgc_data.plan.offered import Mask
from cgc_data.plan.surplus import Surplus
from cgc_data.tasks.inter.common import COMMON

FEWEST, MOST = COMMON.labels
SLACK, MOST_SLACK = 0.5, 1.0  # rows by which a name can deviate from chance: at first, and after many lists
SLOPE = 0.02  # added after each list
BY_CHANCE = 0.33  # factor of the square root of a name's number of lists: less than if right names were drawn at random
NOISE = 0.4  # added to the scores of names, in rows
LEAN = 1.0  # added to the same scores, toward names more frequent than the right one, or toward rarer ones
MOST_TILT = 4  # largest excess of pairs whose right name is the more frequent one, or the rarer one, per list length


class Candidates:
    """Chooses right and wrong names, and remembers what it chose."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._surplus = Surplus(len(askable.index.concepts))
        self._lists = 0
        self._frequency = askable.frequencies.shown
        # by list length: excess of pairs in which the right name was the more frequent one
        self._tilt: Counter[int] = Counter()
        self._tables: dict[str, Mask] = {}

    @property
    def _slack(self) -> NDArray[np.float64]:
        """The largest allowed deviation of each name from chance, as an array (concepts,).

        The deviation is the number of lists in which the name is right, minus the number that chance predicts.
        """
        least = min(SLACK + SLOPE * self._lists, MOST_SLACK)
        return np.maximum(least, BY_CHANCE * np.sqrt(self._surplus.lists))

    def right(self, photo: int, choices: Mask, rng: np.random.Generator, *, only: bool) -> list[int]:
        """The categories in `choices` that are allowed as the right name of the next list. Categories that were the
        right name less often than chance predicts come first; the order is slightly random.

        `only`: also return names that can never be a wrong name, because at most one photo provably lacks the category.
        Use this option rarely: each list with such a name pushes its wrong names further below chance, until they are
        no longer allowed.
        """
        surplus = self._surplus.values
        if not only:
            choices = choices & self._often("safe", photo)
        return _best(choices & (surplus <= self._slack), -surplus, rng)

    def wrong(self, members: list[int], right: int, wanted: int, rng: np.random.Generator) -> list[int]:
        """About `wanted` wrong names. Each photo shows at least one of these categories.

        Empty if too few names are available. Also empty if this list would make right names mostly rarer, or mostly
        more frequent, than wrong names in the lists of this length. The frequency of a name would then be a clue.
        """
        lists = [self._drawn(members, right, wanted, side, rng) for side in (1, -1)]
        level = [found for found in lists if found and self._is_level(right, found)]
        return min(level, key=lambda found: abs(self._tilted(right, found)), default=[])

    def _drawn(self, members: list[int], right: int, wanted: int, side: int, rng: np.random.Generator) -> list[int]:
        """Wrong names, preferably names that are more frequent (`side` 1) or rarer (`side` -1) than the right name."""
        table, surplus = self._askable, self._surplus.values
        shown = table.index.states[members] >= PRESENT_SOME
        fair = shown.any(axis=0) & table.safe[members].any(axis=0) & ~table.confused[members].any(axis=0)
        fair &= table.named & self._often("every", members[0]) & (surplus >= -self._slack) & ~table.like(right)
        scores = surplus + LEAN * (np.sign(self._frequency - self._frequency[right]) == side)
        found: list[int] = []
        for open_still in _openings(shown, found, wanted):
            if best := _best(fair & open_still, scores, rng)[:1]:
                found += best
                fair = fair & ~table.like(best[0])
        covered = bool(shown[:, found].any(axis=1).all())
        return found if covered and FEWEST <= len(found) + 1 <= MOST else []

    def _is_level(self, right: int, wrong: Sequence[int]) -> bool:
        before, after = self._tilt[len(wrong) + 1], self._tilted(right, wrong)
        return abs(after) <= max(abs(before), MOST_TILT)

    def _tilted(self, right: int, wrong: Sequence[int]) -> int:
        """Number of pairs in which the right name is more frequent than the wrong name, minus the number of pairs in
        which it is rarer.

        The pairs are from all lists of this length, including this one.
        """
        signs = np.sign(self._frequency[right] - self._frequency[list(wrong)])
        return self._tilt[len(wrong) + 1] + int(signs.sum())

    def count(self, right: int, wrong: Sequence[int]) -> None:
        """Count a list that consists of the right name and the wrong names."""
        self._lists += 1
        self._surplus.count([right, *wrong], right)
        self._tilt[len(wrong) + 1] = self._tilted(right, wrong)

    def _often(self, name: str, photo: int) -> Mask:
        """Mask (concepts,) of the categories that are true for at least two photos in the table `name` of `Askable`.
        Only photos in the split of `photo` count.
        """
        if name not in self._tables:
            inside = np.array([split == self._askable.splits[photo] for split in self._askable.splits])
            table: Mask = getattr(self._askable, name)
            self._tables[name] = np.asarray(table[inside].sum(axis=0) > 1)
        return self._tables[name]


def _openings(shown: Mask, found: Sequence[int], wanted: int) -> Iterator[Mask]:
    """Masks of the names that can be added to `found` next.

    The first mask contains the categories that all photos but one show. Then, each photo that shows none of the chosen
    categories adds a mask of the categories that it shows. After that, every mask contains all categories, until
    `found` has `wanted` names or stops growing.
    """
    yield shown.sum(axis=0) == len(shown) - 1
    for photo in shown:
        if not photo[list(found)].any():
            yield photo
    before = -1
    while before < len(found) < wanted:
        before = len(found)
        yield np.ones_like(shown[0])


def _best(choices: Mask, scores: NDArray[np.float64], rng: np.random.Generator) -> list[int]:
    """The choices (concepts,), ordered by score plus some random noise, highest first."""
    labels = np.flatnonzero(choices)
    order = np.argsort(-(scores[labels] + rng.uniform(0, NOISE, len(labels))), kind="stable")
    return [int(label) for label in labels[order]]
