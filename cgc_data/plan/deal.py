"""Assigns the photos of a split to families, in rounds, until all requested rows are planned. A family is a set of rows
that are planned together.

Each round uses a photo at most once. Therefore, photos are used about equally often, and test samples share no photos
if there are enough photos. Over all rounds, each photo is shown in a limited number of rows per task.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cgc_data.plan.askable import Askable, Rejection
from cgc_data.plan.balance import AbsentBalance, Made
from cgc_data.plan.offered import Mask
from cgc_data.plan.planner import Draw, Lane, Losing, Outcome, Photos, make_lanes
from cgc_data.plan.questions import Family
from cgc_data.plan.rng import generator
from cgc_data.plan.rows import make_row
from cgc_data.plan.spread import Spread
from cgc_data.release.rows import Row
from cgc_data.release.schema import Split
from cgc_data.tasks import TASKS

FRUITLESS_ROUNDS = 3  # rounds without a new family after which the photos of a split count as used up
SCARCE = 0.05  # rows per photo in a round below which a photo can serve any planner
MOST_TAKEN = 2  # a planner that fills in for others makes at most this many times its requested rows


@dataclass
class Quota:
    """The number of requested rows and the number of planned rows, for one contrast in one split."""

    wanted: int
    planned: int = 0

    @property
    def open(self) -> bool:
        """Whether more rows are needed."""
        return self.planned < self.wanted

    @property
    def progress(self) -> float:
        """Share of the requested rows that have been planned."""
        return self.planned / self.wanted if self.wanted else 1.0


@dataclass(frozen=True)
class Dealt:
    """The rows of one family."""

    contrast: str
    rows: list[Row]


class Dealer:
    """Plans the rows of one split.

    `usable` maps each contrast to a mask (photos,) of the photos that it can use. `wanted` maps each contrast to its
    number of requested rows.

    Dealers for different photos of the same split need different names, so that they shuffle independently.
    """

    def __init__(
        self, askable: Askable, split: Split, usable: dict[str, Mask], wanted: dict[str, int], name: str = ""
    ) -> None:
        self._askable, self._split, self._config, self._name = askable, split, askable.config, name or split
        inside = np.array([s == split for s in askable.splits], dtype=bool)
        self._lanes = make_lanes(askable, {contrast: mask & inside for contrast, mask in usable.items()})
        self._photos: Photos = np.flatnonzero(np.any([lane.may for lane in self._lanes], axis=0))
        self._used = np.zeros(len(inside), dtype=bool)
        self._seen: set[int] = set()
        self._spread = Spread(len(inside), self._config.limits.rows_per_photo)
        self._balance = {contrast: AbsentBalance(self._absent_share()) for contrast in usable}
        self._made = Made()
        self.quotas = {contrast: Quota(wanted.get(contrast, 0)) for contrast in usable}

    def deal(self) -> Iterator[Dealt]:
        """Families of rows, until enough rows are planned or no photos are left."""
        return (dealt for dealt in self.attempts() if dealt)

    def attempts(self) -> Iterator[Dealt | None]:
        """Like `deal`, but yields None if no family is found for a photo. The caller can thus stop after any photo."""
        fruitless, turn, scarce = 0, 0, False
        while any(q.open for q in self.quotas.values()) and fruitless < FRUITLESS_ROUNDS:
            before = sum(quota.planned for quota in self.quotas.values())
            yield from self._round(turn, either=scarce)
            rows = sum(quota.planned for quota in self.quotas.values()) - before
            fruitless, scarce = 0 if rows else fruitless + 1, rows <= SCARCE * len(self._photos)
            turn += 1

    @property
    def rejections(self) -> list[Rejection]:
        """Objects that turned out to be unusable."""
        return self._askable.rejections

    def outcomes(self) -> Iterator[Outcome]:
        """The results of each planner so far. Planners of tasks without requested rows are skipped."""
        for lane in (lane for lane in self._lanes if lane.share > 0):
            full = lane.may & ~self._spread.room(lane.tasks)
            yield Outcome(
                lane.tasks,
                lane.share,
                lane.planned,
                photos=int(lane.may.sum()),
                full=int(full.sum()),
                lost=lane.planner.lost if isinstance(lane.planner, Losing) else Counter[str](),
                tried=lane.tried,
                spent=self.quotas[lane.contrast.name].open,
            )

    def _round(self, turn: int, either: bool) -> Iterator[Dealt | None]:
        """Deal one round. `either`: if a photo does not suit the planner that is furthest behind, the next planner may
        use it.
        """
        deck: Photos = generator(self._config.seed, "deck", self._name, turn).permutation(self._photos)
        self._used[:] = False
        for position, anchor in enumerate(deck.tolist()):
            if not self._used[anchor]:
                yield self._dealt(anchor, (deck[position + 1 :], deck[:position]), turn, either)
                if not any(quota.open for quota in self.quotas.values()):
                    return

    def _dealt(self, anchor: int, rest: tuple[Photos, Photos], turn: int, either: bool) -> Dealt | None:
        """A new family that uses the photo `anchor`; None if none is found. The contrast that is furthest behind is
        tried first.

        `rest` is a pair: the photos that follow the anchor in the deck, and the photos that precede it.
        """
        identity = self._askable.index.photos[anchor].identity
        for contrast in self._neediest():
            rng = generator(self._config.seed, self._split, turn, contrast, identity)
            family, lane = self._family(contrast, anchor, rest, either, rng)
            if family and lane and self._spread.admits(family) and (rows := self._new_rows(family)):
                self._count(lane, family, rows)
                return Dealt(contrast, rows)
        return None

    def _family(
        self, contrast: str, anchor: int, rest: tuple[Photos, Photos], either: bool, rng: np.random.Generator
    ) -> tuple[Family | None, Lane | None]:
        """The first family that a planner of the contrast finds. The planner that is furthest behind its share is
        tried first. The others are tried only if `either` is true.
        """
        lanes = [lane for lane in self._lanes if lane.contrast.name == contrast and lane.share > 0]
        asked = self.quotas[contrast].wanted / sum(lane.share for lane in lanes)  # wanted rows per unit of share
        lanes = sorted(lanes, key=lambda lane: lane.progress)[: None if either else 1]
        for lane in (lane for lane in lanes if lane.may[anchor] and lane.progress < MOST_TAKEN * asked):
            may = lane.may & self._spread.room(lane.tasks)
            if may[anchor]:
                balance = self._balance[contrast]
                draw = Draw(anchor, *rest, may & ~self._used, balance, self._made, rng, lane.planned)
                lane.tried += 1
                if family := lane.planner.family(draw):
                    return family, lane
        return None, None

    def _count(self, lane: Lane, family: Family, rows: list[Row]) -> None:
        self._used[list(family.photos)] = True
        self._spread.count(family)
        self.quotas[lane.contrast.name].planned += len(rows)
        lane.planned += len(rows)
        self._balance[lane.contrast.name].count(family.questions)
        self._made.count(family.questions)

    def _neediest(self) -> list[str]:
        return sorted((c for c, q in self.quotas.items() if q.open), key=lambda c: (self.quotas[c].progress, c))

    def _absent_share(self) -> float:
        """Share of empty answers among the rows whose task allows an empty answer. It is computed from the requested
        share of empty answers among all rows.
        """
        possible = sum(share for task, share in self._config.shares.items() if TASKS[task].has_empty)
        return min(self._config.absent / possible, 1.0) if possible else 0.0

    def _new_rows(self, family: Family) -> list[Row]:
        """The rows of a family; empty if any row is a duplicate."""
        quality = self._config.intra.jpeg_quality
        rows = [make_row(self._askable.index, question, quality) for question in family.questions]
        keys = {int(row["id"], 16) for row in rows}
        if keys & self._seen or len(keys) < len(rows):
            return []
        self._seen |= keys
        return rows
