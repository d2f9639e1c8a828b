"""The check that takes a step: a tiny stand-in of the model, under the recipe's launch file, on the CPU."""

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from cgc_train.check.context import Context, Finding, Unchecked, failed, ok
from cgc_train.check.stand_in import launch_words, stand_in
from cgc_train.engines import install
from cgc_train.recipe import Recipe, save_recipe
from cgc_train.tiny import write_tiny

PROCESSES = 2  # as many as it takes to share anything
ERROR = re.compile(r"^(?:\[rank\d+\]: *)?(?:[\w.]+(?:Error|Exception)\b.*|Error: .*)$", re.MULTILINE)
LONGEST = 300  # characters of an error that are told


def check_step(context: Context) -> Finding:
    """Evaluation, a step, a checkpoint and a model, by the recipe but for its size."""
    recipe, seconds = context.recipe, context.step_seconds
    if recipe.accelerate == "cpu":
        return ok("no GPU to save: the run itself is the trial")
    told = f"one step of a tiny model under {recipe.accelerate}"
    if not seconds:
        raise Unchecked(f"{told}: left out")
    if recipe.sharing in ("zero2", "zero3") and find_spec("deepspeed") is None:
        raise Unchecked(f"{told}: deepspeed is not installed; run: {install('deepspeed')}")
    processes = min(recipe.gpus, PROCESSES)
    with TemporaryDirectory(prefix="cgc-step-") as folder:
        error = take_step(recipe, processes, Path(folder), seconds, context.model_config.model_type)
    told += f", {processes} process{'es' * (processes > 1)}"
    if error:
        return failed(f"{told}: {error}", "correct the recipe, or name another launch file with accelerate")
    beside = "; vLLM was left out" if recipe.grpo.get("use_vllm") else ""
    return ok(f"{told}: held-out answers, a step, a checkpoint and a model were written{beside}")


def take_step(recipe: Recipe, processes: int, folder: Path, seconds: float, family: str) -> str:
    """Take the step in processes of its own; its error, or nothing. Raises Unchecked where it is not done in time."""
    model = write_tiny(folder / "tiny", family=family)
    save_recipe(stand_in(recipe, model), folder / "recipe.yaml")
    words = [*launch_words(recipe.accelerate, processes), "-m", "cgc_train.check.stand_in"]
    own = {"OMP_NUM_THREADS": "1", "CGC_CACHE": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": ""}
    own |= {"DS_ACCELERATOR": "cpu", "ACCELERATE_TORCH_DEVICE": "cpu", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            [sys.executable, *words, str(folder / "recipe.yaml"), str(folder / "run")],
            env=os.environ | own, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Unchecked(f"one step of a tiny model: not done in {seconds:g} s; --step-seconds gives more") from None
        finally:
            _end(process)
    output = (folder / "log").read_text(encoding="utf-8", errors="replace")
    return first_error(output) if code else ""


def first_error(output: str) -> str:
    """The first error that processes of a launch told of; the launcher tells of its own afterward."""
    found = ERROR.search(output)
    line = found.group() if found else output.strip().rpartition("\n")[2]
    return re.sub(r"^\[rank\d+\]: *", "", line)[:LONGEST]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a launch with all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
