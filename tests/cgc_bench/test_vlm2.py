"""VLM2-Bench as a whole: items, pairs, both means of counts, averages, judged videos."""

import json
from pathlib import Path

import pytest

from cgc_bench.errors import AnnotationError, SampleFileError, TaskError
from cgc_bench.prepare.versions import without_digest
from cgc_bench.vlm2 import BENCHMARK
from cgc_bench.vlm2.items import Item
from cgc_bench.vlm2.prompts import messages
from cgc_bench.vlm2.video import judged_summary, read_judgements
from tests.cgc_bench.vlm2_rows import ROWS, question, write


def scored(items: dict[str, Item], answers: dict[str, str]) -> dict:
    return BENCHMARK.table([BENCHMARK.score(items[index], answer) for index, answer in answers.items()])


def perfect(items: dict[str, Item]) -> dict[str, str]:
    return {index: str(item.answer) for index, item in items.items()}


def test_the_perfect_answer_scores_100(tmp_path: Path) -> None:
    items = BENCHMARK.read_items(write(tmp_path))
    table = scored(items, perfect(items))
    assert table["macro"] == {"score": 100, "score_all": 100}
    assert list(table["tasks"]) == list(BENCHMARK.tasks)
    assert table["n"] == len(items) == sum(map(len, ROWS.values()))
    assert table["tasks"]["gc_mat"] == {"n": 4, "units": 2, "score": 100, "score_all": 100}


@pytest.mark.parametrize("place", [".", "jsonl", "jsonl/gc/vanilla/gc_mat.jsonl"])
def test_items_are_found_in_folder_or_file(tmp_path: Path, place: str) -> None:
    items = BENCHMARK.read_items(write(tmp_path) / place)
    assert items["gc_mat/1"].answer == "F"
    assert without_digest(items["gc_mat/1"].version) == "unpinned"
    assert len(items) == (4 if place.endswith("l") and place != "jsonl" else sum(map(len, ROWS.values())))


def test_both_of_a_pair_must_be_right(tmp_path: Path) -> None:
    items = BENCHMARK.read_items(write(tmp_path))
    answers = perfect(items) | {"gc_mat/1": "T", "oc_cpr/2": "false", "pc_cpr/1": "T and F"}
    table = scored(items, answers)
    assert table["tasks"]["gc_mat"]["score"] == 50
    assert table["tasks"]["oc_cpr"]["score"] == 50
    assert table["tasks"]["pc_cpr"]["score"] == 0
    units = BENCHMARK.units([BENCHMARK.score(items[index], answer) for index, answer in answers.items()])
    first = next(unit for unit in units if unit.index == "gc_mat/1")
    assert (first.values["positive"], first.values["negative"], first.values["score"]) == (1, 0, 0)


def test_a_pair_with_a_member_missing(tmp_path: Path) -> None:
    """The general cue counts it as wrong; comparisons skip it."""
    items = BENCHMARK.read_items(write(tmp_path))
    table = scored(items, {"gc_mat/0": "T", "gc_mat/2": "T", "gc_mat/3": "F", "oc_cpr/0": "T", "pc_grp/0": "(C)"})
    assert table["tasks"]["gc_mat"] == {"n": 3, "units": 2, "score": 50, "score_all": 50}
    assert table["tasks"]["oc_cpr"] == {"n": 1, "units": 0, "score": None, "score_all": None}
    assert table["macro"]["score"] == 75


def test_two_pairs_under_one_id_are_one_to_the_authors(tmp_path: Path) -> None:
    rows = [question("1", "T"), question("1", "F"), question("1", "T"), question("1", "F")]
    items = BENCHMARK.read_items(write(tmp_path, {"gc_mat": rows}))
    table = scored(items, {"gc_mat/0": "T", "gc_mat/1": "T", "gc_mat/2": "F", "gc_mat/3": "F"})
    assert table["tasks"]["gc_mat"]["units"] == 1
    assert table["tasks"]["gc_mat"]["score"] == 100


def test_the_last_of_two_statements_on_one_side_counts(tmp_path: Path) -> None:
    rows = [question("1_p", "T"), question("1_n", "F"), question("1_p", "T")]
    items = BENCHMARK.read_items(write(tmp_path, {"oc_cpr": rows}))
    assert scored(items, {"oc_cpr/0": "T", "oc_cpr/1": "F", "oc_cpr/2": "F"})["tasks"]["oc_cpr"]["score"] == 0
    assert scored(items, {"oc_cpr/0": "F", "oc_cpr/1": "F", "oc_cpr/2": "T"})["tasks"]["oc_cpr"]["score"] == 100


def test_statements_of_another_id_are_left_out_and_reported(tmp_path: Path) -> None:
    rows = {"oc_cpr": [question("tf_1_p", "T"), question("7", "T"), question("1_p_x", "T")]}
    items = BENCHMARK.read_items(write(tmp_path, rows))
    assert BENCHMARK.faults(items) == {
        "the question has no pair, so the authors' script skips it": [f"oc_cpr/{n}" for n in range(3)]
    }
    assert scored(items, perfect(items))["tasks"]["oc_cpr"]["units"] == 0


def test_counts_have_the_authors_mean_and_one_over_all(tmp_path: Path) -> None:
    items = BENCHMARK.read_items(write(tmp_path))
    row = scored(items, {"oc_cnt/0": "2", "oc_cnt/1": "no idea"})["tasks"]["oc_cnt"]
    assert (row["score"], row["score_all"]) == (100, 50)
    row = scored(items, {"oc_cnt/0": "2", "oc_cnt/1": "9"})["tasks"]["oc_cnt"]
    assert (row["score"], row["score_all"]) == (100, 50)
    row = scored(items, {"oc_cnt/0": "no idea", "oc_cnt/1": ""})["tasks"]["oc_cnt"]
    assert (row["score"], row["score_all"]) == (0, 0)


def test_lengths_are_taken_as_the_authors_take_them(tmp_path: Path) -> None:
    rows = [question("1", 2, image_seq_len=4), question("2", 2, image_seq=["a", "b", "c"]), question("3", 2)]
    items = BENCHMARK.read_items(write(tmp_path, {"oc_cnt": rows}))
    assert [item.length for item in items.values()] == [4, 3, 2]
    assert BENCHMARK.faults(items) == {
        "the number of images is not given, so the authors' script assumes 2": ["oc_cnt/2"]
    }


def test_reasoning_is_cut_by_the_strict_protocol_only(tmp_path: Path) -> None:
    items = BENCHMARK.read_items(write(tmp_path))
    response = "<think>T or F? 1 or 2?</think>\n<answer>T</answer>"
    for index in ("gc_mat/0", "oc_cpr/0"):
        assert BENCHMARK.score(items[index], response).values["score"] == 0
        assert BENCHMARK.score(items[index], response, protocol="strict").values["score"] == 1
    assert BENCHMARK.score(items["gc_mat/0"], "<think>T", protocol="strict").note == "unreadable"


def test_pairs_and_shared_photos_are_one_cluster(tmp_path: Path) -> None:
    rows = {
        "gc_mat": [question("1", "T", ("a", "b")), question("1", "F", ("c", "d")), question("2", "T", ("e", "f"))],
        "oc_grp": [question("1", "(A)", ("a", "b"))],
    }
    first, second, third, other = BENCHMARK.read_items(write(tmp_path, rows)).values()
    assert first.cluster == second.cluster
    assert len({first.cluster, third.cluster, other.cluster}) == 3


@pytest.mark.parametrize("floor", BENCHMARK.floors)
def test_floors(tmp_path: Path, floor: str) -> None:
    rows = {
        "gc_mat": [question(str(n // 2), "TF"[n % 2]) for n in range(800)],
        "oc_grp": [question(str(n), f"({'ABCD'[n % 4]})") for n in range(800)],
    }
    items = BENCHMARK.read_items(write(tmp_path, rows))
    table = scored(items, {index: BENCHMARK.floor_response(floor, item) for index, item in items.items()})
    assert table["tasks"]["oc_grp"]["score"] == pytest.approx(25, abs=6)
    assert table["tasks"]["gc_mat"]["score"] == pytest.approx(0 if floor == "fixed answer" else 25, abs=7)


BAD = {
    "no json": ("gc_mat", "{", "line 1: not JSON"),
    "no object": ("gc_mat", "3", "line 1: the row does not contain both"),
    "no q_id": ("gc_mat", json.dumps({"question": "?", "gt_answer": "T", "images": ["a"]}), "q_id"),
    "no images": ("gc_mat", json.dumps(question("1", "T", ())), "images"),
    "no answer": ("oc_grp", json.dumps(question("1", "")), "gt_answer"),
    "a text for a count": ("oc_cnt", json.dumps(question("1", "2")), "whole number"),
    "second line": ("oc_cnt", json.dumps(question("1", 2)) + "\n\n[", "line 3: not JSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_question_file_is_named(tmp_path: Path, name: str) -> None:
    task, text, message = BAD[name]
    file = tmp_path / f"{task}.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError, match=message) as caught:
        BENCHMARK.read_items(file)
    assert file.name in str(caught.value)


def test_a_file_that_is_not_utf8_and_a_wrong_place_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "gc_mat.jsonl"
    file.write_bytes(b'{"q_id": "\xff"}')
    with pytest.raises(AnnotationError, match="line 1"):
        BENCHMARK.read_items(file)
    with pytest.raises(AnnotationError, match="contains no question file"):
        BENCHMARK.read_items(tmp_path / "none")
    with pytest.raises(AnnotationError, match="not named after a subtask"):
        BENCHMARK.read_items(file.rename(tmp_path / "other.jsonl"))
    with pytest.raises(AnnotationError, match="the only version is"):
        BENCHMARK.read_items(tmp_path, version="revised")


def test_prompts(tmp_path: Path) -> None:
    item = BENCHMARK.read_items(write(tmp_path))["gc_mat/0"]
    official = messages(item)[0]["content"]
    assert [part["type"] for part in official] == ["image", "image", "text"]
    assert official[-1]["text"] == "\nQuestion 1?"
    assert "<answer>" in messages(item, "think")[0]["content"][-1]["text"]


JUDGED = [("A_AB_1", "Score: 1"), ("A_AB_2", "Score: 0"), ("A_ABA_1", "I think\nScore:2"), ("A_ABA_2", "no score")]


def write_judged(folder: Path) -> Path:
    file = folder / "judged.jsonl"
    lines = [json.dumps({"vid": video, "score": reply}) for video, reply in JUDGED]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_judged_videos_stand_apart(tmp_path: Path) -> None:
    videos = read_judgements(write_judged(tmp_path), "a judge")
    assert (videos.kinds, videos.score, videos.n, videos.unread) == ({"AB": 50, "ABA": 100}, 75, 3, 1)
    summary = {"task": "vlm2", "tasks": {"gc_mat": {"score": 25}, "oc_cpr": {"score": None}}, "warnings": []}
    added = judged_summary(summary, write_judged(tmp_path), "a judge")
    assert added["macro_with_pc_vid"] == {"score": 50}
    assert "a judge" in added["warnings"][0]
    assert judged_summary(summary, None, None) == {}


def test_judged_videos_need_a_named_judge(tmp_path: Path) -> None:
    file = write_judged(tmp_path)
    with pytest.raises(TaskError, match="--judge NAME"):
        judged_summary({"task": "vlm2"}, file, None)
    with pytest.raises(TaskError, match="no judged videos"):
        judged_summary({"task": "mig"}, file, "a judge")
    file.write_text('{"vid": 3}', encoding="utf-8")
    with pytest.raises(SampleFileError, match="line 1"):
        read_judgements(file, "a judge")
    with pytest.raises(SampleFileError, match="cannot be read"):
        read_judgements(tmp_path / "none", "a judge")
