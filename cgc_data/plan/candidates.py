"""Names to choose from: one kind that every photo of a set shows, and others that some of them show and some do not.

Each name is to be the right one as often as chance gives, over all lists that it is in: see `Surplus`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cgc_data.index.presence import PRESENT_SOME
from cgc_data.plan.askable import Askable, Mask
from cgc_data.plan.surplus import Surplus
from cgc_data.tasks.inter.common import COMMON

FEWEST, MOST = COMMON.labels
SLACK, MOST_SLACK = 0.5, 1.0  # how far a name may be from chance, in rows: at first, and after many lists
SLOPE = 0.02  # by how much more after each list
BY_CHANCE = 0.33  # times the root of a name's lists: less than it would stray if right names were drawn
NOISE = 0.4  # in the choice between names, in rows
LEAN = 1.0  # in the same choice, towards more frequent names than the right one, or towards rarer ones
MOST_TILT = 4  # pairs of names by which the right one may be the more frequent, or the rarer, in lists of a length


class Candidates:
    """Chooses which names are right and wrong, and remembers what was chosen."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._surplus = Surplus(len(askable.index.concepts))
        self._lists = 0
        self._frequency = (askable.index.states >= PRESENT_SOME).sum(axis=0)  # photos that show each kind
        # by the length of lists, in how many more pairs than not the right name was the more frequent
        self._tilt: Counter[int] = Counter()
        self._tables: dict[str, Mask] = {}

    @property
    def _slack(self) -> NDArray[np.float64]:
        """How far each name (concepts,) may be from chance, in rows."""
        least = min(SLACK + SLOPE * self._lists, MOST_SLACK)
        return np.maximum(least, BY_CHANCE * np.sqrt(self._surplus.lists))

    def right(self, photo: int, choices: Mask, rng: np.random.Generator, *, only: bool) -> list[int]:
        """Those of a photo's choices (concepts,) that may be right once more, what is furthest behind first.

        `only`: also kinds that can only be right, since no two photos are proved free of them. Each is so a few times,
        for which others have to be wrong: if many are, none is left that may be wrong.
        """
        surplus = self._surplus.values
        if not only:
            choices = choices & self._often("safe", photo)
        return _best(choices & (surplus <= self._slack), -surplus, rng)

    def wrong(self, members: list[int], right: int, wanted: int, rng: np.random.Generator) -> list[int]:
        """As many names as wanted that are wrong, at least one of them in each photo; none if there are too few.

        None either if the right name would be the rarer or the more frequent too often in lists of that length.
        """
        lists = [self._drawn(members, right, wanted, side, rng) for side in (1, -1)]
        level = [found for found in lists if found and self._is_level(right, found)]
        return min(level, key=lambda found: abs(self._tilted(right, found)), default=[])

    def _drawn(self, members: list[int], right: int, wanted: int, side: int, rng: np.random.Generator) -> list[int]:
        """Wrong names, those first that are more frequent than the right one (`side` 1), or rarer (-1)."""
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
        """In how many more pairs than not, of lists as long and of this one, the right name is the more frequent."""
        signs = np.sign(self._frequency[right] - self._frequency[list(wrong)])
        return self._tilt[len(wrong) + 1] + int(signs.sum())

    def count(self, right: int, wrong: Sequence[int]) -> None:
        """Take a list into account."""
        self._lists += 1
        self._surplus.count([right, *wrong], right)
        self._tilt[len(wrong) + 1] = self._tilted(right, wrong)

    def _often(self, name: str, photo: int) -> Mask:
        """Kinds (concepts,) of which at least two photos of the photo's split have this table's entry."""
        if name not in self._tables:
            inside = np.array([split == self._askable.splits[photo] for split in self._askable.splits])
            table: Mask = getattr(self._askable, name)
            self._tables[name] = np.asarray(table[inside].sum(axis=0) > 1)
        return self._tables[name]


def _openings(shown: Mask, found: Sequence[int], wanted: int) -> Iterator[Mask]:
    """What to add to `found`: a name in all photos but one, one for each photo still without, then any, as wanted."""
    yield shown.sum(axis=0) == len(shown) - 1
    for photo in shown:
        if not photo[list(found)].any():
            yield photo
    before = -1
    while before < len(found) < wanted:
        before = len(found)
        yield np.ones_like(shown[0])


def _best(choices: Mask, scores: NDArray[np.float64], rng: np.random.Generator) -> list[int]:
    """The choices (concepts,) by their scores, the highest first, with some noise."""
    labels = np.flatnonzero(choices)
    order = np.argsort(-(scores[labels] + rng.uniform(0, NOISE, len(labels))), kind="stable")
    return [int(label) for label in labels[order]]
