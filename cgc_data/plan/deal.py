"""Deals the photos of a split to families, round after round, until the rows that were asked for are planned.

In one round a photo is used at most once, so photos serve equally often and test samples share none as far as the
number of photos allows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgc_data.plan.askable import Askable
from cgc_data.plan.balance import AbsentBalance
from cgc_data.plan.inter import InterPlanner
from cgc_data.plan.intra import IntraPlanner
from cgc_data.plan.rng import generator
from cgc_data.plan.rows import Family, Row, make_row
from cgc_data.release.schema import Contrast, Split

FRUITLESS_ROUNDS = 3  # after so many rounds without a new family the photos of a split count as used up


@dataclass
class Quota:
    """Rows wanted and planned of one contrast in one split."""

    wanted: int
    planned: int = 0
    followed: int = 0  # rows of `same_object`

    @property
    def open(self) -> bool:
        """Are rows still wanted?"""
        return self.planned < self.wanted

    @property
    def progress(self) -> float:
        """Planned share of what is wanted."""
        return self.planned / self.wanted if self.wanted else 1.0

    def count(self, rows: list[Row]) -> None:
        """Take planned rows into account."""
        self.planned += len(rows)
        self.followed += sum(row["task"] == "same_object" for row in rows)


@dataclass(frozen=True)
class Dealt:
    """The rows of one family."""

    contrast: Contrast
    rows: list[Row]


class Dealer:
    """Plans the rows of one split."""

    def __init__(
        self, askable: Askable, split: Split, usable: dict[Contrast, NDArray[np.bool_]], wanted: dict[Contrast, int]
    ):
        self._askable, self._split, self._config = askable, split, askable.config
        inside = np.array([s == split for s in askable.splits], dtype=bool)
        self._may = {contrast: mask & inside for contrast, mask in usable.items()}
        self._may["inter"] = self._may["inter"] & (askable.one | askable.every).any(axis=1)
        self._inter, self._intra = InterPlanner(askable), IntraPlanner(askable)
        self._seen: set[int] = set()
        self._balance = {contrast: AbsentBalance(self._absent_share()) for contrast in usable}
        self.quotas = {contrast: Quota(wanted.get(contrast, 0)) for contrast in usable}

    def deal(self) -> Iterator[Dealt]:
        """Families of rows, until the quotas are met or the photos give no more."""
        fruitless = turn = 0
        while any(q.open for q in self.quotas.values()) and fruitless < FRUITLESS_ROUNDS:
            before = sum(quota.planned for quota in self.quotas.values())
            yield from self._round(turn, either=fruitless > 0)
            fruitless = 0 if sum(quota.planned for quota in self.quotas.values()) > before else fruitless + 1
            turn += 1

    def _round(self, turn: int, either: bool) -> Iterator[Dealt]:
        """One round; `either`: photos that do not allow the task that is behind may serve the other."""
        photos = np.flatnonzero(self._may["inter"] | self._may["intra"])
        deck = generator(self._config.seed, "deck", self._split, turn).permutation(photos)
        used = np.zeros(len(self._askable.splits), dtype=bool)
        for position, anchor in enumerate(deck.tolist()):
            if used[anchor]:
                continue
            contrasts = [c for c in self._neediest() if self._may[c][anchor]]
            for contrast in contrasts:
                rng = generator(
                    self._config.seed, self._split, turn, contrast, self._askable.index.photos[anchor].identity
                )
                if contrast == "intra":
                    family = self._intra.family(anchor, self._intra_tasks(either), self._balance[contrast], rng)
                else:
                    rest = deck[position + 1 :]
                    free = rest[~used[rest] & self._may["inter"][rest]]
                    family = self._inter.family(anchor, free, self._balance[contrast], rng)
                if family and (rows := self._new_rows(family)):
                    used[list(family.photos)] = True
                    self.quotas[contrast].count(rows)
                    self._balance[contrast].count(family.questions)
                    yield Dealt(contrast, rows)
                    break
            if not any(quota.open for quota in self.quotas.values()):
                return

    def _neediest(self) -> list[Contrast]:
        return sorted((c for c, q in self.quotas.items() if q.open), key=lambda c: (self.quotas[c].progress, c))

    def _intra_tasks(self, either: bool) -> list[str]:
        """The task that is further behind its weight; the other after it where either will do."""
        weights, quota = self._config.intra, self.quotas["intra"]
        behind = (quota.planned - quota.followed) * weights.same_object < quota.followed * weights.locate_all
        tasks = ["locate_all", "same_object"] if behind else ["same_object", "locate_all"]
        wanted = {"same_object": weights.same_object, "locate_all": weights.locate_all}
        return [task for task in tasks if wanted[task] > 0][: 2 if either else 1]

    def _absent_share(self) -> float:
        """Share of `absent` among the rows that could be so (all but `same_object`), for the share of all rows."""
        config = self._config
        weights = config.intra.same_object, config.intra.locate_all
        sets = weights[1] / sum(weights) if sum(weights) else 0.0
        possible = config.inter_share + (1 - config.inter_share) * sets
        return min(config.absent / possible, 1.0) if possible else 0.0

    def _new_rows(self, family: Family) -> list[Row]:
        """Rows of a family, none where one of them was planned before."""
        rows = [make_row(self._askable.index, question) for question in family.questions]
        keys = {int(row["id"], 16) for row in rows}
        if keys & self._seen or len(keys) < len(rows):
            return []
        self._seen |= keys
        return rows
