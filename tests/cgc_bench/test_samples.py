"""Saved responses: both forms, subsets, and files that belong to something else."""

import json
from pathlib import Path
from typing import Any

import pytest

from cgc_bench.errors import SampleFileError
from cgc_bench.mig import BENCHMARK
from cgc_bench.scoring.samples import read_responses
from tests.cgc_bench.mig_rows import group_row, row, write

GOOD = {"index": 0, "response": "(1,2),(3,4)"}


def items(folder: Path) -> dict[str, Any]:
    return BENCHMARK.read_items(write(folder, [row(), row("region"), group_row()]))


def read(folder: Path, *lines: Any, name: str = "saved.jsonl") -> dict[str, str]:
    file = folder / name
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    return read_responses([file], items(folder), "mig")


def test_plain_lines_in_any_order(tmp_path: Path) -> None:
    lines = [{"index": "2", "response": ""}, {**GOOD, "task": "common_object"}, {"index": 1, "response": "x"}]
    assert list(read(tmp_path, *lines).items()) == [("0", "(1,2),(3,4)"), ("1", "x"), ("2", "")]


def test_a_subset_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), b"", b"  ") == {"0": "(1,2),(3,4)"}


def test_lines_of_lmms_eval(tmp_path: Path) -> None:
    line = {"doc_id": 7, "target": "", "filtered_resps": "cut", "cgc_index": "1", "cgc_response": "whole"}
    assert read(tmp_path, {**line, "cgc_task": "region"}) == {"1": "whole"}


def test_a_folder_of_lmms_eval(tmp_path: Path) -> None:
    run = tmp_path / "run" / "model"
    run.mkdir(parents=True)
    for index, task in enumerate(["common_object", "region"]):
        line = {"doc_id": 0, "cgc_index": str(index), "cgc_response": task, "cgc_task": task}
        (run / f"20260101_samples_cgc_mig_{task}.jsonl").write_text(json.dumps(line), encoding="utf-8")
    (run / "20260101_samples_cgc_vlm2_gc_mat.jsonl").write_text("{", encoding="utf-8")
    assert read_responses([tmp_path / "run"], items(tmp_path), "mig") == {"0": "common_object", "1": "region"}
    with pytest.raises(SampleFileError, match="--log_samples"):
        read_responses([tmp_path / "run"], items(tmp_path), "contrast")


BAD = {
    "not json": ([GOOD, b"{"], "line 2: not JSON"),
    "not utf-8": ([GOOD, b'{"index": 1, "response": "\xff"}'], "line 2: not UTF-8 at byte 26"),
    "not an object": ([GOOD, [1]], "line 2: not an object"),
    "deep": ([b"[" * 100_000], "line 1: not JSON"),
    "no index": ([{"response": "x"}], "line 1: no `index`"),
    "index of no use": ([{"index": 1.5, "response": "x"}], "line 1: no `index`"),
    "index true": ([{"index": True, "response": "x"}], "line 1: no `index`"),
    "no response": ([{"index": 1}], "line 1: no `response`"),
    "null response": ([{"index": 1, "response": None}], "line 1: no `response`"),
    "list response": ([{"index": 1, "response": ["x"]}], "line 1: no `response`"),
    "repeated": ([GOOD, {"index": 1, "response": ""}, GOOD], "line 3: item 0 is already at .*line 1"),
    "unknown index": ([{"index": 9, "response": ""}], "line 1: the annotations have no item 9"),
    "of another task": ([{**GOOD, "task": "region"}], "line 1: a response to region, but item 0 .* is common_object"),
    "of another benchmark": ([{"doc_id": 0, "filtered_resps": "x"}], "line 1: .* not ours"),
    "of a task of ours": ([{"cgc_index": "0", "cgc_response": "", "cgc_task": "gc_mat"}], "a response to gc_mat"),
    "on other annotations": ([{**GOOD, "annotations": "original"}], "made on the original annotations"),
    "a task of no text": ([{**GOOD, "task": 3}], "line 1: `task` is not a string"),
    "empty": ([], "no responses"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_line_that_cannot_be_scored_is_named(tmp_path: Path, name: str) -> None:
    lines, message = BAD[name]
    with pytest.raises(SampleFileError, match=message) as caught:
        read(tmp_path, *lines)
    assert "saved.jsonl" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleFileError, match=r"cannot read .*none.jsonl"):
        read_responses([tmp_path / "none.jsonl"], items(tmp_path), "mig")


def test_predictions_on_the_other_annotations_are_noticed(real_data: Path) -> None:
    """Both published files have the same first items; further on the same index is another task."""
    original = BENCHMARK.read_items(real_data / "mig_bench" / "MIG_data.json")
    with pytest.raises(SampleFileError, match="another version of the annotations"):
        read_responses([real_data / "mig_bench" / "predictions" / "qwen2_vl_7b.jsonl"], original, "mig")
