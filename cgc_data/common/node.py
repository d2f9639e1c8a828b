"""Runs a task on a cluster node, in the folder where the command was started and with the same library versions."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from cgc_data.common.errors import CgcError, WorkerError
from cgc_data.common.executor import Result, Task
from cgc_data.common.versions import library_versions

Versions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Home:
    """The command's working directory and library versions. Relative paths refer to this directory."""

    folder: str
    versions: Versions

    @classmethod
    def here(cls) -> "Home":
        """The current folder and library versions of this process."""
        return cls(os.getcwd(), tuple(library_versions().items()))


def run_on_node(function: Callable[[Task], Result], task: Task, home: Home) -> Result:
    """Run a task on this node. Raises WorkerError if a file is missing on this node, or if a library has another
    version here than in `home`. If the function raises a CgcError, the address of the node is added to the error
    message.
    """
    with suppress(OSError):  # if all paths are absolute, the folder is not needed
        os.chdir(home.folder)
    _require_same(home.versions)
    try:
        return function(task)
    except FileNotFoundError as error:
        raise WorkerError(f"{error.filename or error}: not found {_where()}") from None
    except CgcError as error:
        error.args = (f"{error} {_where()}",)
        raise


@lru_cache(maxsize=1)
def _require_same(versions: Versions) -> None:
    """Raise WorkerError if a library has a different version on this node, because the results would differ."""
    here = library_versions()
    if other := [f"{name} {here[name]} instead of {version}" for name, version in versions if here[name] != version]:
        raise WorkerError(f"{_node()}: has {', '.join(other)}; install the same versions on all nodes")


def _where() -> str:
    return f"({_node()}; all nodes need the sources and the output folder under the same paths)"


def _node() -> str:
    import ray

    return f"node {ray.util.get_node_ip_address()}"
