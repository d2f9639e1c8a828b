"""The page of a run: every response with its images, boxes, and terms, for any response."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cgc_data.answer import Object, format_response
from cgc_data.common.errors import ReleaseError
from cgc_data.metrics import truth_of
from cgc_data.release.read import open_release
from cgc_train.cli import cli
from cgc_train.errors import RunError
from cgc_train.reward import score
from cgc_train.run import Run, create_run, held_out_path
from cgc_train.view import write_page
from cgc_train.view.answers import MOST_CHARACTERS, read_response
from cgc_train.view.collect import Prompt, Step, collect
from tests.cgc_train.conftest import made_recipe
from tests.hostile import snapshot


@pytest.fixture
def run(run_values: dict[str, Any], tmp_path: Path) -> Run:
    """A run that was stopped after two evaluations."""
    run = create_run(tmp_path / "run", made_recipe(run_values))
    rows = list(open_release(run.recipe.data.release).rows(split="validation"))
    (run.folder / "held_out").mkdir()
    for step in (0, 50):
        lines = [json.dumps({"id": row["id"], "response": answer(row, step)}) for row in rows]
        (run.folder / "held_out" / f"step-{step:06d}.jsonl").write_text("\n".join(lines))
    metrics = [{"step": step, "kind": "held_out", "miou": step / 100, "source_acc": 0.5} for step in (0, 50)]
    (run.folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, metrics)) + '\n{"step": 5')
    return run


def answer(row: dict[str, Any], step: int) -> str:
    if step:
        return format_response([Object(o["img_idx"], tuple(o["bbox_2d"]), o["label"]) for o in row["objects"]], "Seen.")
    return "<script>alert(1)</script>" + "x" * 100_000


def test_every_response_is_on_the_page(run: Run, tmp_path: Path) -> None:
    page = write_page(run, tmp_path / "page")
    text = page.path.read_text()
    assert page.steps == 2
    assert page.answers == len(run.held_out(0)) + len(run.held_out(50))
    assert "not finished" in text
    assert str(tmp_path) not in text, "a page may be published"
    for image in {part.split('"')[0] for part in text.split('src="')[1:]}:
        assert (page.path.parent / image).is_file()


def test_hostile_responses_are_escaped_and_cut(run: Run, tmp_path: Path) -> None:
    text = write_page(run, tmp_path / "page").path.read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "x" * (MOST_CHARACTERS + 1) not in text
    assert "more characters" in text


def test_a_response_with_half_a_character_is_shown(run: Run, tmp_path: Path) -> None:
    path = held_out_path(run.folder, 50)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(json.dumps({**line, "response": "odd \ud800"}) for line in lines))
    assert "odd ?" in write_page(run, tmp_path / "page").path.read_text()


def test_an_image_that_is_given_as_a_whole_is_outlined(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pointing(*given: Any) -> list[Step]:
        """The steps, as of questions that point at Image 1."""
        return [replace(step, prompts=tuple(map(changed, step.prompts))) for step in collect(*given)]

    def changed(prompt: Prompt) -> Prompt:
        return replace(prompt, truth=replace(prompt.truth, ref_img_idx=1, ref_bbox=None))

    monkeypatch.setattr("cgc_train.view.page.collect", pointing)
    outline = '<g class="given"><rect class="dark" x="0" y="0" width="1000" height="1000"/>'
    assert outline in write_page(run, tmp_path / "page").path.read_text()


def test_boxes_have_their_fate_in_their_own_image(run: Run) -> None:
    rows = open_release(run.recipe.data.release).rows(split="train")
    row = next(row for row in rows if row["task"] == "locate")
    truth, true = truth_of(row), row["objects"][0]
    safe = min(truth.safe_images)
    x1, y1, x2, y2 = true["bbox_2d"]
    given = [
        Object(true["img_idx"], (x1, y1, x2, y2), true["label"]),
        Object(safe, (x1, y1, x2, y2), true["label"]),
    ]
    shown = read_response(format_response(given, "Both."), truth, run.recipe)
    assert {(box.image, box.fate) for box in shown.boxes} == {(true["img_idx"], "hit"), (safe, "astray")}
    assert shown.habits == ("leakage",)
    assert shown.terms == score(shown.response, truth, run.recipe.reward, run.recipe.prompt)


def test_the_command_and_its_refusals(run: Run, tmp_path: Path) -> None:
    shown = CliRunner().invoke(cli, ["view", str(run.folder), "--steps", "50"])
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "run-view" / "index.html").is_file()
    with pytest.raises(RunError, match="no responses were saved at step 7"):
        write_page(run, tmp_path / "page", steps=[7])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="files other than the page"):
        write_page(run, tmp_path / "mine")
    (run.folder / "metrics.jsonl").unlink()
    with pytest.raises(RunError, match="no metrics yet"):
        write_page(run, tmp_path / "page")


def test_a_release_that_moved_is_named(run: Run, tmp_path: Path, made_release: Path) -> None:
    moved = Run(
        run.folder, run.recipe.model_copy(update={"data": run.recipe.data.model_copy(update={"release": "gone"})})
    )
    assert write_page(moved, tmp_path / "page", release=made_release).answers


def test_a_page_is_not_written_through_a_link(run: Run, tmp_path: Path) -> None:
    page = write_page(run, tmp_path / "page").path
    (page.parent / "images").rename(tmp_path / "elsewhere")
    (page.parent / "images").symlink_to(tmp_path / "elsewhere")
    before = snapshot(tmp_path)
    with pytest.raises(ReleaseError, match="link that leads outside"):
        write_page(run, page.parent)
    assert snapshot(tmp_path) == before


def test_a_run_from_anybody_is_read_as_far_as_it_is_one(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    (run.folder / "environment.json").write_text('{"kind": "grpo", "gpus": 7}')
    lines = ['{"step": 1, "kind": "train", "loss": "x", "miou": 0.5}', '{"step": "2"}', "[" * 9999, '{"step": true']
    (run.folder / "metrics.jsonl").write_text("\n".join(lines))
    held_out_path(run.folder, 1).parent.mkdir()
    held_out_path(run.folder, 1).write_text('{"id": "a"}\n{"id": 7, "response": "x"}\n{"id": "a", "response": "b"}\n')
    assert run.environment() == {}
    assert run.metrics() == [{"step": 1, "kind": "train", "miou": 0.5}]
    assert run.held_out(1) == [{"id": "a", "response": "b"}]
