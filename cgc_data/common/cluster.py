"""Run tasks on a Ray cluster: an existing one, or one that is started on this machine.

The sources and the output folder must have the same paths on all nodes. If a node is lost, its unfinished tasks run
again on another node. Finished tasks also run again if their results were lost.
"""

import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from types import ModuleType
from typing import Any

from cgc_data.common.errors import ConfigError, WorkerError
from cgc_data.common.executor import AHEAD, Result, Task, in_order
from cgc_data.common.node import Home, run_on_node
from cgc_data.common.progress import say

START = "local"  # without an address, Ray would join any cluster that runs on this machine
CONNECT_SECONDS = 10
RETRIES = 5  # how often a task runs again because its worker or its node was lost
LEAST_IN_FLIGHT = 64  # so that a cluster that grows on demand sees a demand


@dataclass(frozen=True)
class RayCluster:
    """An executor on a Ray cluster.

    Attributes:
        address: HOST:PORT of the head node, or `auto`. If empty, the address in RAY_ADDRESS is used. If RAY_ADDRESS is
            not set either, a new cluster is started on this machine.
        num_cpus: cores that each task needs.
        memory: memory that each task needs, in bytes. Ray runs a task only on a node with this much memory. If 0, Ray
            ignores memory.
        resources: custom resources that each task needs, by name.
        in_flight: maximum number of tasks submitted at a time. If 0, the maximum is a few times the number of tasks
            that can run at once.
    """

    address: str = ""
    num_cpus: float = 1.0
    memory: int = 0
    resources: Mapping[str, float] = field(default_factory=dict)
    in_flight: int = 0

    @property
    def alone(self) -> bool:
        """Always False, because tasks run on the cluster and not in this process."""
        return False

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], at_once: int | None = None
    ) -> Iterator[Result]:
        """Yield results in the order of the tasks. Raises WorkerError if Ray cannot complete a task, for example
        because its worker was killed several times. Exceptions of the function are raised unchanged.
        """
        del at_once  # an idle cluster costs this command nothing
        with self.connected():
            yield from self._results(_ray(), function, tasks)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Stay connected to the cluster. Raises ConfigError if Ray is not installed, and WorkerError if the cluster
        cannot be reached in time.
        """
        ray = _ray()
        if ray.is_initialized():
            yield
            return
        _connect(ray, self.address or os.environ.get("RAY_ADDRESS") or START)
        try:
            yield
        finally:
            ray.shutdown()

    def _results(self, ray: ModuleType, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        slots = self._slots(ray)
        name, home, running, numbers = _name(function), Home.here(), deque[Any](), count()
        remote = ray.remote(max_retries=RETRIES, **self._needs)(run_on_node)

        def submit(task: Task) -> Any:
            return remote.options(name=f"{name} {next(numbers)}").remote(function, task, home)

        finished = 0
        try:
            ahead = self.in_flight or max(AHEAD * slots, LEAST_IN_FLIGHT)
            for result in in_order(submit, ray.get, tasks, ahead, running):
                yield result
                finished += 1
        except ray.exceptions.RayError as error:
            raise _explained(ray, error, f"{name} {finished}") from None
        finally:
            _cancel(ray, list(running))

    @property
    def _needs(self) -> dict[str, Any]:
        memory = {"memory": self.memory} if self.memory else {}
        return {"num_cpus": self.num_cpus, "resources": dict(self.resources), **memory}

    def _slots(self, ray: ModuleType) -> int:
        """The number of tasks that can run at once. Prints a message if no node can run a task."""
        needs = {"CPU": self.num_cpus, "memory": self.memory, **self.resources}
        needs = {name: amount for name, amount in needs.items() if amount}
        offers = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        slots = sum(_fit(offer, needs) for offer in offers)
        if not slots:
            stated = ", ".join(f"{name}={amount:g}" for name, amount in needs.items())
            say(
                f"none of the {len(offers)} nodes offers {stated}; waiting for a node that does; to avoid the wait, "
                "interrupt the command and request less per task"
            )
        return slots


def _fit(offer: Mapping[str, float], needs: Mapping[str, float]) -> int:
    """The number of tasks that fit on a node at the same time."""
    return min((int(offer.get(name, 0) / amount) for name, amount in needs.items()), default=1)


def _ray() -> ModuleType:
    try:
        import ray
    except ImportError:
        raise ConfigError("--executor ray: Ray is not installed; run: pip install ray") from None
    return ray  # type: ignore[no-any-return]


def _connect(ray: ModuleType, address: str) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_task_oom_retries", str(RETRIES))  # else a task that is too large runs again forever
    _require_reachable(address)
    dashboard = {"include_dashboard": False} if address == START else {}
    try:
        ray.init(address, log_to_driver=False, logging_level="WARNING", **dashboard)
    except Exception as error:  # Ray raises errors of many classes for this
        raise _unreachable(address, _reason(error)) from None


def _reason(error: BaseException) -> str:
    if "InvalidAuthToken" in str(error.__cause__):
        return "the cluster requires an authentication token; set RAY_AUTH_MODE=token"
    return str(error).partition("\n")[0]


def _require_reachable(address: str) -> None:
    """Raise WorkerError if the address is a URL, or if nothing listens at HOST:PORT. Without this check, Ray would try
    to connect for minutes.
    """
    if "://" in address:
        raise _unreachable(address, "the address is a URL; name the head node as HOST:PORT")
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, getattr(error, "strerror", "") or str(error)) from None


def _unreachable(address: str, why: str) -> WorkerError:
    return WorkerError(
        f"{address}: no Ray cluster can be used there ({why}); start one with `ray start --head`, or correct "
        "--ray-address or RAY_ADDRESS"
    )


def _explained(ray: ModuleType, error: Exception, name: str) -> BaseException:
    """The exception to raise for a Ray error: the exception of the function, or a WorkerError that names the task."""
    known = ray.exceptions
    if isinstance(error, known.RayTaskError):
        return _of_task(ray, error.cause, name)
    if isinstance(error, known.OutOfMemoryError):
        return WorkerError(f"{name}: out of memory {RETRIES + 1} times; {_MORE_MEMORY}")
    if isinstance(error, (known.WorkerCrashedError, known.NodeDiedError)):
        return WorkerError(f"{name}: its worker was killed {RETRIES + 1} times, possibly out of memory; {_MORE_MEMORY}")
    return WorkerError(f"{name}: {_reason(error)}; run the same command again")


def _of_task(ray: ModuleType, cause: BaseException, name: str) -> BaseException:
    """The exception that a task raised, or a WorkerError if the node could not import the function of the task."""
    if isinstance(cause, ray.exceptions.RaySystemError):
        why = _reason(cause).removeprefix("System error: ")
        return WorkerError(f"{name}: {why} on a node; install the same versions of this package on all nodes")
    return cause


_MORE_MEMORY = "run the same command again with a higher --ray-memory, so that fewer tasks share a node"


def _cancel(ray: ModuleType, left: list[Any]) -> None:
    """Cancel the tasks whose results are no longer needed. Finished tasks are skipped, because canceling them can crash
    Ray.
    """
    _, pending = ray.wait(left, num_returns=len(left), timeout=0) if left else ([], [])
    for result in pending:
        ray.cancel(result, force=True)


def _name(function: Callable[..., object]) -> str:
    while isinstance(function, partial) and not hasattr(function, "__name__"):
        function = function.func
    return getattr(function, "__name__", type(function).__name__).strip("_")
