"""A benchmark during training: a real command on real checkpoints; the run continues, even if the command fails."""

import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

pytest.importorskip("trl")

from cgc_train.beside import BenchmarkBeside, alone, figures, keep_checkpoint, step_folder
from cgc_train.errors import RecipeError
from cgc_train.grpo import resume, run_grpo
from cgc_train.recipe import BenchmarkSettings
from cgc_train.run import Run, create_run
from cgc_train.view.curves import draw_curves
from tests.cgc_train.conftest import made_recipe

# Loads what it is given as any benchmark would, and reports how many weights there are and in which type.
SCRIPT = """
import json, os, sys
from pathlib import Path
from safetensors import safe_open
assert "RANK" not in os.environ and not [name for name in os.environ if name.startswith("ACCELERATE_")]
model, out = map(Path, sys.argv[1:])
with safe_open(model / "model.safetensors", framework="pt") as weights:
    count = sum(weights.get_tensor(name).numel() for name in weights.keys())
assert (model / "preprocessor_config.json").is_file() or (model / "processor_config.json").is_file()
summary = {"task": "cgc_toy", "protocol": "strict", "macro": {"acc@0.5": 12.5, "missing": None}, "tasks": {}}
(out / "score.json").write_text(json.dumps(summary))
(out / "own.json").write_text(json.dumps({"weights": count, "name": "toy", "done": True}))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "bench mark.py"
    path.write_text(SCRIPT)
    return path


def trained(run_values: dict[str, Any], folder: Path, command: str, **benchmark: Any) -> Run:
    settings = {"command": command, "every": 2, **benchmark}
    values = {**run_values, "benchmark": settings}
    return run_grpo(made_recipe(values, data={"held_out_every": 0}, grpo={"max_steps": 4}), folder)


def lines(run: Run) -> list[dict[str, Any]]:
    return [dict(line) for line in run.metrics() if line["kind"] == "benchmark"]


def test_figures_stand_in_the_metrics_and_on_the_page(
    run_values: dict[str, Any], script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of adapters too, which a benchmark could not load; and again for a checkpoint that was resumed from."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    values = {**run_values, "model": {**run_values["model"], "lora": {"rank": 4, "alpha": 8}}}
    values["grpo"] = {**values["grpo"], "save_total_limit": 1}
    run = trained(values, tmp_path / "run", f"{sys.executable} '{script}' {{model}} {{out}}")
    found = lines(run)
    assert [line["step"] for line in found] == [2, 4]
    assert found[0]["benchmark/cgc_toy/acc@0.5"] == 12.5
    assert found[0]["benchmark/own/weights"] > 100_000
    assert found[0]["benchmark/seconds"] > 0
    assert not (step_folder(run.folder, 2) / "model").exists(), "the copy of the weights is not kept"
    assert "own/weights" in "".join(draw_curves(run.metrics())["Benchmark during training"])
    shutil.rmtree(run.model_folder)
    shutil.rmtree(step_folder(run.folder, 4))
    assert [line["step"] for line in lines(resume(run))] == [2, 4, 4]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo {model} {out}; exit 3", "exited with status 3"),
        ("echo {model} {out}", "wrote no JSON results to {out}"),
        ("no-such-command {model} {out}", "exited with status 127"),
        ("echo '[1, 2' > {out}/broken.json # {model}", "wrote no JSON results"),
    ],
)
def test_a_command_that_fails_is_a_warning(
    command: str,
    said: str,
    run_values: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    beside = started(run_values, tmp_path, monkeypatch, command)
    beside.drain()
    assert said in capsys.readouterr().err
    assert lines(Run(tmp_path / "run", beside.recipe)) == []


def test_a_command_that_hangs_is_ended(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = started(run_values, tmp_path, monkeypatch, "sleep 600 # {model} {out}", minutes=0.001)
    assert beside.running
    process = beside.running.process
    beside.drain()
    assert "exceeded benchmark.minutes=0.001" in capsys.readouterr().err
    assert process.returncode == -9


def started(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, **benchmark: Any
) -> BenchmarkBeside:
    """A benchmark that has begun on an empty checkpoint, which nothing merges: how its command ends is in question."""
    monkeypatch.setattr("cgc_train.beside.merge_command", lambda *_: "true")
    recipe = made_recipe({**run_values, "benchmark": {"command": command, "every": 1, **benchmark}})
    run = create_run(tmp_path / "run", recipe)
    (run.folder / "checkpoint-1").mkdir()
    beside = BenchmarkBeside(run.folder, recipe)
    beside.on_save(None, SimpleNamespace(global_step=1, is_world_process_zero=True), None)
    return beside


@pytest.mark.parametrize(
    "settings",
    [
        {"command": "run {model} {out}"},
        {"every": 5},
        {"command": "run {out}", "every": 5},
        {"command": "run {model}", "every": 5},
    ],
)
def test_settings_that_belong_together(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"set both command and every, or neither|must contain"):
        BenchmarkSettings(**settings)


def test_a_benchmark_needs_checkpoints(run_values: dict[str, Any], tmp_path: Path) -> None:
    values = {**run_values, "grpo": {**run_values["grpo"], "save_steps": 2}}
    with pytest.raises(RecipeError, match=r"set benchmark\.every to a multiple of grpo\.save_steps=2"):
        trained(values, tmp_path / "run", "{model} {out}", every=3)
    assert not (tmp_path / "run").exists()


def test_links_to_a_checkpoint_outlive_it(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    checkpoint = run.folder / "checkpoint-7"
    checkpoint.mkdir()
    for name in ("model.safetensors", "trainer_state.json", "optimizer.pt", "rng_state.pth"):
        (checkpoint / name).write_text(name)
    keep_checkpoint(run.folder, 7)
    shutil.rmtree(checkpoint)
    kept = step_folder(run.folder, 7) / "run" / "checkpoint-7"
    assert sorted(file.name for file in kept.iterdir()) == ["model.safetensors", "trainer_state.json"]
    assert (kept / "model.safetensors").read_text() == "model.safetensors"


def test_a_command_belongs_to_no_launch() -> None:
    launch = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "here", "LOCAL_RANK": "1", "ACCELERATE_USE_CPU": "true"}
    assert alone({**launch, "PATH": "/bin", "CUDA_VISIBLE_DEVICES": "7"}) == {
        "PATH": "/bin",
        "CUDA_VISIBLE_DEVICES": "7",
    }


def test_figures_are_numbers_alone(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"x": 1, "y": None, "z": "text", "w": True, "nested": {"q": 1}}))
    (tmp_path / "list.json").write_text("[1]")
    assert figures(tmp_path) == {"benchmark/a/x": 1.0}
    assert figures(tmp_path / "missing") == {}
    assert os.listdir(tmp_path)
