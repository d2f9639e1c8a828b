"""The warm-up: what it learns from, that it learns, what it leaves behind, and how it stops."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import torch
import yaml
from click.testing import CliRunner
from trl.models import unwrap_model_for_generation
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from cgc_data.answer import read_answer
from cgc_train.cli import cli
from cgc_train.data import training_set
from cgc_train.errors import DivergedError, RecipeError, RunError, TrainingDataError
from cgc_train.grpo import resume
from cgc_train.model import load_processor, load_trained
from cgc_train.recipe import Recipe
from cgc_train.run import Run, create_run, open_run
from cgc_train.sft import run_sft
from cgc_train.skill import share
from cgc_train.tiny import write_tiny
from tests.cgc_train.made_rows import drawing, made_row, some_rows, write_release

Values = dict[str, Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny model in `tiny`, and in `release` rows of every task and many that are absent."""
    folder = tmp_path_factory.mktemp("sft")
    write_tiny(folder / "tiny")
    absent = [
        made_row("absent", photo=3 * n, count=2, size=(32, 32), split=split)
        for split in ("train", "validation")
        for n in range(12)
    ]
    write_release(folder / "release", [*some_rows(photo=500), *absent])
    return folder


@pytest.fixture(autouse=True)
def cache(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_CACHE", str(place / "cache"))


def values(place: Path, **sections: Values) -> Values:
    defaults: Values = {
        "model": {"name": str(place / "tiny"), "dtype": "float32"},
        "data": {"release": str(place / "release"), "max_pixels": 16384, "held_out_rows": 4, "held_out_every": 4},
        "sft": {
            "max_steps": 4,
            "per_device_train_batch_size": 4,
            "learning_rate": 2e-3,
            "logging_steps": 1,
            "lr_scheduler_type": "constant",
            "gradient_checkpointing": False,
            "disable_tqdm": True,
        },
        "grpo": {"max_completion_length": 24},
    }
    merged = {name: {**defaults.get(name, {}), **sections.get(name, {})} for name in {**defaults, **sections}}
    return {"name": "warm-up", "accelerate": "cpu", **merged}


def recipe(place: Path, **sections: Values) -> Recipe:
    return Recipe.model_validate(values(place, **sections))


def losses(run: Run) -> list[float]:
    return [line["loss"] for line in run.metrics() if "loss" in line]


def collated(place: Path, chosen: Recipe) -> tuple[Any, list[Values], Any]:
    """The processor, the rows of every task, and the collator that TRL takes for them."""
    processor = load_processor(chosen.model, chosen.data.max_pixels)
    rows = training_set(chosen, image_folder=place / "cache" / "images", completions=True).to_list()
    picked = [next(row for row in rows if row["task"] == task) for task in ("locate_all", "absent", "same_object")]
    return processor, picked, DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)


@pytest.mark.parametrize("think", [True, False])
def test_only_the_answer_is_learned_from_and_images_stay_whole(place: Path, think: bool) -> None:
    chosen = recipe(place, prompt={"think": think})
    processor, rows, collate = collated(place, chosen)
    batch = collate(copy.deepcopy(rows))
    image_token = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    pixels = batch["image_grid_thw"].prod(dim=1) // 4
    assert (batch["input_ids"] == image_token).sum() == pixels.sum(), "no image token was cut off"
    assert torch.equal(batch["mm_token_type_ids"] == 1, batch["input_ids"] == image_token), "aligned after padding"
    for row, ids, labels in zip(rows, batch["input_ids"], batch["labels"], strict=True):
        text = processor.tokenizer.decode(ids[labels != -100])
        expected = row["completion"][0]["content"][0]["text"]
        assert text.strip() == f"{expected}<|im_end|>"
        assert read_answer(expected, len(row["images"]), require_think=think).valid


def test_a_row_learns_the_same_alone_and_in_a_batch(place: Path) -> None:
    """Prompts are padded on the left, completions on the right, then all is moved: positions of images must follow."""
    _, rows, collate = collated(place, recipe(place))
    model = load_trained(place / "tiny")
    together = _log_likelihoods(model, collate(copy.deepcopy(rows)))
    alone = [_log_likelihoods(model, collate(copy.deepcopy([row])))[0] for row in rows]
    assert together == pytest.approx(alone, rel=1e-4)


def _log_likelihoods(model: Any, batch: Any) -> list[float]:
    labels = batch.pop("labels")[:, 1:]
    with torch.no_grad():
        scores = model(**batch).logits[:, :-1].log_softmax(-1)
    chosen = scores.gather(2, labels.clamp(min=0)[..., None])[..., 0]
    return [float(total) for total in (chosen * (labels != -100)).sum(1)]


def test_stops_at_a_stated_skill(place: Path, tmp_path: Path) -> None:
    sections = {"data": {"tasks": ["inter/absent"]}, "prompt": {"think": False}, "sft": {"max_steps": 200}}
    run = run_sft(recipe(place, **sections), tmp_path / "run", until=0.7)
    held_out = [line for line in run.metrics() if line["kind"] == "held_out"]
    assert held_out[0]["step"] == 0
    assert held_out[0]["miou"] < 0.7 <= held_out[-1]["miou"]
    assert held_out[-1]["step"] < 200, "it stopped by itself"
    assert all(line["miou"] < 0.7 for line in held_out[:-1])
    assert losses(run)[-1] < losses(run)[0] / 2
    answers = run.held_out(held_out[-1]["step"])
    assert sum(answer["response"] == "<answer>[]</answer>" for answer in answers) >= 0.7 * len(answers)


def test_held_out_rows_are_answered_by_what_training_has_prepared(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And in the mode that generates: without gradient checkpointing, and training again afterward."""
    seen = []

    def unwrapped(model: Any, accelerator: Any, **named: Any) -> Any:
        seen.append((model in accelerator._models, bool(accelerator._optimizers), model.training))
        return unwrap_model_for_generation(model, accelerator, **named)

    monkeypatch.setattr("cgc_train.skill.unwrap_model_for_generation", unwrapped)
    run = run_sft(recipe(place, sft={"gradient_checkpointing": True}), tmp_path / "run")
    assert seen == [(True, True, False)] * 2
    assert run.held_out_steps() == [0, 4]
    assert losses(run)[-1] != losses(run)[0]


@pytest.mark.parametrize(("count", "processes"), [(4, 1), (6, 2), (5, 2), (2, 3), (7, 8)])
def test_processes_share_rows_in_equal_parts_and_none_is_left_out(count: int, processes: int) -> None:
    parts = [share(count, process, processes) for process in range(processes)]
    assert {place for part in parts for place in part} == set(range(count))
    assert len({len(part) for part in parts}) == 1, "weights that are divided need every process in every pass"
    assert sum(map(len, parts)) < count + processes


def test_what_a_run_leaves(place: Path, tmp_path: Path) -> None:
    run = run_sft(recipe(place), tmp_path / "run")
    opened = open_run(tmp_path / "run")
    assert opened.recipe == run.recipe
    assert opened.finished
    assert not opened.checkpoints()
    assert opened.held_out_steps() == [0, 4]
    assert len(losses(opened)) == 4
    load_processor(recipe(place, model={"name": str(run.model_folder)}).model)
    before, after = (load_trained(folder).state_dict() for folder in (place / "tiny", run.model_folder))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not any("visual" in name for name in changed), "the vision tower is frozen"


def test_the_vision_tower_trains_where_it_is_asked_to(place: Path, tmp_path: Path) -> None:
    run = run_sft(recipe(place, model={"freeze_vision": False}, data={"held_out_every": 0}), tmp_path / "run")
    before, after = (load_trained(folder).state_dict() for folder in (place / "tiny", run.model_folder))
    assert any("visual" in name and not torch.equal(before[name], after[name]) for name in before)
    assert not run.held_out_steps()


def test_adapters_are_merged(place: Path, tmp_path: Path) -> None:
    run = run_sft(recipe(place, model={"lora": {"rank": 4, "alpha": 8}}), tmp_path / "run")
    before, after = (load_trained(folder).state_dict() for folder in (place / "tiny", run.model_folder))
    assert before.keys() == after.keys(), "a stock model, without adapters"
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("language_model" in name and "_proj" in name for name in changed)
    assert (run.folder / "adapter" / "adapter_model.safetensors").is_file()


def test_the_same_recipe_gives_the_same_losses_in_the_recipes_order(place: Path, tmp_path: Path) -> None:
    first, again = (run_sft(recipe(place), tmp_path / name) for name in ("first", "again"))
    other = run_sft(recipe(place, data={"seed": 1}), tmp_path / "other")
    assert losses(first) == losses(again)
    assert losses(first) != losses(other)


def test_a_loss_that_is_no_number_stops_it(place: Path, tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"the loss of step \d is nan; .*lower sft\.learning_rate"):
        run_sft(recipe(place, sft={"learning_rate": 1e30, "max_steps": 12}), tmp_path / "run")
    assert not open_run(tmp_path / "run").finished, "no broken weights were written"


def test_what_is_there_is_not_overwritten(place: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="is not empty"):
        run_sft(recipe(place), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_bad_input_leaves_no_folder(place: Path, tmp_path: Path) -> None:
    bad = made_row("locate", {1: [(1, 2, 30, 40)]})
    bad["images"][0]["bytes"] = drawing(1)[:-20]
    release = write_release(tmp_path / "release", [bad])
    with pytest.raises(TrainingDataError, match=bad["id"]):
        run_sft(recipe(place, data={"release": str(release)}), tmp_path / "run")
    with pytest.raises(RecipeError, match=r"set data\.held_out_every"):
        run_sft(recipe(place, data={"held_out_every": 0}), tmp_path / "run", until=0.5)
    assert not (tmp_path / "run").exists()


def test_command_line(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(values(place)))
    arguments = ["sft", str(file), "sft.max_steps=1", "data.held_out_every=0", "--to", str(tmp_path / "run")]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert f"model.name={tmp_path / 'run' / 'model'}" in result.output
    assert open_run(tmp_path / "run").recipe.sft["max_steps"] == 1


def test_a_batch_in_parts_gives_the_losses_of_the_whole(place: Path, tmp_path: Path) -> None:
    parts = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}
    whole, split = run_sft(recipe(place), tmp_path / "whole"), run_sft(recipe(place, sft=parts), tmp_path / "split")
    assert losses(whole) == pytest.approx(losses(split), rel=1e-4)


def test_a_warm_up_is_not_gone_on_with(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = create_run(folder, recipe(place), "sft")
    with pytest.raises(RunError, match="a warm-up, which cannot be resumed"):
        resume(run)
    assert run_sft(recipe(place, sft={"max_steps": 1}), tmp_path / "whole").kind == "sft"


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(place: Path, tmp_path: Path) -> None:
    one = run_sft(recipe(place), tmp_path / "one")
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump(values(place, sft={"per_device_train_batch_size": 2})))
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    command = [*launch, "-m", "cgc_train", "sft", str(file), "--to", str(tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CGC_CACHE": str(tmp_path / "cache")}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=240)
    two = open_run(tmp_path / "two")
    assert losses(one) == pytest.approx(losses(two), rel=1e-4)
    answers = [sorted(json.dumps(line) for line in run.held_out(0)) for run in (one, two)]
    assert answers[0] == answers[1], "each row was answered once, by one of them"
