"""Releases, runs and recipes from elsewhere lead no command of training outside the folders it is given."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cgc_data.common.errors import ReleaseError
from cgc_data.release.read import open_release
from cgc_train import cli
from cgc_train.data import training_set
from cgc_train.run import Run, create_run, open_run
from tests.cgc_train.conftest import made_recipe
from tests.hostile import HOSTILE_TEXTS, edited, linked, snapshot, with_texts, world

Status = Callable[..., tuple[int, str]]
SPOILT: dict[str, Callable[[Path], Path]] = {
    "parent": lambda release: edited(release, "parent, shard's name"),
    "absolute": lambda release: edited(release, "absolute"),
    "NUL": lambda release: edited(release, "NUL"),
    "file of the parent": lambda release: edited(release, "file of the parent"),
    "number": lambda release: edited(release, "number"),
    "link": lambda release: linked(release, "inter"),
}


@pytest.fixture
def status(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Status:
    """Run `cgc-train`: its exit status and all that it printed."""

    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["cgc-train", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    return run


@pytest.fixture
def recipe(run_values: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(run_values))
    return path


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_release_that_leads_elsewhere_is_refused(status: Status, recipe: Path, tmp_path: Path, spoilt: str) -> None:
    release = world(tmp_path / "world")
    identity = next(open_release(release).rows(["id"]))["id"]
    (tmp_path / "answers.jsonl").write_text(json.dumps({"id": identity, "response": "[]"}))
    run = create_run(tmp_path / "run", made_recipe(yaml.safe_load(recipe.read_text())))
    (run.folder / "metrics.jsonl").write_text(json.dumps({"step": 0, "kind": "held_out", "miou": 0.5}))
    SPOILT[spoilt](release)
    before, out, given = snapshot(tmp_path), tmp_path / "out", f"data.release={release}"
    for words in (
        ("check", recipe, given),
        ("grpo", recipe, given, "--to", out / "grpo"),
        ("sft", recipe, given, "--to", out / "sft"),
        ("difficulty", recipe, given, "--to", out / "rows.jsonl"),
        ("reward", release, "--predictions", tmp_path / "answers.jsonl", "--out", tmp_path / "terms.jsonl"),
        ("view", run.folder, "--release", release, "--to", out / "view"),
    ):
        code, printed = status(*words)
        assert code == 2, (words, printed)
        assert str(release) in printed, (words, printed)
    assert snapshot(tmp_path) == before


def test_text_of_rows_names_no_stored_image(run_values: dict[str, Any], tmp_path: Path) -> None:
    release = with_texts(tmp_path / "world", texts=filter(None, HOSTILE_TEXTS.values()), task=False)
    before, images = snapshot(tmp_path), tmp_path / "images"
    recipe = made_recipe(run_values, data={"release": str(release)})
    rows = training_set(recipe, image_folder=images)
    assert len(rows) == 4
    assert all(Path(path).is_relative_to(images) for row in rows for path in row["images"])
    assert {
        path: content for path, content in snapshot(tmp_path).items() if not path.startswith(f"{images}/")
    } == before


@pytest.mark.parametrize("link", ["model", "metrics.jsonl", "held_out", "checkpoint-1", "recipe.yaml", "held_out.json"])
def test_a_run_is_not_read_or_written_through_links(
    status: Status, run_values: dict[str, Any], tmp_path: Path, link: str
) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    target = tmp_path / "elsewhere" / link
    target.parent.mkdir()
    if link == "recipe.yaml":
        (run.folder / link).rename(target)
    elif "." in link:
        target.write_text("mine")
    else:
        target.mkdir()
    (run.folder / link).symlink_to(target)
    before = snapshot(tmp_path)
    with pytest.raises(ReleaseError, match="link that leads outside"):
        open_run(run.folder)
    for words in (("resume", run.folder), ("merge", run.folder, "--to", tmp_path / "merged"), ("view", run.folder)):
        code, printed = status(*words)
        assert (code, "link that leads outside" in printed) == (2, True), printed
    assert snapshot(tmp_path) == before


def test_a_link_within_a_run_is_followed(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    (run.folder / "metrics.jsonl").symlink_to("other.jsonl")
    (run.folder / "other.jsonl").write_text('{"step": 1}')
    assert open_run(run.folder).metrics() == [{"step": 1}]


@pytest.mark.parametrize("command", ["grpo", "sft"])
@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", ".."])
def test_the_name_of_a_recipe_is_no_path(
    status: Status, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    (tmp_path / "here" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "deep")
    folders: list[Path] = []

    def stop(_: Any, folder: Path, **__: Any) -> Run:
        folders.append(folder)
        raise ReleaseError("stopped")

    monkeypatch.setattr(f"cgc_train.{command}.run_{command}", stop)
    status(command, recipe, f"name={json.dumps(name)}")
    assert [folder.resolve().parent for folder in folders] == [Path("runs").resolve()]
