"""`cgc-bench score` and `cgc-bench floors`, as a user runs them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cgc_bench.cli import cli
from cgc_bench.mig import BENCHMARK as MIG
from cgc_bench.prepare.versions import without_digest
from cgc_bench.scoring.benchmark import ItemResult
from cgc_bench.scoring.intervals import macro_estimates, task_estimates
from cgc_bench.scoring.scales import in_unit_scale
from cgc_bench.scoring.summary import versions
from cgc_data.common.errors import CgcError
from tests.cgc_bench import mig_rows, vlm2_rows
from tests.cgc_bench.saved_runs import save

RIGHT = "(100,200),(500,600)"


def run(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(cli, [str(argument) for argument in arguments])


def error(*arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, CgcError), result.output
    return str(result.exception)


def responses(folder: Path, found: dict[Any, str], name: str = "saved.jsonl") -> Path:
    file = folder / name
    lines = [json.dumps({"index": index, "response": response}) for index, response in found.items()]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture
def mig(tmp_path: Path) -> Path:
    rows = [mig_rows.row(), mig_rows.row("region", images=["c", "d"]), mig_rows.group_row(images=["e", "f"])]
    return mig_rows.write(tmp_path, rows)


def test_official_figures_through_the_command(real_data: Path, tmp_path: Path) -> None:
    folder, out = real_data / "mig_bench", tmp_path / "score.json"
    given = [
        "--annotations",
        folder / "revised_MIG_bench.json",
        "--predictions",
        folder / "predictions/qwen2_vl_7b.jsonl",
    ]
    result = run("score", "mig", *given, "--protocol", "official", "--json", out)
    assert result.exit_code == 0, result.output
    official = json.loads((folder / "predictions/qwen2_vl_7b.official.json").read_text(encoding="utf-8"))
    written = json.loads(out.read_text(encoding="utf-8"))
    assert {"macro": written["macro"], "tasks": written["tasks"]} == official
    assert (written["task"], written["protocol"], written["annotations"]) == ("mig", "official", "revised")
    assert written["n"] == written["items"] == 4276
    assert "30.02" in result.output
    interval = written["intervals"]["macro"]["acc@0.5"]
    assert interval["low"] < written["macro"]["acc@0.5"] < interval["high"]
    assert written["floors"]["whole image"]["macro"]["acc@0.5"] == pytest.approx(7.10, abs=0.1)
    assert written["warnings"] == []


def test_json_of_a_subset(mig: Path, tmp_path: Path) -> None:
    out = tmp_path / "score.json"
    given = ["--annotations", mig, "--predictions", responses(tmp_path, {0: RIGHT, 2: "none"}), "--json", out]
    result = run("score", "mig", *given)
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["macro"] == {"acc@0.5": 50, "acc@0.7": 50, "acc@0.3": 50, "mean_iou": 50}
    assert (written["n"], written["items"]) == (2, 3)
    assert without_digest(written["annotations"]) == "unknown version (boxes 0-1000)"
    assert written["diagnostics"]["tasks"]["group_grounding"]["no_box"]["value"] == 100
    assert "2 of 3 items have a response" in result.output
    assert "unknown version" in result.output


def test_saved_responses_of_a_template_that_opens_the_reasoning(mig: Path, tmp_path: Path) -> None:
    """Saved with the opening tag or without it, they score the same; a truncated thought is not an answer."""
    whole = [f"<think>Look.</think>{RIGHT}", "<think>(100,200),(500,600) perhaps"]
    for number, written in enumerate((whole, [text.removeprefix("<think>") for text in whole])):
        file, out = responses(tmp_path, dict(enumerate(written)), f"{number}.jsonl"), tmp_path / f"{number}.json"
        given = ["--annotations", mig, "--predictions", file, "--protocol", "strict", "--json", out]
        assert run("score", "mig", *given, "--prefix", "<think>").exit_code == 0
        found = json.loads(out.read_text(encoding="utf-8"))["tasks"]
        assert sorted(task["acc@0.5"] for task in found.values()) == [0, 100]


def test_a_model_that_answers_in_pixels_is_called_out(mig: Path, tmp_path: Path) -> None:
    file = responses(tmp_path, dict.fromkeys(range(3), "(1000,200),(1500,600)"))
    result = run("score", "mig", "--annotations", mig, "--predictions", file)
    assert "100.0 % of the answers contain numbers above 1000, so their boxes seem to be in pixels" in result.output


def test_a_model_that_answers_in_shares_is_called_out(mig: Path, tmp_path: Path) -> None:
    file, out = responses(tmp_path, dict.fromkeys(range(3), "[0.1, 0.2, 0.5, 0.6]")), tmp_path / "score.json"
    result = run("score", "mig", "--annotations", mig, "--predictions", file, "--json", out)
    assert (
        "100.0 % of the answers contain coordinates from 0 to 1, so their boxes seem to be fractions of the image"
        in result.output
    )
    assert json.loads(out.read_text())["diagnostics"]["macro"]["unit_scale"]["value"] == 100


UNIT_SCALE = {
    "[0.1, 0.2, 0.5, 0.6]": True,
    '[{"img_idx": 1, "bbox_2d": [0.0, 0.25, 1.0, 1], "label": "x"}]': True,
    "(0.1,0.2),(0.5,0.6)": True,
    "(0.1, 0.2, 0.5, 0.6) or [0.3, 0.3, 0.4, 0.9]": True,
    "[100, 200, 500, 600]": False,
    "[0, 0, 1, 1]": False,
    "[0.1, 0.2, 0.5, 0.6] and [100, 200, 500, 600]": False,
    "[10.5, 20.5, 30.5, 40.5]": False,
    "[]": False,
    "": False,
}


@pytest.mark.parametrize("text", UNIT_SCALE)
def test_boxes_from_zero_to_one_are_known(text: str) -> None:
    assert in_unit_scale(text) == UNIT_SCALE[text]


PIPED = re.compile(r"\d+\.\d\d")


@pytest.mark.parametrize("columns", [80, 50])
def test_no_digit_is_lost_in_a_narrow_pipe(real_data: Path, tmp_path: Path, columns: int) -> None:
    """All metrics and floors: what does not fit continues in another table."""
    folder, out = real_data / "mig_bench", tmp_path / "score.json"
    given = ["--annotations", folder / "MIG_data.json", "--predictions", responses(tmp_path, {0: RIGHT, 600: RIGHT})]
    result = CliRunner(env={"COLUMNS": str(columns)}).invoke(
        cli, list(map(str, ["score", "mig", *given, "--json", out]))
    )
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    shown = set(PIPED.findall(result.output))
    figures = [row["value"] for row in written["diagnostics"]["macro"].values()]
    figures += [floor["macro"]["acc@0.5"] for floor in written["floors"].values()]
    assert {f"{value:.2f}" for value in [*figures, *written["macro"].values()]} <= shown
    table = [line for line in result.output.splitlines() if line.startswith(("│", "┃", "|"))]
    assert table
    assert max(map(len, table)) <= columns
    assert "…" not in result.output
    assert ("continued" in result.output) == (columns == 50)


def test_annotations_may_be_a_folder(mig: Path, tmp_path: Path) -> None:
    file = responses(tmp_path, {0: RIGHT})
    (tmp_path / "prepared" / "annotations").mkdir(parents=True)
    shutil.copy(mig, tmp_path / "prepared" / "annotations" / "items.json")
    for folder in (tmp_path / "prepared", tmp_path / "prepared" / "annotations"):
        assert run("score", "mig", "--annotations", folder, "--predictions", file).exit_code == 0
    assert "name the annotation file itself" in error("score", "mig", "--annotations", tmp_path, "--predictions", file)


def test_a_copy_of_the_repository_holds_the_published_annotations(real_data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(real_data / "mig_bench" / "MIG_data.json", copy)
    (copy / "other.json").write_text("[]")
    assert without_digest(versions(MIG.read_items(copy))) == "original"
    shutil.copy(real_data / "mig_bench" / "revised_MIG_bench.json", copy)
    with pytest.raises(CgcError, match=r"contains MIG_data\.json, revised_MIG_bench\.json: name the annotation file"):
        MIG.read_items(copy)
    assert versions(MIG.read_items(copy, version="revised")) == "revised"


def test_an_output_folder_with_several_runs_is_refused_by_name(mig: Path, tmp_path: Path) -> None:
    items = MIG.read_items(mig)
    out = save(tmp_path / "out", "mig", items, lambda item: RIGHT, model="m")
    given = ["score", "mig", "--annotations", mig, "--predictions", out]
    save(out, "mig", items, lambda item: "none", model="m", time="20261123_120000")
    assert "100.00" in run(*given).output, "the newest counts"
    save(out, "mig", items, lambda item: RIGHT, label="cgc_mig_think", model="m")
    assert "contains several runs (m: cgc_mig, m: cgc_mig_think)" in error(*given)
    save(tmp_path / "two", "mig", items, lambda item: RIGHT, model="a")
    save(tmp_path / "two", "mig", items, lambda item: RIGHT, model="b")
    assert "contains several runs (a: cgc_mig, b: cgc_mig)" in error(*given[:-1], tmp_path / "two")
    assert run(*given[:-1], tmp_path / "two" / "a").exit_code == 0


def test_floors_say_why_they_are_not_the_printed_chance(tmp_path: Path) -> None:
    result = run("floors", "vlm2", "--annotations", vlm2_rows.write(tmp_path))
    assert "The authors report expected chance levels" in result.output


def test_a_score_below_a_floor_is_called_out(tmp_path: Path) -> None:
    annotations = mig_rows.write(tmp_path, [mig_rows.row(answer=[10, 10, 990, 990])])
    file = responses(tmp_path, {0: "(1,2),(3,4)"})
    result = run("score", "mig", "--annotations", annotations, "--predictions", file)
    assert "acc@0.5 0.00 is below the floor 'whole image' (100.00)" in result.output


def test_strict_and_official_differ_where_the_box_was_only_thought(mig: Path, tmp_path: Path) -> None:
    file = responses(tmp_path, {0: f"<think>{RIGHT}</think>[]"})
    values = {}
    for protocol in ("official", "strict"):
        out = tmp_path / f"{protocol}.json"
        run("score", "mig", "--annotations", mig, "--predictions", file, "--protocol", protocol, "--json", out)
        values[protocol] = json.loads(out.read_text(encoding="utf-8"))["macro"]["acc@0.5"]
    assert values == {"official": 100, "strict": 0}


def test_post_processing_by_name(mig: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "score.json", responses(tmp_path, {0: RIGHT})
    given = ["score", "mig", "--annotations", mig, "--predictions", file]
    run(*given, "--postprocess", "migician", "--json", out)
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["postprocess"] == "migician"
    assert written["macro"]["mean_iou"] == pytest.approx(100 * 390 / 460)
    assert "choose from migician" in error(*given, "--postprocess", "other")
    assert "--protocol official" in error(*given, "--postprocess", "migician", "--protocol", "strict")


def test_faulty_annotations_are_said(tmp_path: Path) -> None:
    annotations = mig_rows.write(tmp_path, [mig_rows.row(answer=[500, 2, 3, 4]), mig_rows.row()])
    result = run(
        "score", "mig", "--annotations", annotations, "--predictions", responses(tmp_path, {0: RIGHT, 1: RIGHT})
    )
    assert "1 with faulty annotations that still count: empty or inverted box" in result.output
    assert "50.00" in result.output


def test_vlm2_with_judged_videos(tmp_path: Path) -> None:
    folder = vlm2_rows.write(tmp_path)
    answers = {"gc_mat/0": "T", "gc_mat/1": "F", "oc_cnt/0": "3", "oc_cnt/1": "?"}
    judged = tmp_path / "judged.jsonl"
    judged.write_text('{"vid": "AB", "score": "Score: 1"}\n{"vid": "ABA", "score": "Score: 2"}', encoding="utf-8")
    out = tmp_path / "score.json"
    given = ["--annotations", folder, "--predictions", responses(tmp_path, answers), "--json", out]
    result = run("score", "vlm2", *given, "--video-judgements", judged, "--judge", "a judge")
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["tasks"]["gc_mat"] == {"n": 2, "units": 1, "score": 100, "score_all": 100}
    assert written["tasks"]["oc_cnt"]["score"] == pytest.approx(100 * (1 - 0.5**0.1))
    assert written["tasks"]["oc_cnt"]["score_all"] == pytest.approx(50 * (1 - 0.5**0.1))
    assert written["pc_vid"]["judge"] == "a judge"
    assert "pc_vid" not in written["tasks"]
    assert set(written["missing_tasks"]) == {"gc_trk", "oc_cpr", "oc_grp", "pc_cpr", "pc_cnt", "pc_grp"}
    assert "missing from the responses" in result.output


def test_text_that_is_not_unicode_is_printed_and_written(mig: Path, tmp_path: Path) -> None:
    """Half a surrogate pair, as a JSON escape can hold it."""
    line = {"cgc_index": 0, "cgc_response": "\ud800", "cgc_versions": "\ud800 1"}
    (tmp_path / "saved.jsonl").write_text(json.dumps(line))
    given = ["--annotations", mig, "--predictions", tmp_path / "saved.jsonl", "--json", tmp_path / "score.json"]
    command = [sys.executable, "-c", "from cgc_bench.cli import main; main()", "score", "mig", *map(str, given)]
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0, done.stderr
    assert b"rendered by \\ud800 1" in done.stdout
    assert json.loads((tmp_path / "score.json").read_text())["asked"]["common_object"]["versions"] == "\ud800 1"


def test_expected_errors_are_one_line(mig: Path, tmp_path: Path) -> None:
    file = responses(tmp_path, {0: RIGHT})
    given = ["--annotations", mig, "--predictions", file]
    assert error("score", "weather", *given).startswith("there is no benchmark 'weather'")
    assert "choose from official, strict" in error("score", "mig", *given, "--protocol", "loose")
    assert "cannot be read" in error("score", "mig", "--annotations", "none", "--predictions", file)
    assert "--judge NAME" in error("score", "mig", *given, "--judge", "x")
    other = responses(tmp_path, {7: ""}, "other.jsonl")
    assert "other.jsonl, line 1" in error("score", "mig", "--annotations", mig, "--predictions", other)


def test_another_file_is_never_overwritten(mig: Path, tmp_path: Path) -> None:
    given = ["score", "mig", "--annotations", mig, "--predictions", responses(tmp_path, {0: RIGHT})]
    assert "choose another name" in error(*given, "--json", mig)
    out = tmp_path / "score.json"
    assert run(*given, "--json", out).exit_code == 0
    assert run(*given, "--json", out).exit_code == 0
    assert "cannot write" in error(*given, "--json", tmp_path / "none" / "score.json")


@pytest.mark.parametrize("task", ["mig", "vlm2"])
def test_floors(mig: Path, tmp_path: Path, task: str) -> None:
    annotations = mig if task == "mig" else vlm2_rows.write(tmp_path / "vlm2")
    result = run("floors", task, "--annotations", annotations)
    assert result.exit_code == 0, result.output
    assert "macro" in result.output
    written = json.loads(run("floors", task, "--annotations", annotations, "--json").output)
    assert written["task"] == task
    assert len(written["floors"]) >= 2


def test_floors_of_the_revised_annotations(real_data: Path) -> None:
    result = run("floors", "mig", "--annotations", real_data / "mig_bench" / "revised_MIG_bench.json")
    assert "revised annotations, 4,276 items" in result.output
    assert "38.65" in result.output


def test_intervals_are_drawn_over_clusters() -> None:
    def results(clusters: int) -> list[ItemResult]:
        values = [float(place % 2) for place in range(40)]
        return [ItemResult("t", str(n), "", {"acc": value}, str(n % clusters)) for n, value in enumerate(values)]

    many, few = (task_estimates(results(clusters), ["acc"])["t"]["acc"] for clusters in (40, 4))
    assert many.value == few.value == 0.5
    assert None not in (many.low, many.high, few.low, few.high)
    assert (few.high or 0) - (few.low or 0) > (many.high or 0) - (many.low or 0)
    assert task_estimates(results(1), ["acc"])["t"]["acc"].low is None


def test_the_macro_average_weighs_tasks_alike_and_skips_those_without_the_metric() -> None:
    counted = [("a", 1.0)] * 30 + [("b", 0.0)] * 3 + [("c", None)] * 3
    results = [ItemResult(task, str(n), "", {"acc": value}, str(n)) for n, (task, value) in enumerate(counted)]
    found = macro_estimates(results, ["acc", "other"])
    assert (found["acc"].value, found["acc"].n) == (0.5, 33)
    assert (found["acc"].low or 0) < 0.5 < (found["acc"].high or 0), "items that are all alike are not certain"
    assert found["other"].value is None
