"""Processes that render shards: they leave an interruption to their parent, and end when it is gone.

Without this a killed build leaves idle processes behind, and Ctrl-C shows the traceback of each.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, parent_process
from threading import Thread
from typing import TypeVar

from cgc_data.errors import BuildError

Task = TypeVar("Task")
Result = TypeVar("Result")


def map_in_processes(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Results in the order of the tasks; one worker is this very process.

    Raises BuildError where a process was ended from outside, and whatever the function raises.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    try:
        with ProcessPoolExecutor(workers, initializer=_follow_parent) as pool:
            yield from pool.map(function, tasks)
    except BrokenProcessPool:
        raise BuildError(
            "--workers: a process was ended from outside, maybe for want of memory; run again with fewer workers, it "
            "goes on where it was"
        ) from None


def _follow_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        connection.wait([parent.sentinel])
        os._exit(1)
