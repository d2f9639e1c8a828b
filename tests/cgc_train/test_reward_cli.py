"""`cgc-train reward`: saved completions in, every term out, one line for each bad input."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cgc_data.answer import format_response, read_list
from cgc_data.common.errors import CgcError
from cgc_train.cli.reward import reward
from tests.cgc_train.made_rows import some_rows, write_release

ROWS = [*some_rows(), *some_rows("validation", photo=500)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("made") / "release", ROWS)


def right(row: dict[str, Any]) -> dict[str, str]:
    return {"id": row["id"], "response": format_response(read_list(row["answer"], 9).objects, "Looked.")}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, entries: list[Any]) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def run(*arguments: object, width: int = 120) -> Result:
    return CliRunner().invoke(reward, [str(argument) for argument in arguments], env={"COLUMNS": str(width)})


def test_true_answers_earn_everything(made: Path, tmp_path: Path) -> None:
    found = run(made, "--predictions", write(tmp_path / "p.jsonl", [right(row) for row in ROWS]))
    assert found.exit_code == 0, found.output
    assert "14 predictions: 7 of 7 train rows, 7 of 7 validation rows" in found.output
    assert "2.000" in found.output
    for name in ("acc@0.5", "leakage", "false_empty", "unreadable", "hallucination", "constancy", "always empty"):
        assert name in found.output


def test_metrics_that_no_row_defines_are_omitted(made: Path, tmp_path: Path) -> None:
    found = run(made, "--predictions", write(tmp_path / "p.jsonl", [right(ROWS[0])]), "--no-floors")
    assert "false_empty" in found.output
    assert not any(name in found.output for name in ("hallucination", "track_images", "constancy"))


def test_each_row_is_written_with_every_term(made: Path, tmp_path: Path) -> None:
    answers = [right(ROWS[0]), {"id": ROWS[4]["id"], "response": "<answer>[]</answer>"}]
    run(made, "--predictions", write(tmp_path / "p.jsonl", answers), "--out", tmp_path / "o.jsonl")
    first, second = lines(tmp_path / "o.jsonl")
    assert (first["id"], first["reward"], first["violations"]) == (ROWS[0]["id"], 2, [])
    assert (second["miou"], second["format"], second["reward"]) == (1, 0, 1)
    assert (second["task"], second["violations"]) == ("absent", ["think_missing"])
    assert second["hallucinated"] is False
    assert first["leaked"] is False
    assert list(first) == list(second)
    assert not list(tmp_path.glob("*.partial"))


def test_a_subset_is_reported_as_one(made: Path, tmp_path: Path) -> None:
    found = run(made, "--predictions", write(tmp_path / "p.jsonl", [right(ROWS[8]), right(ROWS[9])]))
    assert "2 predictions: 2 of 7 validation rows" in found.output


def test_several_responses_to_a_row_are_numbered(made: Path, tmp_path: Path) -> None:
    good, empty = right(ROWS[0]), {"id": ROWS[0]["id"], "response": "<think>No.</think><answer>[]</answer>"}
    same = [right(ROWS[4]) | {"sample": number} for number in (7, 8)]
    path = write(tmp_path / "p.jsonl", [good | {"sample": 0}, *same, empty, right(ROWS[8])])
    found = run(made, "--predictions", path, "--out", tmp_path / "o.jsonl")
    assert found.exit_code == 0, found.output
    assert "5 predictions: 2 of 7 train rows, 1 of 7 validation rows" in found.output
    assert (
        "responses per row: 1 with 1, 2 with 2; in 50% of the rows with several responses, all responses earn the same "
        "reward" in found.output
    )
    written = [(line["id"], line["sample"], line["reward"]) for line in lines(tmp_path / "o.jsonl")]
    ids = ROWS[0]["id"], ROWS[4]["id"], ROWS[8]["id"]
    assert written == [(ids[0], 0, 2), (ids[1], 7, 2), (ids[1], 8, 2), (ids[0], 1, 1), (ids[2], 1, 2)]
    floors = found.output.split("Answers that ignore the images")[1]
    single = run(made, "--predictions", write(tmp_path / "q.jsonl", [good, right(ROWS[4]), right(ROWS[8])]))
    assert floors.splitlines()[:9] == single.output.split("Answers that ignore the images")[1].splitlines()[:9]


def test_settings_change_the_reward_and_not_the_metrics(made: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [{"id": ROWS[4]["id"], "response": "<answer>[]</answer>"}])
    strict, loose = tmp_path / "strict.jsonl", tmp_path / "loose.jsonl"
    run(made, "--predictions", path, "--out", strict)
    run(made, "prompt.think=false", "reward.format=0.5", "--predictions", path, "--out", loose)
    assert lines(strict)[0]["reward"] == 1
    assert lines(loose)[0]["reward"] == 1.5
    assert lines(loose)[0]["accuracy"] == lines(strict)[0]["accuracy"]


def test_settings_of_a_recipe(made: Path, tmp_path: Path) -> None:
    path, out = write(tmp_path / "p.jsonl", [right(ROWS[0])]), tmp_path / "o.jsonl"
    found = run(made, "reward.miou=3", "--recipe", "tiny-cpu", "--predictions", path, "--out", out)
    assert found.exit_code == 0, found.output
    assert lines(out)[0]["reward"] == 4


def test_floors_can_be_left_out(made: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [right(ROWS[0])])
    assert "always empty" not in run(made, "--predictions", path, "--no-floors").output


def test_a_release_without_images_works_too(tmp_path: Path) -> None:
    bare = [{**row, "images": []} for row in ROWS]
    release = write_release(tmp_path / "bare", bare, image_mode="reference")
    found = run(release, "--predictions", write(tmp_path / "p.jsonl", [right(row) for row in ROWS]))
    assert found.exit_code == 0, found.output
    assert "2.000" in found.output


def test_tables_fit_a_narrow_terminal(made: Path, tmp_path: Path) -> None:
    row = next(row for row in ROWS if row["objects"] and row["task"] == "locate")
    moved = [replace(one, img_idx=3 - one.img_idx) for one in read_list(row["answer"], 9).objects]
    leaked = {"id": row["id"], "response": format_response(moved, "Looked.")}
    found = run(made, "--predictions", write(tmp_path / "p.jsonl", [leaked, *map(right, ROWS[8:])]), width=80)
    assert "leakage_same_place_expected" in found.output
    assert "hallucination" in found.output.split("Answers that ignore the images")[1]


GOOD = right(ROWS[0])
BAD: list[Any] = [
    pytest.param(json.dumps(GOOD) + "\n{oops\n", "p.jsonl:2: not JSON", id="bad JSON"),
    pytest.param(json.dumps(GOOD) + "\n\n[1]\n", "p.jsonl:3: has no text 'id'", id="not an object"),
    pytest.param("[" * 100_000, "p.jsonl:1: not JSON", id="nested beyond reason"),
    pytest.param('{"id": "x"}', "p.jsonl:1: has no text 'response'", id="missing response"),
    pytest.param('{"id": "x", "response": null}', "p.jsonl:1: has no text 'response'", id="null response"),
    pytest.param('{"id": 5, "response": ""}', "p.jsonl:1: has no text 'id'", id="id that is no text"),
    pytest.param(f"{json.dumps(GOOD)}\n{json.dumps(GOOD)}\n", "p.jsonl:2: sample 1 of row ", id="duplicate id"),
    pytest.param(
        f"{json.dumps(GOOD)}\n{json.dumps({**GOOD, 'sample': 1})}", 'with "sample": 1, 2, 3', id="duplicate sample"
    ),
    pytest.param(
        json.dumps({**GOOD, "sample": "2"}), "p.jsonl:1: sample '2' is not a non-negative integer", id="sample text"
    ),
    pytest.param(
        json.dumps({**GOOD, "sample": True}), "p.jsonl:1: sample True is not a non-negative integer", id="sample true"
    ),
    pytest.param(
        json.dumps({**GOOD, "sample": -1}), "p.jsonl:1: sample -1 is not a non-negative integer", id="sample below 0"
    ),
    pytest.param('{"id": "x", "response": ""}', "has no row 'x'; give", id="unknown id"),
    pytest.param('{"id":"x","response":""}\n{"id":"y","response":""}', "has no row 'x' and 1 more", id="unknown ids"),
    pytest.param("\n \n", "p.jsonl: contains no predictions", id="empty"),
    pytest.param(b"\xff\xfe{", "p.jsonl:1: not UTF-8 at byte 0", id="not UTF-8"),
]


def refusal(*arguments: object) -> str:
    """The one line of an expected error."""
    with pytest.raises(CgcError) as caught:
        CliRunner().invoke(reward, [str(argument) for argument in arguments], catch_exceptions=False)
    (line,) = str(caught.value).splitlines()
    return line


def test_the_command_line_shows_an_error_as_one_line(made: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cgc_train", "reward", str(made), "--predictions", str(tmp_path / "none.jsonl")]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (2, "")
    (line,) = found.stderr.splitlines()
    assert line.startswith("cgc-train: ")


@pytest.mark.parametrize(("content", "message"), BAD)
def test_bad_predictions_are_one_line(made: Path, tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    out = tmp_path / "o.jsonl"
    assert message in refusal(made, "--predictions", path, "--out", out)
    assert not out.exists()


def test_a_missing_file_is_one_line(made: Path, tmp_path: Path) -> None:
    assert "none.jsonl: no such file" in refusal(made, "--predictions", tmp_path / "none.jsonl")


def test_an_output_that_exists_is_kept(made: Path, tmp_path: Path) -> None:
    path, out = write(tmp_path / "p.jsonl", [GOOD]), tmp_path / "o.jsonl"
    out.write_text("mine")
    assert "o.jsonl: already exists" in refusal(made, "--predictions", path, "--out", out)
    assert out.read_text() == "mine"


def test_an_output_without_a_folder_is_refused_before_any_work(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "no" / "o.jsonl"
    assert "its folder does not exist" in refusal(made, "--predictions", tmp_path / "none", "--out", out)


def test_a_folder_that_is_no_release_is_one_line(tmp_path: Path) -> None:
    assert "not a finished release" in refusal(tmp_path, "--predictions", write(tmp_path / "p.jsonl", [GOOD]))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("reward.pow=2", "unknown setting 'reward.pow'; did you mean 'reward.power'?"),
        ("reward.power=0", "reward.power: Input should be greater than 0"),
        ("model.name=x", "unknown setting 'model'"),
        ("power", "write a setting as key=value"),
    ],
)
def test_bad_settings_are_one_line(made: Path, tmp_path: Path, setting: str, message: str) -> None:
    assert message in refusal(made, setting, "--predictions", write(tmp_path / "p.jsonl", [GOOD]))
