"""A run from start to end on the tiny model: what it writes, how it resumes, and what it refuses."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText
from trl import GRPOTrainer

from cgc_data.common.errors import MissingExtraError
from cgc_train.errors import ModelError, RunError
from cgc_train.grpo import resume, run_grpo
from cgc_train.recipe import launch_path
from cgc_train.run import check_same, create_run, held_out_path, open_run
from cgc_train.trainer import GroundingTrainer
from tests.cgc_train.conftest import made_recipe

ROOT = Path(__file__).parents[2]
TRAIN = "from cgc_train.cli import main; main()"


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()


def command(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    variables = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"} | environment
    return subprocess.Popen([sys.executable, "-c", TRAIN, *arguments], env=variables, stderr=subprocess.PIPE)


def test_a_run_leaves_what_others_read(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = run_grpo(made_recipe(run_values), tmp_path / "run")
    assert run.finished
    assert open_run(run.folder).recipe == run.recipe
    kinds = {line["kind"] for line in run.metrics()}
    assert kinds == {"train", "eval", "held_out"}
    trained = [line for line in run.metrics() if "rewards/miou_reward/mean" in line and line["kind"] == "train"]
    assert all("rewards/format_reward/mean" in line for line in trained)
    assert run.held_out_steps() == [0, 2]
    answered = [row["id"] for row in run.held_out(2)]
    assert len(answered) == len(set(answered)) >= 4, "each held-out row once"
    assert run.completion_steps()
    rows = run.completions(run.completion_steps()[-1])
    assert not {row["id"] for row in rows} & set(answered), "completions are of training alone"
    assert [path.name for path in run.checkpoints()] == ["checkpoint-1", "checkpoint-2"]
    environment = (run.folder / "environment.json").read_text()
    assert str(tmp_path) not in environment
    assert json.loads(environment)["versions"]["trl"]


def test_held_out_rows_are_answered_within_training_and_not_again_when_resumed(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before training there is no engine: DeepSpeed would set up one that only evaluates."""
    evaluated = []

    def evaluate(self: GroundingTrainer, *given: Any, **named: Any) -> Any:
        evaluated.append((self.state.global_step, self.is_in_train and bool(self.accelerator._optimizers)))
        return GRPOTrainer.evaluate(self, *given, **named)

    monkeypatch.setattr(GroundingTrainer, "evaluate", evaluate)
    run = run_grpo(made_recipe(run_values), tmp_path / "run")
    assert evaluated == [(0, True), (2, True)]
    logged = [(line["step"], line["kind"]) for line in run.metrics()]
    assert logged[:3] == [(0, "eval"), (0, "held_out"), (1, "train")]
    assert [step for step, _ in logged] == sorted(step for step, _ in logged)
    before, final = held_out_path(run.folder, 0).stat(), weights(run.folder)
    for newer in ("checkpoint-2", "model"):
        shutil.rmtree(run.folder / newer)
    evaluated.clear()
    resume(run)
    assert evaluated == [(2, True)]
    assert held_out_path(run.folder, 0).stat() == before
    assert [(line["step"], line["kind"]) for line in run.metrics()] == logged, "steps are logged once"
    assert weights(run.folder) == final


@pytest.mark.parametrize("engine", ["zero2", "zero3"])
def test_deepspeed_trains_resumes_and_leaves_weights_that_anything_loads(
    run_values: dict[str, Any], tiny: Path, tmp_path: Path, engine: str
) -> None:
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed; `make engines` checks more")
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(run_values | {"accelerate": engine}))
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(launch_path(engine))]
    launch += ["--num_processes", "1", "--mixed_precision", "no", "-m", "cgc_train"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "DS_ACCELERATOR": "cpu"}
    target = tmp_path / "run"
    for words in (["grpo", str(path), "--to", str(target)], ["resume", str(target)]):
        subprocess.run([*launch, *words], env=environment, cwd=ROOT, check=True, capture_output=True, timeout=240)
        run = open_run(target)
        assert run.held_out_steps() == [0, 2]
        names = load_file(run.model_folder / "model.safetensors").keys()
        assert names - {"lm_head.weight"} == load_file(tiny / "model.safetensors").keys(), "the tied head may be there"
        AutoModelForImageTextToText.from_pretrained(run.model_folder)
        for newer in ("checkpoint-2", "model"):
            shutil.rmtree(run.folder / newer)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(run_values: dict[str, Any], tmp_path: Path) -> None:
    """Also past the first epoch, where the order of rows is drawn again."""
    values = run_values | {"data": run_values["data"] | {"limit": 4, "held_out_every": 0}}
    values["grpo"] = values["grpo"] | {"max_steps": 6}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(values))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = command("grpo", str(path), "--to", str(whole))
    assert process.wait() == 0, process.stderr.read().decode()[-2000:] if process.stderr else ""
    process = command("grpo", str(path), "--to", str(broken))
    while not (broken / "checkpoint-4" / "trainer_state.json").is_file():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if not open_run(broken).finished:
        assert command("resume", str(broken)).wait() == 0
    assert max(line["epoch"] for line in open_run(whole).metrics() if "epoch" in line) > 1
    assert weights(broken) == weights(whole)


@pytest.mark.parametrize("loss_type", ["dapo", "grpo"])
def test_two_processes_give_the_losses_of_one(run_values: dict[str, Any], tmp_path: Path, loss_type: str) -> None:
    """The same global batch; completions are replayed, since sampling is seeded per process."""
    runs = []
    for processes in (1, 2):
        shared = {"per_device_train_batch_size": 8 // processes, "max_steps": 3, "loss_type": loss_type}
        values = run_values | {"grpo": run_values["grpo"] | shared | {"max_completion_length": 48}}
        path = tmp_path / f"{processes}.yaml"
        path.write_text(yaml.safe_dump(values | {"data": values["data"] | {"held_out_every": 0}}))
        launch = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--standalone"]
        target = tmp_path / f"run-{processes}"
        environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        subprocess.run(
            [*launch, "-m", "tests.cgc_train.replayed", str(path), str(target)],
            env=environment, cwd=ROOT, check=True, capture_output=True, timeout=240,
        )  # fmt: skip
        runs.append([line for line in open_run(target).metrics() if "loss" in line])
    one, two = runs
    assert len(one) == 3
    for name in ("loss", "grad_norm", "reward", "completions/mean_length"):
        assert [line[name] for line in one] == pytest.approx([line[name] for line in two], rel=1e-3, abs=1e-6), name
    assert all(line["grad_norm"] > 0.01 for line in one), "nothing was learned, so nothing was compared"


def test_a_resumed_run_keeps_the_type_of_its_adapters(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over weights in four bits TRL trains adapters in bfloat16, and peft loads them in float32."""
    seen: list[set[torch.dtype]] = []

    def load(self: GRPOTrainer, *_: Any) -> None:
        for parameter in self.model.parameters():
            parameter.data = parameter.data.to(torch.float32)

    def train(self: GroundingTrainer, resume_from_checkpoint: str | None = None) -> None:
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        for parameter in trained:
            parameter.data = parameter.data.to(torch.bfloat16)
        self._load_from_checkpoint(resume_from_checkpoint)
        seen.append({parameter.dtype for parameter in trained})

    lora = {"lora": {"rank": 4, "alpha": 8}}
    run = run_grpo(made_recipe(run_values, model=lora, data={"held_out_every": 0}), tmp_path / "run")
    shutil.rmtree(run.model_folder)
    monkeypatch.setattr(GRPOTrainer, "_load_from_checkpoint", load)
    monkeypatch.setattr(GroundingTrainer, "train", train)
    resume(run)
    assert seen == [{torch.bfloat16}]


def test_adapters_train_and_the_base_stays(run_values: dict[str, Any], tmp_path: Path) -> None:
    lora = {"lora": {"rank": 4, "alpha": 8}}
    run = run_grpo(made_recipe(run_values, model=lora, data={"held_out_every": 0}), tmp_path / "run")
    assert (run.model_folder / "adapter_config.json").is_file()
    targets = json.loads((run.model_folder / "adapter_config.json").read_text())["target_modules"]
    assert "visual" not in targets


@pytest.mark.parametrize(
    "settings",
    [
        {"loss_type": "grpo"},
        {"loss_type": "dr_grpo"},
        {"loss_type": "cispo"},
        {"loss_type": "grpo", "importance_sampling_level": "sequence"},
        {"beta": 0.01},
    ],
    ids=str,
)
def test_loss_variants_take_a_step(settings: dict[str, Any], run_values: dict[str, Any], tmp_path: Path) -> None:
    data = {"held_out_every": 0}
    run = run_grpo(made_recipe(run_values, grpo={**settings, "max_steps": 1}, data=data), tmp_path / "run")
    assert run.finished


def test_without_thinking_no_trace_is_asked_for(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = run_grpo(made_recipe(run_values, prompt={"think": False}, data={"held_out_every": 0}), tmp_path / "run")
    prompt = str(run.completions(run.completion_steps()[0])[0]["prompt"])
    assert "<think>" not in prompt
    assert "<answer>" in prompt


def test_a_taken_folder_is_left_alone(run_values: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="is not empty"):
        run_grpo(made_recipe(run_values), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_a_wrong_model_leaves_no_folder(run_values: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"empty: no config\.json"):
        run_grpo(made_recipe(run_values, model={"name": str(tmp_path / "empty")}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_missing_tracker_is_said_at_once(run_values: dict[str, Any], tmp_path: Path) -> None:
    from importlib.util import find_spec

    absent = next((name for name in ("trackio", "tensorboard", "wandb") if find_spec(name) is None), None)
    if absent is None:
        pytest.skip("every tracker is installed")
    with pytest.raises(MissingExtraError, match=absent):
        run_grpo(made_recipe(run_values, grpo={"report_to": absent}), tmp_path / "run")


def test_what_cannot_be_gone_on_from_is_refused(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    with pytest.raises(RunError, match="no checkpoint yet"):
        resume(run)
    with pytest.raises(RunError, match=r"no recipe\.yaml"):
        open_run(tmp_path)
    with pytest.raises(RunError, match=r"differs in grpo\.learning_rate, model\.dtype"):
        check_same(run, made_recipe(run_values, grpo={"learning_rate": 1}, model={"dtype": "bfloat16"}))
    check_same(run, made_recipe(run_values, grpo={"max_steps": 99}))


def test_a_resumed_run_takes_back_what_was_logged_after_its_checkpoint(
    run_values: dict[str, Any], tmp_path: Path
) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    lines = [{"step": step, "kind": "train", "loss": step / 4} for step in (0, 1, 2, 3)]
    (run.folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"step": 4, "ki')
    (run.folder / "checkpoint-2").mkdir()
    (run.folder / "checkpoint-2" / "trainer_state.json").write_text('{"global_step": 2}')
    run.rewind(run.checkpoints()[-1])
    assert (run.folder / "metrics.jsonl").read_text() == "".join(f"{json.dumps(line)}\n" for line in lines[:3])


def test_metrics_cut_short_are_read(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    (run.folder / "metrics.jsonl").write_text('{"step": 1, "kind": "train", "loss": 0.5}\n{"step": 2, "ki')
    assert run.metrics() == [{"step": 1, "kind": "train", "loss": 0.5}]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk does to a process: no file can grow beyond this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of file sizes")
def test_a_disk_that_fills_up_while_a_checkpoint_is_saved_loses_nothing(
    run_values: dict[str, Any], tmp_path: Path
) -> None:
    run = run_grpo(made_recipe(run_values), tmp_path / "run")
    expected = weights(run.folder)
    for name in ("checkpoint-2", "model"):
        shutil.rmtree(run.folder / name)
    with files_of_at_most(100_000), pytest.raises(RunError, match="the disk is full; free some space and run `cgc-tr"):
        resume(run)
    assert [path.name for path in run.checkpoints()] == ["checkpoint-1"]
    assert weights(resume(run).folder) == expected


def test_a_checkpoint_whose_state_is_cut_short_is_passed_over(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    for step, state in ((1, '{"global_step": 1}'), (2, '{"global_st'), (3, "[]")):
        (run.folder / f"checkpoint-{step}").mkdir()
        (run.folder / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert [path.name for path in run.checkpoints()] == ["checkpoint-1"]
    with pytest.raises(RunError, match="no complete checkpoint"):
        resume(run, run.folder / "checkpoint-2")
