"""What every planner of rows has in common, whatever its tasks: it makes families of the photos that it is dealt.

A task names its planner; one planner may serve several tasks of a contrast and plans their empty twins too.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cgc_data.plan.askable import Askable, Mask
from cgc_data.plan.balance import AbsentBalance, Made
from cgc_data.plan.questions import Family
from cgc_data.tasks import TASKS, Contrast, Task

Photos = NDArray[np.intp]


@dataclass(frozen=True)
class Draw:
    """What a family may be made of: its first photo, and photos of the deck that are not used yet, in their order.

    Photos that came before the anchor and gave no family are `spare`: they can still lend something to one.
    """

    anchor: int
    after: Photos  # (photos,) of the deck that come after the anchor
    before: Photos  # (photos,)
    still_open: Mask  # (photos of all splits,) may be used
    balance: AbsentBalance
    made: Made
    rng: np.random.Generator
    planned: int = 0  # rows that the planner's families have become so far

    @cached_property
    def free(self) -> Photos:
        """Those after the anchor, (photos,); looked for when asked for, since many planners need the anchor alone."""
        return self.after[self.still_open[self.after]]

    @cached_property
    def spare(self) -> Photos:
        """Those before it, (photos,)."""
        return self.before[self.still_open[self.before]]


class Planner(Protocol):
    """Plans rows of some tasks; made once per split."""

    photos: Mask  # (photos,) may be used at all

    def __init__(self, askable: Askable) -> None: ...

    def family(self, draw: Draw) -> Family | None:
        """Questions that belong together, about photos of the draw; None if they allow none."""
        ...


@runtime_checkable
class Losing(Protocol):
    """A planner that knows why photos gave it nothing."""

    @property
    def lost(self) -> Counter[str]:
        """Photos that can give no family, by reason."""
        ...


class Tried:
    """Photos that were first in the draws of a planner, and which of them have given families."""

    def __init__(self) -> None:
        self._tried: set[int] = set()
        self._served: set[int] = set()

    def note(self, photo: int, family: Family | None) -> Family | None:
        """Take a draw into account; returns the family."""
        self._tried.add(photo)
        self._served.update(family.photos if family else ())
        return family

    @property
    def fruitless(self) -> list[int]:
        """Photos that are in no family."""
        return sorted(self._tried - self._served)


@dataclass
class Lane:
    """One planner with the share of all rows that it is to plan, and how many it has planned."""

    contrast: Contrast
    tasks: tuple[Task, ...]  # whose rows it plans, empty twins included
    planner: Planner
    share: float
    may: Mask  # (photos,) of the split that are allowed and that the planner can use
    planned: int = 0
    tried: int = 0  # photos that it was dealt

    @property
    def progress(self) -> float:
        """Planned rows over the share."""
        return self.planned / self.share


@dataclass(frozen=True)
class Outcome:
    """What one planner made of a split: rows, of how many photos that it can use, how many of them are full or lost.

    `tried` photos were dealt to it; `spent`: the photos of the split gave fewer rows of the contrast than were wanted.
    """

    tasks: tuple[Task, ...]
    share: float  # of all rows
    rows: int
    photos: int
    full: int  # shown in as many rows of one of the tasks as may be
    lost: Counter[str]  # photos of which the planner knows why they gave none, by reason
    tried: int = 0
    spent: bool = False


def make_lanes(askable: Askable, allowed: dict[str, Mask]) -> list[Lane]:
    """One lane per planner that is asked for rows, in the order in which tasks name them.

    `allowed` are photos (photos,) by contrast.
    """
    planned: dict[str, list[Task]] = {}
    for task in TASKS.values():
        if task.planner and askable.config.shares[task.id]:
            planned.setdefault(task.planner, []).append(task)
    return [_lane(askable, name, tasks, allowed) for name, tasks in planned.items()]


def _lane(askable: Askable, name: str, tasks: list[Task], allowed: dict[str, Mask]) -> Lane:
    planner, contrast = load_planner(name)(askable), tasks[0].contrast
    share = sum(askable.config.shares[task.id] for task in tasks)
    twins = dict.fromkeys(task.empty for task in tasks if task.empty)
    return Lane(contrast, (*tasks, *twins), planner, share, allowed[contrast.name] & planner.photos)


def load_planner(name: str) -> type[Planner]:
    """The planner that a task names as "module:Class"."""
    module, _, planner = name.partition(":")
    found: type[Planner] = getattr(import_module(module), planner)
    return found
