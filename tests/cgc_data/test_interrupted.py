"""A command that is interrupted can be repeated as it was, and gives what it would have given at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import yaml

from cgc_data import open_release
from cgc_data.builder.remove import remove_photo
from cgc_data.common.cluster import RayCluster
from cgc_data.common.errors import BuildError, CgcError, ConfigError, ExportError, ReleaseError
from cgc_data.common.folder import MARK
from cgc_data.common.processes import Processes
from cgc_data.config import BuildConfig
from cgc_data.export import export_release
from cgc_data.look.gallery import write_gallery
from cgc_data.painter.paint import paint
from tests.hostile import snapshot
from tests.tiny_release import write_tiny_release

Command = Callable[[Path, Path], object]  # release, folder


@pytest.fixture(autouse=True)
def interruptions_are_heard() -> Iterator[None]:
    """As in a terminal: what runs in the background of a shell inherits that they are ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def a_photo(release: Path) -> int:
    return int(next(open_release(release).rows(["views"]))["views"][0]["image_id"])


COMMANDS: dict[str, Command] = {
    "remove": lambda release, folder: remove_photo(release, a_photo(release), folder),
    "preview": lambda release, folder: write_gallery(open_release(release), folder, per_task=1),
    "export": lambda release, folder: export_release(open_release(release), folder, "swift"),
    "paint": lambda _, folder: paint("easy", folder, photos=2),
}
STEPS = {
    "remove": ["remove._copy", "remove.write_release_files", "finish.documents"],
    "preview": ["gallery._render", "gallery._store", "gallery.write_sheets"],
    "export": ["export._store", "export._write_lines"],
    "paint": ["paint._photo", "paint._write"],
}
MODULES = {"remove": "cgc_data.builder", "finish": "cgc_data.builder", "gallery": "cgc_data.look"}
MODULES |= {"export": "cgc_data", "paint": "cgc_data.painter"}
CASES = [(command, step, call) for command, steps in STEPS.items() for step in steps for call in (1, 2)]


def interrupt(run: Callable[[], object], step: str, call: int) -> None:
    """Interrupt a command at the given call of a function, if there are as many."""
    patch, calls = pytest.MonkeyPatch(), 0
    module, _, name = f"{MODULES[step.partition('.')[0]]}.{step}".rpartition(".")
    __import__(module)
    function: Callable[..., Any] = getattr(sys.modules[module], name)

    def interrupted(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return function(*given, **named)

    patch.setattr(sys.modules[module], name, interrupted)
    try:
        run()
    except KeyboardInterrupt:
        return
    finally:
        patch.undo()


def contents(folder: Path) -> dict[str, bytes | str]:
    return {name.removeprefix(str(folder)): content for name, content in snapshot(folder).items()}


@pytest.mark.parametrize(("command", "step", "call"), CASES)
def test_an_interrupted_command_can_be_repeated(tmp_path: Path, command: str, step: str, call: int) -> None:
    release, run = write_tiny_release(tmp_path / "release", rows=3), COMMANDS[command]
    whole, again = tmp_path / "whole" / "out", tmp_path / "again" / "out"
    run(release, whole)
    interrupt(lambda: run(release, again), step, call)
    if not again.exists() or (again / MARK).exists():
        run(release, again)
    paths = str(whole).encode(), str(again).encode()  # an export names its images by their whole paths
    expected = {name: c.replace(*paths) if isinstance(c, bytes) else c for name, c in contents(whole).items()}
    assert contents(again) == expected
    assert not (again / MARK).exists()


@pytest.mark.parametrize(
    ("command", "error"),
    [("remove", BuildError), ("preview", ReleaseError), ("export", ExportError), ("paint", ConfigError)],
)
def test_what_no_such_command_left_there_is_not_touched(tmp_path: Path, command: str, error: type[CgcError]) -> None:
    release, folder = write_tiny_release(tmp_path / "release", rows=3), tmp_path / "out"
    folder.mkdir()
    (folder / "thesis.txt").write_text("do not touch")
    with pytest.raises(error):
        COMMANDS[command](release, folder)
    assert contents(folder) == {"/thesis.txt": b"do not touch"}


def sleeping(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@pytest.mark.parametrize("tasks", [[60.0, 60.0], [0.0, 60.0, 60.0, 0.0]])
def test_tasks_that_run_are_ended_when_nobody_waits_for_them(tasks: list[float]) -> None:
    results = Processes(2).run(sleeping, tasks)
    if not tasks[0]:
        assert next(results) == 0
    with pytest.raises(KeyboardInterrupt):
        _interrupted_soon(results)


def _interrupted_soon(results: Any) -> None:
    started = time.monotonic()
    Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        list(results)
    finally:
        assert time.monotonic() - started < 2.5


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tasks_of_ray_are_ended_when_nobody_waits_for_them(ray_alone: Any) -> None:
    ray_alone.init("local", num_cpus=2, log_to_driver=False, include_dashboard=False, object_store_memory=100 * 2**20)
    try:
        results = RayCluster().run(sleeping, [0.0, 60.0, 60.0])
        assert next(results) == 0
        with pytest.raises(KeyboardInterrupt):
            _interrupted_soon(results)
        assert list(RayCluster().run(sleeping, [0.0])) == [0]  # the machines are free again
    finally:
        ray_alone.shutdown()


RUN = """
import sys, time
from cgc_data.release import render
view = render.Renderer.view
def slow(*given):
    time.sleep(1)
    return view(*given)
render.Renderer.view = slow
from cgc_data.cli import main
main()
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_that_renders_ends_within_two_seconds_of_an_interruption(
    painted_config: BuildConfig, tmp_path: Path, workers: int
) -> None:
    (config := tmp_path / "config.yaml").write_text(yaml.safe_dump(painted_config.model_dump(mode="json")))
    command = ["build", str(config), "samples=20", "shard_rows=5", f"--out={tmp_path / 'out'}", f"--workers={workers}"]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *command], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("plan:"):
            break
    while not list(tmp_path.glob("out/.build/*.part")):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all processes
    started = time.monotonic()
    errors = [next(process.stderr), next(process.stderr)]  # the first ends the line with "^C" on it
    assert time.monotonic() - started < 2
    assert errors == ["\n", "cgc-data: interrupted; run the same command again to resume\n"]
    assert process.communicate(timeout=30) == (None, "")
    assert process.returncode == 130
