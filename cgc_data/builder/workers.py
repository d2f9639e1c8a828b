"""Runs the planning of parts and the rendering of shards: in this process, in several processes, or on a Ray cluster.

Worker processes leave interruptions to their parent process, and exit when it is gone. Otherwise, a killed build would
leave idle workers behind, and Ctrl-C would print a traceback for each worker.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from multiprocessing.synchronize import Event
from threading import Thread
from typing import Any, Literal, TypeAlias, TypeVar

from cgc_data.common.errors import BuildError, ConfigError

Executor: TypeAlias = Literal["processes", "ray"]
AHEAD = 4  # tasks per worker that are submitted at a time: they may be large, and are made on demand
RAY_AHEAD = 1024  # the same on a cluster, in all: it may have any number of workers
Task = TypeVar("Task")
Result = TypeVar("Result")
Handle = TypeVar("Handle")


def run_tasks(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int, executor: Executor = "processes"
) -> Iterator[Result]:
    """Yield results in the order of the tasks. Raises the exceptions of the function, and ConfigError if Ray is not
    installed.
    """
    return map_with_ray(function, tasks) if executor == "ray" else map_in_processes(function, tasks, workers)


def map_with_ray(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Results in the order of the tasks, computed on the cluster in RAY_ADDRESS or on a cluster started on this
    machine.

    All machines must reach the sources and the output folder under the same paths. If a machine is lost, its tasks
    run on another one. Raises ConfigError if Ray is not installed, and any exception of the function.
    """
    try:
        import ray
    except ImportError:
        raise ConfigError("--executor ray needs Ray, which is not installed; run: pip install ray") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    started_here = not ray.is_initialized()
    if started_here:
        # without an address Ray would join any cluster that runs on this machine
        ray.init(os.environ.get("RAY_ADDRESS", "local"), log_to_driver=False, include_dashboard=False)
    try:
        remote = ray.remote(max_retries=-1)(function)
        results: deque[Any] = deque()
        try:
            yield from _in_order(remote.remote, ray.get, tasks, RAY_AHEAD, results)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        finally:  # the other results are not needed; Ray may abort if a finished task is canceled
            left = list(results)
            _, pending = ray.wait(left, num_returns=len(left), timeout=0) if left else ([], [])
            for result in pending:
                ray.cancel(result, force=True)
    finally:
        if started_here:
            ray.shutdown()


def map_in_processes(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Results in the order of the tasks; with one worker, they are computed in this process.

    Raises BuildError if a process was killed, and any exception of the function.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    stop = get_context().Event()
    try:
        with ProcessPoolExecutor(workers, initializer=_follow_parent, initargs=(stop,)) as pool:
            try:
                ahead, running = AHEAD * workers, deque[Future[Result]]()
                yield from _in_order(lambda task: pool.submit(function, task), Future.result, tasks, ahead, running)
            except BaseException:  # the other results are not needed
                stop.set()
                raise
    except BrokenProcessPool:
        raise BuildError(
            "a worker process was killed, possibly out of memory; rerun with fewer --workers to resume"
        ) from None


def _in_order(
    submit: Callable[[Task], Handle],
    result: Callable[[Handle], Result],
    tasks: Iterable[Task],
    ahead: int,
    running: deque[Handle],
) -> Iterator[Result]:
    """Results in the order of the tasks; at most `ahead` tasks are `running`, the oldest first."""
    for task in tasks:
        running.append(submit(task))
        if len(running) >= ahead:
            yield result(running[0])
            running.popleft()
    while running:
        yield result(running[0])
        running.popleft()


def _follow_parent(stop: Event) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    Thread(target=_end_on_stop, args=(stop,), daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        connection.wait([parent.sentinel])
        os._exit(1)


def _end_on_stop(stop: Event) -> None:
    stop.wait()
    os._exit(1)
