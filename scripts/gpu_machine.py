"""Runs the commands of `scripts/check_gpu.py` in separate processes with logs and time limits."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from cgc_train.check.stand_in import launch_words
from cgc_train.recipe import launch_path

ROOT = Path(__file__).resolve().parents[1]


# Run DeepSpeed without a GPU.
ON_CPU = {"DS_ACCELERATOR": "cpu", "ACCELERATE_TORCH_DEVICE": "cpu"}


class StageError(Exception):
    """A command in a stage failed. The message is the end of the command's output, and `facts` contains the
    measurements so far.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.facts: dict[str, Any] = {}


class TimeUpError(StageError):
    """A command reached its own time limit, or the time limit of the entire check.

    The message contains the end of the command's output.
    """


class Machine:
    """Runs the commands of the check, and manages their files and time limits."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.rehearse: bool = asked.rehearse
        self.work = Path(asked.work).absolute()
        self.weights = Path(asked.weights).absolute() if asked.weights else self.work / "weights"
        self.end = time.monotonic() + 60 * asked.minutes
        self.work.mkdir(parents=True, exist_ok=True)
        self.keep = self.work / "longest.txt"

    def settings(self, *over: str) -> list[str]:
        """Settings that every run uses. They disable vLLM, and select the rows with the longest prompts."""
        common = ["grpo.use_vllm=false", f"model.name={self.weights}", f"data.release={self.work / 'release'}"]
        common += [f"data.keep={self.keep}"] if self.keep.exists() else []
        cpu = ["accelerate=cpu", "model.dtype=float32", "model.quantize=null", "data.max_pixels=9216"]
        cpu += ["gpu_memory_gb=null"]
        return [*common, *(cpu if self.rehearse else []), *over]

    def launch(self, file: str) -> list[str]:
        """Python arguments that launch a script with accelerate in one process. `file` is the name of a launch file."""
        if self.rehearse:
            return launch_words(file, 1)
        words = ["-m", "accelerate.commands.launch", "--config_file", str(launch_path(file))]
        return [*words, "--num_machines", "1", "--num_processes", "1"]

    def start(self, name: str, *command: str, gpu: bool = True, **variables: str) -> "subprocess.Popen[bytes]":
        """Start a command with this interpreter and write its output to the log `name`."""
        variables |= {"HF_HUB_OFFLINE": "1"} | ({} if gpu else {"CUDA_VISIBLE_DEVICES": ""})
        variables |= ON_CPU if self.rehearse else {}
        path = os.pathsep.join([str(ROOT), str(ROOT / "cards"), os.environ.get("PYTHONPATH", "")])
        names = {
            "PYTHONPATH": path,
            "CGC_CACHE": str(self.work / "cache"),
            **variables,
        }
        with self.log(name).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, *command],
                stdout=log,
                stderr=log,
                env=os.environ | names,
                start_new_session=True,
                cwd=ROOT,
            )

    def wait(
        self, name: str, process: "subprocess.Popen[bytes]", seconds: float = 600, codes: Sequence[int] = (0,)
    ) -> str:
        """Wait for a command and return its output. Raises TimeUpError if the command takes too long, and StageError if
        its exit status is not in `codes`.
        """
        try:
            code = process.wait(max(1, min(seconds, self.end - time.monotonic())))
        except subprocess.TimeoutExpired:
            kill(process.pid)
            raise TimeUpError(f"{name}: stopped\n{self.output(name)[-3000:]}") from None
        if code not in codes:
            raise StageError(f"{name}: {code}\n{self.output(name)[-3000:]}")
        return self.output(name)

    def run(self, name: str, *command: str, gpu: bool = True, seconds: float = 600, codes: Sequence[int] = (0,)) -> str:
        """Start a command and wait for it."""
        return self.wait(name, self.start(name, *command, gpu=gpu), seconds, codes)

    def output(self, name: str) -> str:
        """Output of a command so far."""
        return self.log(name).read_text(encoding="utf-8", errors="replace")

    def log(self, name: str) -> Path:
        """Path of a command's log."""
        return self.work / f"{name}.log"


def kill(process: int) -> None:
    """Kill a process and everything that it started, including processes that launchers put into separate sessions."""
    parent = psutil.Process(process)
    for one in (parent, *parent.children(recursive=True)):
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue


def cgc(package: str, *arguments: str) -> list[str]:
    """Python arguments that run a package's command. The package must be in PYTHONPATH, but need not be installed."""
    return ["-c", f"from {package}.cli import main; main()", *arguments]
