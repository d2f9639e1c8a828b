"""Runs an external benchmark on checkpoints during training, and adds its results to the metrics.

The recipe's benchmark command runs in the background, on one checkpoint at a time. The command receives the checkpoint
as a merged model, in the format that `cgc-train merge` writes. If the command fails, a warning is printed and training
continues.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from transformers import TrainerCallback

from cgc_data.common.progress import say
from cgc_train.errors import RecipeError
from cgc_train.protocols import GrpoArguments, TrainerState
from cgc_train.recipe import Recipe

FOLDER = "benchmark"  # subfolder of a run
FIGURES = "figures.json"  # exists once the benchmark of a step is done
# Variables through which the processes in a launch find each other; a command that inherits them would join the launch.
LAUNCH = ("RANK", "WORLD_SIZE", "MASTER_", "LOCAL_", "GROUP_", "ROLE_", "ACCELERATE_", "TORCHELASTIC_", "FSDP_")
NOT_WEIGHTS = ("optimizer.pt", "scheduler.pt", "rng_state", "global_step", "pytorch_model_fsdp", "optimizer_")


@dataclass
class Started:
    """A benchmark command that is running."""

    step: int
    process: "subprocess.Popen[bytes]"
    since: float


class BenchmarkBeside(TrainerCallback):  # type: ignore[misc]
    """Every `benchmark.every` steps, runs `benchmark.command` on the checkpoint and adds the results to the metrics."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe, self.settings = folder, recipe, recipe.benchmark
        self.waiting: list[int] = []
        self.running: Started | None = None

    def on_train_begin(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """When a run resumes from a checkpoint, run the benchmark on this checkpoint if its results are missing."""
        if state.global_step and not (step_folder(self.folder, state.global_step) / FIGURES).is_file():
            self._take(state)

    def on_save(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Queue the benchmark of a new checkpoint."""
        self._take(state)

    def on_step_end(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Check whether the running command has ended. If it has, start the command for the next checkpoint."""
        if state.is_world_process_zero:
            self._look()

    def on_train_end(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Wait until the running benchmark and all queued benchmarks have ended."""
        if state.is_world_process_zero and self.running:
            say(f"waiting for the benchmark of step {self.running.step}")
        self.drain()

    def drain(self) -> None:
        """Wait until nothing is running or queued."""
        while self.running or self.waiting:
            self._look()
            if self.running:
                self._wait(self.running)

    def close(self) -> None:
        """Kill the running benchmark command. The benchmark is repeated when the run is resumed."""
        if self.running:
            os.killpg(self.running.process.pid, signal.SIGKILL)
            self.running.process.wait()
            self.running = None

    def _take(self, state: TrainerState) -> None:
        every, step = self.settings.every, state.global_step
        if self.settings.command and state.is_world_process_zero and step % every == 0:
            keep_checkpoint(self.folder, step)
            self.waiting.append(step)
            self._look()

    def _look(self) -> None:
        if self.running and self._ended(self.running):
            self.running = None
        if self.running is None and self.waiting:
            self.running = self._start(self.waiting.pop(0))

    def _start(self, step: int) -> Started:
        folder = step_folder(self.folder, step)
        script = commands(folder, step, self.recipe)
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-c", script],
                env=alone(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Started(step, process, time.monotonic())

    def _wait(self, started: Started) -> None:
        left = self.settings.minutes * 60 - (time.monotonic() - started.since)
        try:
            started.process.wait(max(left, 0.0))
        except subprocess.TimeoutExpired:
            return

    def _ended(self, started: Started) -> bool:
        status, seconds = started.process.poll(), time.monotonic() - started.since
        if status is None:
            if seconds < self.settings.minutes * 60:
                return False
            os.killpg(started.process.pid, signal.SIGKILL)
            started.process.wait()
            self._warn(started.step, f"exceeded benchmark.minutes={self.settings.minutes:g}")
        elif status:
            self._warn(started.step, f"exited with status {status}")
        else:
            self._report(started.step, seconds)
        shutil.rmtree(step_folder(self.folder, started.step) / "model", ignore_errors=True)
        shutil.rmtree(step_folder(self.folder, started.step) / "run", ignore_errors=True)
        return True

    def _report(self, step: int, seconds: float) -> None:
        folder = step_folder(self.folder, step)
        found = figures(folder / "out")
        if not found:
            self._warn(step, "wrote no JSON results to {out}")
            return
        (folder / FIGURES).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        line = {"step": step, "kind": "benchmark", **found, "benchmark/seconds": round(seconds, 1)}
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        shown = ", ".join(f"{name.removeprefix('benchmark/')} {value:.2f}" for name, value in list(found.items())[:6])
        say(f"benchmark of step {step}: {shown}")

    def _warn(self, step: int, what: str) -> None:
        log = step_folder(self.folder, step) / "log.txt"
        say(f"warning: the benchmark of step {step} {what}, so this step has no results; see {log}")


def check_benchmark(recipe: Recipe, arguments: GrpoArguments) -> None:
    """Raise RecipeError unless the run saves a checkpoint at every benchmark step."""
    every = recipe.benchmark.every
    if recipe.benchmark.command and (arguments.save_strategy != "steps" or every % arguments.save_steps):
        raise RecipeError(
            f"benchmark.every={every}: the benchmark needs a checkpoint every {every} steps; set benchmark.every "
            f"to a multiple of grpo.save_steps={arguments.save_steps:g}, and set grpo.save_strategy=steps"
        )


def step_folder(run: Path, step: int) -> Path:
    """The folder that contains the log, the output, and the results of a step's benchmark."""
    return run / FOLDER / f"step-{step:06d}"


def keep_checkpoint(run: Path, step: int) -> None:
    """Hard-link the checkpoint's model files into another folder, so that the trainer can delete the checkpoint while
    the benchmark runs.
    """
    folder = step_folder(run, step)
    shutil.rmtree(folder, ignore_errors=True)
    kept = folder / "run" / f"checkpoint-{step}"
    kept.mkdir(parents=True)
    (folder / "out").mkdir()
    shutil.copy(run / "recipe.yaml", kept.parent)
    for file in sorted((run / kept.name).iterdir()):
        if file.is_file() and not file.name.startswith(NOT_WEIGHTS):
            try:
                os.link(file, kept / file.name)
            except OSError:  # a file system that does not support links
                shutil.copy(file, kept)


def commands(folder: Path, step: int, recipe: Recipe) -> str:
    """A script that merges the checkpoint of a training step, and then runs the recipe's benchmark command on it."""
    model, out = folder.resolve() / "model", folder.resolve() / "out"
    command = recipe.benchmark.command or ""
    for place, path in {"{model}": model, "{out}": out}.items():
        command = command.replace(place, shlex.quote(str(path)))
    return f"set -e\n{merge_command(folder.resolve() / 'run', step, model, recipe.model.dtype)}\n{command}\n"


def merge_command(run: Path, step: int, model: Path, dtype: str) -> str:
    """A command that converts a checkpoint to a merged model, which stock transformers can load."""
    words = [sys.executable, "-m", "cgc_train", "merge", run, "--checkpoint", step, "--to", model, "--dtype", dtype]
    return shlex.join(map(str, words))


def alone(environment: Mapping[str, str]) -> dict[str, str]:
    """A copy of the environment variables, without those that a launcher sets."""
    return {name: value for name, value in environment.items() if not name.startswith(LAUNCH)}


def figures(folder: Path) -> dict[str, float]:
    """Read results from the JSON files in a folder. The keys have the form `benchmark/NAME/METRIC`.

    For a file that `cgc-bench score --json` wrote, the values are the means over all tasks, and NAME is the name of the
    benchmark. For any other file, the values are the numbers at the top level, and NAME is the file name without its
    extension.
    """
    found: dict[str, float] = {}
    for file in sorted(folder.glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            found |= _numbers(file.stem, content)
    return found


def _numbers(stem: str, content: Mapping[str, object]) -> dict[str, float]:
    macro, task = content.get("macro"), content.get("task")
    name, values = (task, macro) if isinstance(macro, dict) and isinstance(task, str) else (stem, content)
    return {
        f"benchmark/{name}/{metric}": float(value)
        for metric, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
