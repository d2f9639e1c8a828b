"""The tasks of a release, each declared in a separate module. To add a task, add a line to `_REGISTERED`.

All other code finds the tasks through this module: configuration, planner, statistics, card, gallery, validation,
reward, recipes, and benchmark. Only this folder and the tasks' own planners and checks refer to a task or contrast by
name.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from typing import Literal

from cgc_data.common.errors import ReleaseError
from cgc_data.tasks.task import REFERENCE, AnswerKind, Contrast, Distractors, Task

__all__ = [
    "CONTRASTS",
    "DISTRACTORS",
    "PLANNED",
    "PRESETS",
    "REFERENCE",
    "TASKS",
    "AnswerKind",
    "Contrast",
    "Distractors",
    "Preset",
    "Task",
    "answer_of_pool",
    "check_ids",
    "labels_of_pool",
    "pool_gives_box",
    "pool_gives_image",
    "pool_names_image",
    "pools_of",
    "task_named",
    "task_of",
]

# Each task is declared in the module CONTRAST.TASK, as a constant in capitals.
_REGISTERED = (
    "inter/locate",
    "inter/locate_all",
    "inter/group",
    "inter/common",
    "inter/absent",
    "inter/exemplar",
    "inter/refer",
    "intra/same_object",
    "intra/locate_all",
    "intra/absent",
    "intra/region",
    "intra/difference",
)


def _declared(task: str) -> Task:
    contrast, _, name = task.partition("/")
    found: Task = getattr(import_module(f"{__name__}.{contrast}.{name}"), name.upper())
    return found


_ALL = tuple(map(_declared, _REGISTERED))
TASKS: dict[str, Task] = {task.id: task for task in _ALL}
CONTRASTS: dict[str, Contrast] = {task.contrast.name: task.contrast for task in _ALL}
DISTRACTORS: dict[str, Distractors] = {kind.name: kind for c in CONTRASTS.values() for kind in c.distractors}
# Tasks with a separate planner.
PLANNED: tuple[str, ...] = tuple(task.id for task in _ALL if task.planner)
Preset = Literal["paper", "full"]
# Presets for the shares of rows: only the paper's tasks, or all tasks.
PRESETS: dict[Preset, dict[str, float]] = {
    "paper": {task: TASKS[task].paper for task in PLANNED},
    "full": {task: TASKS[task].share for task in PLANNED},
}


def check_ids(names: Iterable[str], known: Collection[str] = tuple(TASKS)) -> None:
    """Raise a ValueError for a name that is not one of the `known` task ids, and suggest a similar id."""
    for name in names:
        if name not in known:
            meant = [task for task in known if task.partition("/")[2] == name]
            meant = meant or difflib.get_close_matches(name, list(known), n=1)
            raise ValueError(f"no task {name!r}; {'write' if meant else 'there are'} {' or '.join(meant or known)}")


def task_named(contrast: str, name: str) -> Task:
    """The task that a row names in its fields `contrast` and `task`. Raises ReleaseError if this version does not have
    the task.
    """
    try:
        return TASKS[f"{contrast}/{name}"]
    except KeyError:
        known = ", ".join(TASKS)
        raise ReleaseError(
            f"there is no task {f'{contrast}/{name}'!r} in this version of cgc-grounding (its tasks: {known}); install "
            "the version that built the release"
        ) from None


def task_of(row: Mapping[str, object]) -> Task:
    """The task of a row. Raises ReleaseError if this version does not have the task."""
    return task_named(str(row["contrast"]), str(row["task"]))


def pools_of(task: Task) -> tuple[str, ...]:
    """The pools of a task's phrasings. A task with empty answers uses the pools of its twins."""
    return task.pools or tuple(pool for t in _ALL if t.empty is task for pool in t.pools)


def answer_of_pool(pool: str) -> AnswerKind:
    """The kind of answer (`one` or `set`) that the pool's phrasings ask for, as stated by the task that declares the
    pool. Raises ReleaseError for an unknown pool.
    """
    answers = {name: task.answer_to(names_image=name == task.named_pool) for task in _ALL for name in task.pools}
    if pool not in answers:
        raise ReleaseError(
            f"there are no phrasings {pool!r} in this version of cgc-grounding (its phrasings: {', '.join(answers)}); "
            "install the version that built the release"
        )
    return answers[pool]


def pool_gives_box(pool: str) -> bool:
    """Whether phrasings of the pool contain the coordinates of a box in one of the images."""
    return any(task.gives_box for task in _ALL if pool in task.pools)


def labels_of_pool(pool: str) -> int:
    """The smallest number of labels that phrasings of the pool ask about."""
    return next(task.labels_in(names_image=pool == task.named_pool)[0] for task in _ALL if pool in task.pools)


def pool_gives_image(pool: str) -> bool:
    """Whether phrasings of the pool refer to a reference image as a whole."""
    return any(task.gives_image for task in _ALL if pool in task.pools)


def pool_names_image(pool: str) -> bool:
    """Whether phrasings of the pool name the image that contains the answer."""
    return any(task.named_pool == pool for task in _ALL)
