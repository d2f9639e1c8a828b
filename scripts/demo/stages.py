"""Stages of the demo. The stages are commands that run one after another. Each stage prints one line. Finished stages
are skipped.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

DONE, LOGS = ".done", "logs"


class StageError(Exception):
    """A stage failed. The message names the stage, its last line of output, and its log."""


@dataclass(frozen=True)
class Stage:
    """A command of the demo.

    Attributes:
        name: name of the stage's log, and of the marker file that is written when the stage is done.
        title: shown while it runs.
        command: the command, run in the working directory.
        makes: file or folder that the command writes, relative to the demo's folder. The stage removes the old file or
            folder before it runs the command.
        resumes: function that returns a command to resume an interrupted attempt, or None if the attempt cannot be
            resumed.
    """

    name: str
    title: str
    command: Sequence[str]
    makes: str
    resumes: Callable[[Path], Sequence[str] | None] = lambda _: None


def run_stages(stages: Sequence[Stage], folder: Path) -> None:
    """Run the stages that are not done yet. If one stage runs again, all later stages run again too. Raises StageError
    if a stage fails.
    """
    (folder / DONE).mkdir(parents=True, exist_ok=True)
    (folder / LOGS).mkdir(exist_ok=True)
    console, fresh = Console(stderr=True), False
    for number, stage in enumerate(stages, 1):
        label = f"{number:>2}/{len(stages)}  {stage.title:<58}"
        mark = folder / DONE / stage.name
        if not fresh and mark.is_file() and mark.read_text() == _signature(stage) and (folder / stage.makes).exists():
            _print(console, f"{label} done before")
            continue
        started = time.monotonic()
        with _spinner(console, label):
            _run(stage, folder, again=fresh)
        mark.write_text(_signature(stage))
        _print(console, f"{label} {time.monotonic() - started:5.1f} s")
        fresh = True


def _run(stage: Stage, folder: Path, *, again: bool) -> None:
    target, log = folder / stage.makes, folder / LOGS / f"{stage.name}.log"
    command = None if again else stage.resumes(target)
    if command is None:
        _remove(target)
        command = stage.command
    with log.open("w") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        lines = log.read_text(errors="replace").strip().splitlines() or ["no output"]
        raise StageError(f"{stage.title}: {lines[-1]} (log: {os.path.relpath(log)})")


def _signature(stage: Stage) -> str:
    return "\n".join(stage.command)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _spinner(console: Console, label: str) -> Iterator[None]:
    if not console.is_terminal:
        yield
        return
    with console.status(label):
        yield


def _print(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False)
    sys.stderr.flush()
