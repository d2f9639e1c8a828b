"""A release comes out the same on a Ray cluster, even if a node is lost in every stage."""

import fcntl
import hashlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cgc_data.builder.release import build_release
from cgc_data.common import executor as executing
from cgc_data.common.cluster import RayCluster
from cgc_data.common.executor import Executor
from cgc_data.common.processes import HERE, Processes
from cgc_data.config import BuildConfig
from cgc_data.plan import parts as dividing
from cgc_data.validate import validate

STAGES = ("cached_digest", "read_identity", "fact", "plan_part", "render_shard", "check_group")
STORE = 100 * 2**20  # bytes of the object store of a node


@dataclass(frozen=True)
class Held:
    """Runs tasks, after a node is lost; on that node, it reports a task and works on it until the end."""

    function: Callable[[Any], Any]
    lost: str  # id of the node
    folder: Path

    def __call__(self, task: Any) -> Any:
        import ray

        if ray.get_runtime_context().get_node_id() == self.lost:
            (self.folder / "reached").write_text("")  # waits until somebody reads it
            signal.pause()
        with (self.folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
        return self.function(task)


@dataclass(frozen=True)
class Losing(RayCluster):
    """Loses a node of its cluster in the middle of every stage."""

    nodes: Any = None  # a ray.cluster_utils.Cluster
    folder: Path = Path()
    lost: list[str] = field(default_factory=list)  # the stages

    def run(self, function: Callable[[Any], Any], tasks: Iterable[Any], at_once: int | None = None) -> Iterator[Any]:
        several = list(tasks)
        if len(several) < 2 or _name(function) in self.lost:
            yield from super().run(function, several, at_once)
            return
        self.lost.append(_name(function))
        (folder := self.folder / str(len(self.lost))).mkdir()
        os.mkfifo(folder / "reached")
        node = self.nodes.add_node(num_cpus=1, object_store_memory=STORE)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (killer := Thread(target=self._lose, args=(node, folder, lock))).start()
            yield from super().run(Held(function, node.node_id, folder), several, at_once)
            killer.join()

    def _lose(self, node: Any, folder: Path, lock: Any) -> None:
        (folder / "reached").read_text()
        self.nodes.remove_node(node, allow_graceful=False)
        fcntl.flock(lock, fcntl.LOCK_UN)


def _name(function: Any) -> str:
    while hasattr(function, "func"):
        function = function.args[0] if function.func is executing._each else function.func
    return str(function.__name__).strip("_")


@pytest.fixture
def nodes(ray_alone: Any) -> Iterator[Any]:
    """A cluster of two nodes, connected; only the second one has a core."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE})
    cluster.add_node(num_cpus=1, object_store_memory=STORE)
    ray_alone.init(cluster.address, log_to_driver=False)
    yield cluster
    ray_alone.shutdown()
    cluster.shutdown()


@pytest.fixture
def small(painted_config: BuildConfig, monkeypatch: pytest.MonkeyPatch) -> BuildConfig:
    """Settings by which every stage has several tasks."""
    monkeypatch.setattr(executing, "SHARE", 8)
    monkeypatch.setattr(dividing, "LEAST_PHOTOS", 12)
    monkeypatch.setattr(dividing, "LEAST_ROWS", 10)
    return BuildConfig.model_validate({**painted_config.model_dump(), "samples": 80, "shard_rows": 20})


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def built(config: BuildConfig, folder: Path, executor: Executor) -> tuple[dict[str, str], Any]:
    """A release and the report of its validation, which does not depend on where it is."""
    folder.mkdir()
    release = build_release(config, folder / "release", executor=executor).folder
    return digests(release), validate(release, executor=executor).checks


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_release_is_the_same_wherever_it_is_made_and_if_a_node_is_lost_in_every_stage(
    small: BuildConfig, tmp_path: Path, nodes: Any
) -> None:
    expected = built(small, tmp_path / "one", HERE)
    for workers in (2, 4):
        assert built(small, tmp_path / str(workers), Processes(workers)) == expected
    (tmp_path / "signals").mkdir()
    losing = Losing(nodes=nodes, folder=tmp_path / "signals")
    assert built(small, tmp_path / "cluster", losing) == expected
    assert losing.lost == list(STAGES)
