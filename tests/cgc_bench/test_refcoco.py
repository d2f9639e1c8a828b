"""RefCOCO, RefCOCO+ and RefCOCOg: from the Hub's form to items, what is asked, what is right, the list of photos."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cgc_bench.cli import cli
from cgc_bench.errors import AnnotationError, PrepareError
from cgc_bench.refcoco import BENCHMARK
from cgc_bench.refcoco.items import TASKS, Item, read_items
from cgc_bench.refcoco.prepare import SOURCES, prepare_refcoco
from cgc_bench.scoring.summary import score_responses, summarise
from cgc_data.index.exclusions import read_exclusions
from tests.cgc_bench.refcoco_rows import ROWS, repository, row

# The box of every row, 0-1000: 9.6, 16, 57.6, 48 of 96 x 64 pixels.
BOX = (100.0, 250.0, 600.0, 750.0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))


def item(**changes: Any) -> Item:
    fields: dict[str, Any] = {
        "index": "val/1/0", "task": "val", "expression": "red box", "box": BOX, "images": ("0" * 64,),
        "file_name": "a.jpg", "version": "v", "cluster": "a.jpg", "fault": "",
    }  # fmt: skip
    return Item(**fields | changes)


def test_every_expression_is_an_item_with_the_image_as_it_was(tmp_path: Path) -> None:
    ready = prepare_refcoco("refcoco", source=repository(tmp_path, "refcoco"))
    assert ready.tasks == ("val", "testA", "testB")
    found = read_items(ready.annotations)
    assert len(found) == 3 * 4
    one = found["testA/1/1"]
    assert (one.expression, one.task, one.version) == ("box at left", "testA", ready.version)
    assert one.box == pytest.approx(BOX, abs=0.01)
    assert ready.images("testA", ready.indices("testA").index("testA/1/1")) == [ROWS[0]["image"]["bytes"]]
    assert found["val/1/0"].cluster == found["testB/2/0"].cluster != found["val/3/0"].cluster


def test_the_parts_have_the_eight_tasks() -> None:
    assert tuple(task for source in SOURCES.values() for task in source.splits) == TASKS == BENCHMARK.tasks


def test_its_photos_are_a_list_that_a_build_takes(tmp_path: Path) -> None:
    copy = repository(tmp_path, "refcocog")
    result = CliRunner().invoke(cli, ["prepare", "refcocog", "--from", str(copy)], catch_exceptions=False)
    (line,) = [line for line in result.output.splitlines() if "cgc-data build --exclude" in line]
    excluded = read_exclusions([line.split(": ", 1)[1].strip()])
    assert excluded.coco_numbers == {7, 8}
    assert len(excluded.entries[0]) == 2


def test_what_is_prepared_is_kept_and_another_copy_is_taken(tmp_path: Path) -> None:
    first = prepare_refcoco("refcoco_plus", source=repository(tmp_path, "refcoco_plus"))
    assert prepare_refcoco("refcoco_plus") == first
    second = prepare_refcoco("refcoco_plus", source=repository(tmp_path, "refcoco_plus", [row(1, "other")]))
    assert set(second.tasks) == set(first.tasks) == set(SOURCES["refcoco_plus"].splits)
    assert all(second.digests[task] != first.digests[task] for task in first.tasks)


RESPONSES = {
    '{"bbox_2d": [100, 250, 600, 750]}': (1.0, 1.0),
    '```json\n[{"bbox_2d": [100, 250, 600, 750], "label": "x"}]\n```': (1.0, 1.0),
    "(100,250),(600,750)": (1.0, 1.0),
    "[100.0, 250.0, 600.0, 750.0]": (1.0, 1.0),
    "[100, 250, 600, 500]": (1.0, 0.5),
    "[100, 250, 600, 499]": (0.0, 0.498),
    "[1, 2, 3, 4] or rather [100, 250, 600, 750]": (0.0, 0.0),
    "<think>[1, 2, 3, 4]</think>[100, 250, 600, 750]": (1.0, 1.0),
    "[600, 750, 100, 250]": (0.0, 0.0),
    "": (0.0, 0.0),
    "left": (0.0, 0.0),
}


@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("protocol", BENCHMARK.protocols)
def test_the_first_box_counts_from_half_an_overlap_on(response: str, protocol: str) -> None:
    found = BENCHMARK.score(item(), response, protocol=protocol).values
    assert (found["acc@0.5"], found["mean_iou"]) == pytest.approx(RESPONSES[response])


def test_reasoning_that_is_cut_off_is_no_strict_answer() -> None:
    cut = "<think>It is at [100, 250, 600, 750]"
    values = [BENCHMARK.score(item(), cut, protocol=protocol).values["acc@0.5"] for protocol in ("official", "strict")]
    assert values == [1.0, 0.0]


@pytest.mark.parametrize(
    ("response", "note"),
    [
        ("no", "no box"),
        ("[1, 2, 3, 4] [1, 2, 3, 4]", "several boxes"),
        ("[1200, 2, 1300, 4]", "pixel scale"),
        ("[0.1, 0.25, 0.6, 0.75]", "unit scale"),
    ],
)
def test_what_is_odd_is_named(response: str, note: str) -> None:
    found = BENCHMARK.score(item(), response)
    assert (found.note, found.values["acc@0.5"]) == (note, 0)


@pytest.mark.parametrize("variant", ["official", "think"])
def test_the_prompt_states_scale_and_expression(variant: str) -> None:
    (message,) = BENCHMARK.messages(item(), variant)
    text = BENCHMARK.prompt(item(), variant)
    assert [part["type"] for part in message["content"]].count("image") == 1
    assert "from 0 to 1000" in text.replace("0\nto", "0 to")
    assert '"red box"' in text
    assert ("<think>" in text) == (variant == "think")


def test_perfect_answers_are_right_and_tasks_weigh_alike(tmp_path: Path) -> None:
    found: dict[str, Item] = {}
    for part in SOURCES:
        found |= read_items(prepare_refcoco(part, source=repository(tmp_path, part)).annotations)
    assert {one.task for one in found.values()} == set(TASKS)
    right = {index: str([round(value) for value in one.box]) for index, one in found.items()}
    summary = summarise(BENCHMARK, found, score_responses(BENCHMARK, found, right))
    assert summary["macro"]["acc@0.5"] == 100
    assert summary["warnings"] == []
    half = {index: right[index] if one.task == "val" else "" for index, one in found.items()}
    assert BENCHMARK.table(score_responses(BENCHMARK, found, half))["macro"]["acc@0.5"] == 100 / len(TASKS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [1.0, 2.0]}, "a row does not match RefCOCO on the Hub"),
        ({"image": {"bytes": b"no image", "path": None}}, "not a whole image"),
    ],
)
def test_a_damaged_copy_is_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    copy = repository(tmp_path, "refcoco", [row(1, "x", **change)])
    with pytest.raises(PrepareError, match=message):
        prepare_refcoco("refcoco", source=copy)


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PrepareError, match=r"name a copy of the repository lmms-lab/RefCOCO$"):
        prepare_refcoco("refcoco", source=tmp_path / "none")
    with pytest.raises(PrepareError, match="does not take --annotations"):
        BENCHMARK.prepare("refcoco", "file.json")
    with pytest.raises(AnnotationError, match="run `cgc-bench prepare refcoco`"):
        read_items(tmp_path)
    (tmp_path / "expressions.jsonl").write_text('{"index": 1}')
    with pytest.raises(AnnotationError, match="line 1: not an expression"):
        read_items(tmp_path)


def test_a_faulty_box_is_told_and_counts(tmp_path: Path) -> None:
    boxes = ([10.0, 10.0, 0.0, 5.0], [0.0, 0.0, 99.0, 9.0])
    copy = repository(tmp_path, "refcoco", [row(number, "x", bbox=box) for number, box in enumerate(boxes, 1)])
    found = read_items(prepare_refcoco("refcoco", source=copy).annotations)
    assert {one.fault for one in found.values()} == {"empty or inverted box", "box outside the image"}
    assert BENCHMARK.score(found["val/1/0"], "[0, 0, 9, 9]").values["acc@0.5"] == 0
