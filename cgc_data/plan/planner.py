"""The interface of all planners. A planner makes families (rows that are planned together) from the photos that it is
given.

A task names its planner. One planner can serve several tasks of a contrast. A planner also plans the twins of its
questions, which have empty answers.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cgc_data.config import BuildConfig
from cgc_data.plan.askable import Askable
from cgc_data.plan.balance import AbsentBalance, Made
from cgc_data.plan.offered import Mask
from cgc_data.plan.questions import Family
from cgc_data.tasks import TASKS, Contrast, Task

Photos = NDArray[np.intp]


@dataclass(frozen=True)
class Draw:
    """The photos that are available for a family: its first photo (the anchor), and the unused photos of the deck in
    deck order.

    Photos that came before the anchor but produced no family are `spare`: their objects can still be pasted.
    """

    anchor: int
    after: Photos  # (photos,) in the deck, after the anchor
    before: Photos  # (photos,)
    still_open: Mask  # (photos in all splits,) whether each photo can be used
    balance: AbsentBalance
    made: Made
    rng: np.random.Generator
    planned: int = 0  # rows in the planner's families so far

    @cached_property
    def free(self) -> Photos:
        """Usable photos after the anchor, (photos,). Computed on demand, because many planners need only the anchor."""
        return self.after[self.still_open[self.after]]

    @cached_property
    def spare(self) -> Photos:
        """Usable photos before the anchor, (photos,)."""
        return self.before[self.still_open[self.before]]


class Planner(Protocol):
    """Plans the rows for some tasks. One planner is created per split, or per part of a divided split."""

    photos: Mask  # (photos,) whether each photo can be used at all

    def __init__(self, askable: Askable) -> None: ...

    def family(self, draw: Draw) -> Family | None:
        """A family of questions about the photos in `draw`; None if no question is possible."""
        ...


@runtime_checkable
class Losing(Protocol):
    """A planner that records why photos produced no family."""

    @property
    def lost(self) -> Counter[str]:
        """Number of photos that cannot produce a family, by reason."""
        ...


@runtime_checkable
class Lending(Protocol):
    """A planner that takes objects from other photos, to paste them or to show them as examples."""

    @property
    def lends(self) -> Mask:
        """Mask (concepts,) of the labels with objects that the planner can take."""
        ...


class Tried:
    """Records the anchor photos that a planner was given, and the photos that became part of a family."""

    def __init__(self) -> None:
        self._tried: set[int] = set()
        self._served: set[int] = set()

    def note(self, photo: int, family: Family | None) -> Family | None:
        """Record that the planner was given a photo, and return the family unchanged."""
        self._tried.add(photo)
        self._served.update(family.photos if family else ())
        return family

    @property
    def fruitless(self) -> list[int]:
        """Photos that the planner was given but that are not in any family."""
        return sorted(self._tried - self._served)


@dataclass
class Lane:
    """One planner, its share of all rows, and the number of rows that it has planned."""

    contrast: Contrast
    tasks: tuple[Task, ...]  # the tasks whose rows it plans, including empty twins
    planner: Planner
    share: float
    may: Mask  # (photos,) whether each photo is in the split, allowed, and usable by the planner
    planned: int = 0
    tried: int = 0  # number of photos dealt to the planner

    @property
    def progress(self) -> float:
        """Planned rows divided by the share."""
        return self.planned / self.share


@dataclass(frozen=True)
class Outcome:
    """The results of one planner in a split: how many rows it planned, how many photos it could use, and how many of
    these photos reached the row limit (`full`) or produced no family (`lost`).

    `tried`: number of photos that the planner was given. `spent`: whether the photos of the split allowed fewer rows of
    the contrast than requested.
    """

    tasks: tuple[Task, ...]
    share: float  # share of all rows
    rows: int
    photos: int
    full: int  # photos that reached the row limit of one of the tasks
    lost: Counter[str]  # photos without a family, by reason, if the planner knows the reason
    tried: int = 0
    spent: bool = False


def lent_labels(config: BuildConfig, askable: Callable[[], Askable]) -> dict[str, Mask]:
    """For each task that takes objects from other photos, a mask (concepts,) of the labels with objects to take.

    `askable` is called only if there is such a task.
    """
    lending = {name: tasks for name, tasks in _requested(config).items() if hasattr(load_planner(name), "lends")}
    if not lending:
        return {}
    found, table = dict[str, Mask](), askable()
    for name, tasks in lending.items():
        planner = load_planner(name)(table)
        assert isinstance(planner, Lending)
        found |= {task.id: planner.lends for task in tasks}
    return found


def make_lanes(askable: Askable, allowed: dict[str, Mask]) -> list[Lane]:
    """One lane for each planner whose tasks have requested rows. The lanes follow the order of `TASKS`. The first task
    of a planner determines its position.

    `allowed`: for each contrast, a mask (photos,) of the photos that can be used.
    """
    return [_lane(askable, name, tasks, allowed) for name, tasks in _requested(askable.config).items()]


def _requested(config: BuildConfig) -> dict[str, list[Task]]:
    """The tasks with requested rows, grouped by the planner that they name."""
    planned: dict[str, list[Task]] = {}
    for task in TASKS.values():
        if task.planner and config.shares[task.id]:
            planned.setdefault(task.planner, []).append(task)
    return planned


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
