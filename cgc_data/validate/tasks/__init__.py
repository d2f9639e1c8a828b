"""The checks of the individual tasks. They verify from the raw annotations that rows are correct.

Each task has a module with a function `check`. The module is named after the task's id: `inter_absent` checks
`inter/absent`. A module also has `CHECKS` if it reports task-specific checks, and `measures` if the rows of the task
have task-specific shortcuts. A task without a module cannot be validated, so a test requires a module for every task.
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Protocol

from cgc_data.tasks import TASKS, Task
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Check, Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.trace import Trace
from cgc_data.validate.world import World


class TaskCheck(Protocol):
    """Checks one row, and yields a finding for each part of the row that it checks."""

    def __call__(self, sample: Sample, world: World, limits: Limits) -> Iterable[Finding]: ...


def check_of(task: Task) -> TaskCheck:
    """The check function of a task. Raises ModuleNotFoundError if the task has no module."""
    found: TaskCheck = import_module(_module(task)).check
    return found


def task_measures(traces: Sequence[Trace], limits: Limits) -> Iterator[Check]:
    """Yield the task-specific measurements of each task that has rows."""
    for task in TASKS.values():
        rows = [trace for trace in traces if trace.kind is task]
        if rows and (measures := getattr(import_module(_module(task)), "measures", None)):
            yield from measures(rows, limits)


def task_checks() -> dict[str, str]:
    """Descriptions of task-specific checks."""
    found: dict[str, str] = {}
    for task in TASKS.values():
        found |= getattr(import_module(_module(task)), "CHECKS", {})
    return found


def _module(task: Task) -> str:
    return f"{__name__}.{task.contrast.name}_{task.name}"
