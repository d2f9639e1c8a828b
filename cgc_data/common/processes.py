"""Run tasks in this process or in several processes of this machine.

Worker processes ignore Ctrl-C and exit when their parent process exits. Otherwise, a killed command would leave idle
workers behind, and Ctrl-C would print a traceback per worker.
"""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from threading import Thread

from cgc_data.common.errors import WorkerError
from cgc_data.common.executor import AHEAD, Result, Task, in_order


@dataclass(frozen=True)
class Processes:
    """An executor with `workers` processes. With a single worker, tasks run in this process."""

    workers: int = 1

    @property
    def alone(self) -> bool:
        """Whether tasks run in this process."""
        return self.workers == 1

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], at_once: int | None = None
    ) -> Iterator[Result]:
        """Yield results in the order of the tasks. Raises WorkerError if a process was killed. Exceptions of the
        function are raised unchanged.
        """
        workers = self.workers if at_once is None else min(self.workers, at_once)
        return map(function, tasks) if workers <= 1 else _in_pool(function, tasks, workers)

    def connected(self) -> AbstractContextManager[None]:
        """Nothing to connect to."""
        return nullcontext()


HERE = Processes()


def _in_pool(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    # Forked processes share what this process has read. Elsewhere than on Linux, forking is not safe.
    context = get_context("fork" if sys.platform == "linux" else None)
    listening, stopping = context.Pipe(duplex=False)  # an Event would wait for processes that were killed
    try:
        with listening, stopping, ProcessPoolExecutor(workers, context, _follow_parent, (listening,)) as pool:
            try:
                running = deque[Future[Result]]()
                yield from in_order(
                    lambda task: pool.submit(function, task), Future.result, tasks, AHEAD * workers, running
                )
            except BaseException:  # the other results are not needed
                stopping.send(None)
                raise
    except BrokenProcessPool:
        raise WorkerError(
            "a worker process was killed, possibly out of memory; run the same command again with fewer --workers"
        ) from None


def _follow_parent(stopped: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, args=(stopped,), daemon=True).start()


def _end_with_parent(stopped: Connection) -> None:
    """Exit as soon as the parent sends a message or exits. No worker removes the message from the pipe, so all workers
    see it.
    """
    parent = parent_process()
    connection.wait([stopped, *([parent.sentinel] if parent else [])])
    os._exit(1)
