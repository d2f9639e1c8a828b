"""Shards come out the same whoever renders them, also where a machine of a cluster is lost meanwhile."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cgc_data.builder.workers import Executor, run_tasks

from cgc_data.common.errors import ConfigError, PhotoError


def doubled(number: int) -> int:
    return 2 * number


def refused(number: int) -> int:
    raise PhotoError(f"photo {number}: truncated")


def slowly(folder: str) -> int:
    """Leaves a mark and waits a moment, so that a node can be lost while it works."""
    (Path(folder) / f"{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(0.3)
    return 1


@pytest.fixture
def one_machine(ray_alone: Any) -> Iterator[None]:
    ray_alone.init("local", num_cpus=2, log_to_driver=False, include_dashboard=False, object_store_memory=100 * 2**20)
    yield
    ray_alone.shutdown()


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_keep_the_order(workers: int) -> None:
    assert list(run_tasks(doubled, list(range(7)), workers)) == [2 * n for n in range(7)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_task_is_raised_here(workers: int) -> None:
    with pytest.raises(PhotoError, match="photo 3: truncated"):
        list(run_tasks(refused, [3], workers))


@pytest.mark.slow
def test_ray_keeps_the_order_and_the_errors(one_machine: None) -> None:
    assert list(run_tasks(doubled, list(range(7)), 1, "ray")) == [2 * n for n in range(7)]
    with pytest.raises(PhotoError, match="photo 3: truncated"):
        list(run_tasks(refused, [3], 1, "ray"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ray_gives_the_tasks_of_a_lost_machine_to_another(tmp_path: Path, ray_alone: Any) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 100 * 2**20})
    lost = cluster.add_node(num_cpus=2, object_store_memory=100 * 2**20)
    ray_alone.init(cluster.address, log_to_driver=False)
    try:
        results = run_tasks(slowly, [str(tmp_path)] * 12, 1, "ray")
        done = [next(results)]
        cluster.remove_node(lost, allow_graceful=False)
        done += list(results)
    finally:
        ray_alone.shutdown()
        cluster.shutdown()
    assert done == [1] * 12


def test_without_ray_the_mend_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    executor: Executor = "ray"
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="pip install ray"):
        list(run_tasks(doubled, [1], 1, executor))
