"""Where an engine runs: its interpreter, folder, release, models, and commands."""

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
LAST = 6000  # characters of output that an error includes
QUIET = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


class StageError(Exception):
    """A command failed. The message contains the command as you would type it, and the end of its output."""

    def __init__(self, command: str, error: str) -> None:
        super().__init__(f"{command}\n{error}")
        self.command, self.error = command, error


@dataclass(frozen=True)
class Material:
    """The release and models of all engines; `scripts.engines.material` makes them.

    Attributes:
        release: a small release, built from the embedded sample.
        tiny: a random model, as `cgc-train tiny` writes it.
        warm: the tiny model after a warm-up, so that some of its answers earn a reward.
    """

    release: Path
    tiny: Path
    warm: Path


@dataclass(frozen=True)
class Workplace:
    """Runs commands of an engine.

    Attributes:
        python: interpreter of the engine's environment.
        folder: folder for runs, which is empty at first.
        material: release and models to train on.
        variables: environment variables of every command.
    """

    python: Path
    folder: Path
    material: Material
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, seconds: float = 900, variables: Mapping[str, str] | None = None) -> str:
        """Run the engine's Python interpreter with these arguments, and return its output. Raises StageError."""
        return run([str(self.python), *arguments], seconds, {**self.variables, **(variables or {})})

    def train(self, *arguments: str, seconds: float = 900) -> str:
        """Output of a `cgc-train` command. Raises StageError."""
        return self.run("-m", "cgc_train", *arguments, seconds=seconds)


def run(command: Sequence[str], seconds: float, variables: Mapping[str, str] | None = None) -> str:
    """Run a command that can import the packages of this checkout, and return its standard output. Raises StageError.

    A command that exceeds the time limit is killed, with all its child processes.
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
        raise StageError(
            as_typed(command), f"killed after {seconds:.0f} s\n{shown((output + error)[-LAST:])}"
        ) from None
    if process.returncode:
        raise StageError(as_typed(command), shown((output + error)[-LAST:]))
    return output


@contextmanager
def started(command: Sequence[str], log: Path, variables: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command as `run` does, and write its output to a log. When the context ends, the command and its child
    processes are killed.
    """
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
    """An error for a failed command, with the end of its log."""
    return StageError(as_typed(command), shown(log.read_text(encoding="utf-8", errors="replace")[-LAST:]))


def surroundings(variables: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for a command that imports the packages of this checkout."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "cards")])
    return {**os.environ, "PYTHONPATH": path, "CGC_CACHE": str(HOME / "cache"), **QUIET, **variables}


def shown(text: str) -> str:
    """A command's output without colors. Paths of the checkout and of the Python environment are shortened."""
    return COLOR.sub("", text).replace(f"{ROOT}/", "").replace(sys.prefix, ".venv")


def as_typed(command: Sequence[str]) -> str:
    """A command as you would type it in the checkout."""
    return shlex.join(command).replace(f"{ROOT}/", "")
