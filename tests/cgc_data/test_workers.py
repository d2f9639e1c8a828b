"""Tasks give the same results and errors wherever they run, and what stops a worker is reported in one line."""

import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from cgc_data.builder.work import forgotten_if_refused
from cgc_data.cli import cli
from cgc_data.cli.executor import byte_size
from cgc_data.common import cluster
from cgc_data.common import executor as executing
from cgc_data.common.cluster import RayCluster
from cgc_data.common.errors import CgcError, ConfigError, PhotoError, ReleaseError, WorkerError
from cgc_data.common.executor import in_shares
from cgc_data.common.node import Home, run_on_node
from cgc_data.common.processes import Processes


def scaled(factor: int, number: int) -> int:
    return factor * number


doubled = partial(scaled, 2)


def refused(number: int) -> int:
    raise PhotoError(f"photo {number}: truncated")


def opened(path: str) -> str:
    return Path(path).read_text()


def killed(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


class Foreign:
    """A task that needs a package which no node has."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return import_module, ("package_of_another_machine",)


@pytest.fixture
def one_machine(ray_alone: Any) -> Iterator[None]:
    ray_alone.init("local", num_cpus=2, log_to_driver=False, include_dashboard=False, object_store_memory=100 * 2**20)
    yield
    ray_alone.shutdown()


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_keep_the_order(workers: int) -> None:
    assert list(Processes(workers).run(doubled, range(7))) == [2 * n for n in range(7)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_task_is_raised_here(workers: int) -> None:
    with pytest.raises(PhotoError, match="photo 3: truncated"):
        list(Processes(workers).run(refused, [3]))


def test_a_process_that_is_killed_is_reported() -> None:
    with pytest.raises(WorkerError, match="a worker process was killed, possibly out of memory"):
        list(Processes(2).run(killed, [1, 2]))


@pytest.mark.parametrize("workers", [1, 2])
def test_shares_give_one_result_per_item_in_order(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(executing, "SHARE", 3)
    for number in (0, 1, 3, 10):
        assert list(in_shares(doubled, range(number), Processes(workers))) == [2 * n for n in range(number)]


# -- on a cluster


@pytest.mark.slow
def test_a_cluster_keeps_order_errors_and_bounds(
    one_machine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(RayCluster(memory=10**8).run(doubled, range(7))) == [2 * n for n in range(7)]
    with pytest.raises(PhotoError, match=r"photo 3: truncated \(node .*under the same paths"):
        list(RayCluster().run(refused, [3]))
    with pytest.raises(WorkerError, match=r"/none: not found \(node"):
        list(RayCluster().run(opened, [str(tmp_path / "none")]))
    with pytest.raises(WorkerError, match="scaled 0: No module named 'package_of_another_machine' on a node; install"):
        list(RayCluster().run(doubled, [Foreign()]))  # type: ignore[list-item]
    taken = list[int]()
    results = RayCluster(in_flight=3).run(doubled, (taken.append(n) or n for n in range(50)))
    assert (next(results), taken) == (0, [0, 1, 2])
    assert (next(results), taken) == (2, [0, 1, 2, 3])
    results.close()  # type: ignore[attr-defined]
    monkeypatch.setattr(cluster, "RETRIES", 1)
    with pytest.raises(WorkerError, match=r"killed 0: its worker was killed 2 times.*--ray-memory"):
        list(RayCluster().run(killed, [1]))


def large(task: tuple[int, Path, str]) -> bytes:
    """A result that stays on the node where it was made. The last task on the first node reports and never ends."""
    import ray

    number, reached, node = task
    if number == 2 and ray.get_runtime_context().get_node_id() == node:
        reached.write_text("")  # waits until somebody reads it
        signal.pause()
    return bytes([number]) * 2**20


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tasks_wait_for_a_node_and_results_that_are_lost_with_it_are_made_again(
    tmp_path: Path, ray_alone: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from ray.cluster_utils import Cluster

    needs, size, reached = {"large": 1.0}, 100 * 2**20, tmp_path / "reached"
    os.mkfifo(reached)
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": size})
    ray_alone.init(nodes.address, log_to_driver=False)

    def tasks() -> Iterator[tuple[int, Path, str]]:
        node = nodes.add_node(num_cpus=1, resources=needs, object_store_memory=size)
        yield from ((number, reached, node.node_id) for number in range(3))

    try:
        results = RayCluster(resources=needs).run(large, tasks())
        found = [next(results)]
        assert "none of the 1 nodes offers CPU=1, large=1; waiting for a node" in capsys.readouterr().err
        reached.read_text()  # the last task is running, so the others are done
        nodes.remove_node(*nodes.worker_nodes, allow_graceful=False)
        nodes.add_node(num_cpus=1, resources=needs, object_store_memory=size)
        found += list(results)
    finally:
        ray_alone.shutdown()
        nodes.shutdown()
    assert found == [bytes([number]) * 2**20 for number in range(3)]


# -- what stops a run


def test_without_ray_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="pip install ray"):
        list(RayCluster().run(doubled, [1]))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1:1", "Connection refused"),
        ("nowhere.invalid:6379", "not known|failure in name resolution"),
        ("6379", "Invalid address"),
        ("ray://host:10001", "name the head node as HOST:PORT"),
        ("host:99999", "0-65535|not known|failure in name resolution"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_reported_at_once(address: str, why: str) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with pytest.raises(WorkerError, match=f"^{address}: no Ray cluster can be used there .*({why}).*--ray-address"):
        list(RayCluster(address).run(doubled, [1]))


def test_a_node_with_other_libraries_is_refused() -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    other = Home(os.getcwd(), tuple((name, "0.1" if name == "numpy" else v) for name, v in Home.here().versions))
    with pytest.raises(WorkerError, match=r"^node .*: has numpy .* instead of 0\.1; install the same versions"):
        run_on_node(doubled, 1, other)


def test_paths_on_a_node_are_relative_to_where_the_command_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "note").write_text("found")
    monkeypatch.chdir(tmp_path)
    home = Home.here()
    monkeypatch.chdir("/")
    assert run_on_node(opened, "note", home) == "found"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--executor", "ray", "--ray-address", "127.0.0.1:1"], "127.0.0.1:1: no Ray cluster"),
        (["--ray-cpus", "2"], "--ray-cpus needs --executor ray"),
        (["--ray-address", "127.0.0.1:1"], "--ray-address needs --executor ray"),
        (["--executor", "ray", "--ray-memory", "2XB"], "2XB: expected bytes"),
        (["--executor", "ray", "--ray-resource", "CPU=2"], "use --ray-cpus"),
        (["--executor", "ray", "--ray-resource", "GPU=1"], "these tasks use no GPU"),
        (["--executor", "ray", "--ray-resource", "disk"], "disk: expected NAME=AMOUNT"),
    ],
)
@pytest.mark.parametrize("command", [["build", "--out", "none"], ["validate", "none"]], ids=["build", "validate"])
def test_flags_that_cannot_be_meant_are_refused(
    command: list[str], options: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    found = CliRunner().invoke(cli, [*command, *options], standalone_mode=False).exception
    assert isinstance(found, (CgcError, click.ClickException))
    assert said in (found.format_message() if isinstance(found, click.ClickException) else str(found))


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("2GB", 2 * 10**9), ("1.5 MiB", 3 * 2**19), ("4k", 4000)])
def test_memory_is_given_in_bytes_or_with_a_unit(text: str, number: int) -> None:
    assert byte_size(text) == number


def test_an_address_in_the_environment_needs_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    found = CliRunner().invoke(cli, ["validate", "none"], standalone_mode=False).exception
    assert isinstance(found, ReleaseError)


def test_the_parts_that_are_planned_remain_if_a_worker_is_lost(tmp_path: Path) -> None:
    (part := tmp_path / "out" / ".build" / "part-train.parquet").parent.mkdir(parents=True)
    part.touch()
    with pytest.raises(WorkerError), forgotten_if_refused(tmp_path / "out", part.parent):
        raise WorkerError("a worker process was killed")
    assert part.exists()
