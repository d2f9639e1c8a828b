"""Where an engine runs: its interpreter, its folder, the release and models it is given, and its commands."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".engines"
COLOR = re.compile(r"\x1b\[[0-9;]*m")
LAST = 6000  # characters of output that an error keeps
QUIET = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


class StageError(Exception):
    """A command failed: the command as one would type it, and the end of what it wrote."""

    def __init__(self, command: str, error: str) -> None:
        super().__init__(f"{command}\n{error}")
        self.command, self.error = command, error


@dataclass(frozen=True)
class Material:
    """What every engine is given; `scripts.engines.material` makes it.

    Attributes:
        release: a small release of the embedded sample.
        tiny: a random model, as `cgc-train tiny` writes it.
        warm: the same after a warm-up, so that some of its answers are paid.
    """

    release: Path
    tiny: Path
    warm: Path


@dataclass(frozen=True)
class Workplace:
    """Runs commands of an engine.

    Attributes:
        python: interpreter of the engine's environment.
        folder: for runs; empty at the start.
        material: what there is to train on.
        variables: of the environment, for every command.
    """

    python: Path
    folder: Path
    material: Material
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, seconds: float = 900, variables: Mapping[str, str] | None = None) -> str:
        """What the engine's interpreter writes, given arguments. Raises StageError."""
        return run([str(self.python), *arguments], seconds, {**self.variables, **(variables or {})})

    def train(self, *arguments: str, seconds: float = 900) -> str:
        """What a command of `cgc-train` writes. Raises StageError."""
        return self.run("-m", "cgc_train", *arguments, seconds=seconds)


def run(command: Sequence[str], seconds: float, variables: Mapping[str, str] | None = None) -> str:
    """Standard output of a command that finds the packages of this checkout. Raises StageError.

    A command that takes longer is ended, with all that it started.
    """
    process = subprocess.Popen(
        command, cwd=ROOT, env=surroundings(variables or {}), text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        output, error = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, error = process.communicate()
        raise StageError(as_typed(command), f"ended after {seconds:.0f} s\n{shown((output + error)[-LAST:])}") from None
    if process.returncode:
        raise StageError(as_typed(command), shown((output + error)[-LAST:]))
    return output


@contextmanager
def started(command: Sequence[str], log: Path, variables: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Inside, a command runs as by `run` and writes to a log; in the end it is killed, with all that it started."""
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=surroundings(variables), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def broken(command: Sequence[str], log: Path) -> StageError:
    """What tells that a command that `started` ran did not do what it was to do."""
    return StageError(as_typed(command), shown(log.read_text(encoding="utf-8", errors="replace")[-LAST:]))


def surroundings(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command that finds the packages of this checkout."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "cards")])
    return {**os.environ, "PYTHONPATH": path, "CGC_CACHE": str(HOME / "cache"), **QUIET, **variables}


def shown(text: str) -> str:
    """What a command wrote, without colors, and without folders of this machine that say nothing."""
    return COLOR.sub("", text).replace(f"{ROOT}/", "").replace(sys.prefix, ".venv")


def as_typed(command: Sequence[str]) -> str:
    """A command as one would type it in the checkout."""
    return shlex.join(command).replace(f"{ROOT}/", "")
