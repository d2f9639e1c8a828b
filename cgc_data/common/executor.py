"""Where tasks run: in this process, in several processes, or on a Ray cluster. Results keep the order of the tasks."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial, update_wrapper
from itertools import chain
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
Handle = TypeVar("Handle")
SHARE = 256  # items per task if each is the work of milliseconds
AHEAD = 4  # tasks per worker that are submitted at a time: they may be large, and are made on demand


class Executor(Protocol):
    """Runs tasks in processes or on a cluster. Functions, tasks, and results are pickled, so functions must be
    importable from a module.
    """

    @property
    def alone(self) -> bool:
        """Whether tasks run in this process, one after another."""
        ...

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], at_once: int | None = None
    ) -> Iterator[Result]:
        """Yield results in the order of the tasks. Only a bounded number of tasks and results is in memory at a time.

        `at_once` limits the number of worker processes, for example to the number of tasks. Exceptions of the function
        are raised unchanged. Raises WorkerError if a worker is lost or a cluster cannot be used.
        """
        ...

    def connected(self) -> AbstractContextManager[None]:
        """Stay connected to the workers across calls of `run`. Raises WorkerError if a cluster cannot be used."""
        ...


def in_shares(function: Callable[[Task], Result], items: Sequence[Task], executor: Executor) -> Iterator[Result]:
    """Apply the function to all items, and yield the results in the order of the items. Each task contains a few
    hundred items.
    """
    starts = range(0, len(items), SHARE)
    shares = (items[start : start + SHARE] for start in starts)
    each = update_wrapper(partial(_each, function), function)  # named after the function, for errors and dashboards
    return chain.from_iterable(executor.run(each, shares, len(starts)))


def _each(function: Callable[[Task], Result], items: Sequence[Task]) -> list[Result]:
    return [function(item) for item in items]


def in_order(
    submit: Callable[[Task], Handle],
    result: Callable[[Handle], Result],
    tasks: Iterable[Task],
    ahead: int,
    running: deque[Handle],
) -> Iterator[Result]:
    """Yield results in the order of the tasks. The queue `running` holds at most `ahead` tasks, with the oldest task
    first.
    """
    for task in tasks:
        running.append(submit(task))
        if len(running) >= ahead:
            yield result(running[0])
            running.popleft()
    while running:
        yield result(running[0])
        running.popleft()
