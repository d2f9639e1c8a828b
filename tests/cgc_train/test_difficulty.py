"""Difficulty: a model answers each row a few times, and rows without any difference are marked as skipped."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import yaml
from click.testing import CliRunner

from cgc_train.cli import cli
from cgc_train.data import training_set
from cgc_train.difficulty import Measured, measure, verdict_shares
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import Recipe
from cgc_train.run import image_folder
from cgc_train.sft import run_sft
from cgc_train.tiny import write_tiny
from tests.cgc_train.made_rows import made_row, write_release

BOX = (100, 100, 400, 500)
SURE, UNSURE = 0.01, 0.7  # temperatures


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of `absent` and `locate` rows, and a model `warm` that has learned to answer []."""
    folder = tmp_path_factory.mktemp("difficulty")
    absent, locate = (
        [made_row(task, shown, photo=3 * n, count=2, size=(32, 32), split=split) for n in range(10)]
        for task, shown, split in (("absent", {}, "train"), ("locate", {1: [BOX]}, "train"))
    )
    held_out = [{**row, "split": "validation"} for row in absent]
    write_release(folder / "release", [*absent, *locate])
    write_release(folder / "lessons", [*absent, *held_out])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CGC_CACHE", str(folder / "cache"))
        warm = run_sft(
            _recipe(folder, release="lessons", model=write_tiny(folder / "tiny")), folder / "warm", until=0.9
        )
    assert warm.finished
    return folder


@pytest.fixture(autouse=True)
def cache(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_CACHE", str(place / "cache"))


def _values(place: Path, *, release: str = "release", model: Path | None = None, **grpo: Any) -> dict[str, Any]:
    training = {"max_steps": 150, "per_device_train_batch_size": 4, "learning_rate": 2e-3, "disable_tqdm": True}
    return {
        "name": "difficulty",
        "accelerate": "cpu",
        "model": {"name": str(model or place / "warm" / "model"), "dtype": "float32"},
        "data": {"release": str(place / release), "max_pixels": 16384, "held_out_rows": 8, "held_out_every": 5},
        "prompt": {"think": False},
        "sft": {**training, "lr_scheduler_type": "constant", "gradient_checkpointing": False},
        "grpo": {"num_generations": 4, "max_completion_length": 16, **grpo},
    }


def _recipe(place: Path, **given: Any) -> Recipe:
    return Recipe.model_validate(_values(place, **given))


def test_equal_groups_are_right_or_wrong_and_not_kept(place: Path, tmp_path: Path) -> None:
    measured = measure(_recipe(place, temperature=SURE), tmp_path / "rows.jsonl")
    shares = verdict_shares(measured)
    assert {task: entry["rows"] for task, entry in shares.items()} == {"absent": 10, "locate": 10, "all": 20}
    assert shares["absent"]["all right"] >= 0.8
    assert shares["locate"]["all wrong"] >= 0.8, "[] where there is an object"
    assert all(row.kept == (row.spread > 1e-6) for row in measured)
    for row in measured:
        assert len(row.rewards) == 4
        assert row.mean == pytest.approx(sum(row.rewards) / 4)
        assert min(row.rewards) <= row.mean <= max(row.rewards)
        assert 0 <= row.miou <= 1


def test_rows_that_are_kept_are_what_is_trained_on(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    recipe = _recipe(place, temperature=UNSURE)
    kept = {row.id for row in measure(recipe, file) if row.kept}
    assert 0 < len(kept) < 20
    data = recipe.data.model_copy(update={"keep": str(file)})
    rows = training_set(recipe.model_copy(update={"data": data}), image_folder=image_folder())
    assert set(rows["id"]) == kept


def test_what_is_measured_is_not_measured_again(place: Path, tmp_path: Path) -> None:
    recipe = _recipe(place, temperature=UNSURE)
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    everything = measure(recipe, whole, batch_size=4)
    first = measure(recipe, parts, limit=6, batch_size=4)
    assert [row.id for row in first] == [row.id for row in everything[:6]]
    before = parts.read_bytes()
    parts.write_bytes(before + b'{"id": "cut off')
    assert measure(recipe, parts, batch_size=4)[:4] == everything[:4], "the same seed for the same batch"
    assert parts.read_bytes().startswith(before)
    assert [json.loads(line)["id"] for line in parts.read_text().splitlines()] == [row.id for row in everything]
    times = parts.stat().st_mtime_ns
    measure(recipe, parts, batch_size=4)
    assert parts.stat().st_mtime_ns == times


def test_processes_share_the_work(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = _recipe(place, temperature=UNSURE)
    alone = measure(recipe, tmp_path / "alone.jsonl", batch_size=4)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    second = measure(recipe, tmp_path / "shared.jsonl", batch_size=4)
    assert second == alone[4:8] + alone[12:16]
    monkeypatch.setenv("RANK", "0")
    assert measure(recipe, tmp_path / "shared.jsonl", batch_size=4) == alone


def test_shares_of_verdicts() -> None:
    def row(task: str, miou: float, *rewards: float) -> Measured:
        return Measured("0", task, "inter", sum(rewards) / 2, 0.0, miou, rewards, "s")

    rows = [row("locate", 0.9, 1.9, 1.9), row("locate", 0.1, 1.1, 1.1), row("absent", 0.5, 2.0, 0.0)]
    shares = verdict_shares(rows)
    assert shares["locate"] == {"rows": 2, "informative": 0.0, "all right": 0.5, "all wrong": 0.5}
    assert shares["absent"] == {"rows": 1, "informative": 1.0, "all right": 0.0, "all wrong": 0.0}
    assert shares["all"]["informative"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("content", ["my notes\n", '{"id": "a"}\n', "[1]\n"], ids=["text", "other rows", "a list"])
def test_another_file_is_not_touched(place: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(content)
    with pytest.raises(TrainingDataError, match="not a file of measurements; choose another file"):
        measure(_recipe(place), file, limit=2)
    assert file.read_text() == content


@pytest.mark.parametrize(
    "change", [{"temperature": 0.5}, {"max_completion_length": 8}, {"num_generations": 2}], ids=str
)
def test_measurements_with_other_settings_are_not_mixed(place: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    file = tmp_path / "rows.jsonl"
    measure(_recipe(place), file, limit=2)
    before = file.read_bytes()
    with pytest.raises(TrainingDataError, match="was measured with another model"):
        measure(_recipe(place, **change), file, limit=2)
    assert file.read_bytes() == before


def test_command_line(place: Path, tmp_path: Path) -> None:
    recipe, file = tmp_path / "mine.yaml", tmp_path / "out" / "rows.jsonl"
    recipe.write_text(yaml.safe_dump(_values(place)))
    arguments = ["difficulty", str(recipe), f"grpo.temperature={SURE}", "--to", str(file), "--samples", "2"]
    result = CliRunner().invoke(cli, [*arguments, "--limit", "6"], catch_exceptions=False)
    assert result.exit_code == 0
    assert all(word in result.output for word in ("informative", "all right", "all wrong", "absent", "locate"))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert f"{sum(line['kept'] for line in lines)} of 6 rows kept: data.keep={file}" in result.output
    assert {len(line["rewards"]) for line in lines} == {2}
    shutil.rmtree(file.parent)
