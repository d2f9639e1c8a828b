"""Reading annotation files: versions, faulty boxes, bad files; prompts."""

import json
from pathlib import Path
from typing import Any

import pytest

from cgc_bench.errors import AnnotationError
from cgc_bench.mig import BENCHMARK
from cgc_bench.mig.floors import FLOORS, floor_response
from cgc_bench.mig.items import TASKS, read_items
from cgc_bench.mig.prompts import messages
from cgc_bench.prepare.versions import without_digest
from cgc_data.answer import read_answer
from tests.cgc_bench.mig_rows import BOX, group_row, row, tracking_row, write


def test_an_unknown_file_is_read_and_marked(tmp_path: Path) -> None:
    items = read_items(write(tmp_path, [row(), group_row("first"), tracking_row()]))
    assert list(items) == ["0", "1", "2"]
    assert {without_digest(item.version) for item in items.values()} == {"unknown version (boxes 0-1000)"}
    assert [item.scale for item in items.values()] == [1000] * 3
    assert [item.names_image for item in items.values()] == [True, False, True]
    assert [item.target_image for item in items.values()] == [None, 1, None]
    assert [item.reference for item in items.values()] == [None, None, (10, 20, 300, 400)]


def test_decimals_mean_the_original_units(tmp_path: Path) -> None:
    items = read_items(
        write(tmp_path, [row(answer=[0.1, 0.2, 0.5, 0.6]), row("diff", question="Find the difference.")])
    )
    assert {without_digest(item.version) for item in items.values()} == {"unknown version (boxes 0-1)"}
    assert {item.scale for item in items.values()} == {1}
    assert [item.names_image for item in items.values()] == [True, False]


def test_items_that_share_a_photo_are_one_cluster(tmp_path: Path) -> None:
    shown = [["a", "b"], ["c", "d"], ["b", "e"], ["e", "f"], ["d", "g"], ["h"]]
    clusters = [item.cluster for item in read_items(write(tmp_path, [row(images=i) for i in shown])).values()]
    assert clusters[0] == clusters[2] == clusters[3]
    assert clusters[1] == clusters[4]
    assert len(set(clusters)) == 3


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        (BOX, ""),
        ([500, 200, 100, 600], "empty or inverted box"),
        ([100, 600, 500, 600], "empty or inverted box"),
        ([100, 200, 500, 1001], "box outside 0-1000"),
        ([-1, 200, 500, 600], "box outside 0-1000"),
        ([0.5, 0.2, 0.1, 0.6], "empty or inverted box"),
        ([0.1, 0.2, 1.048, 0.6], "box outside 0-1"),
    ],
)
def test_a_faulty_box_is_reported_and_stays(tmp_path: Path, box: list[float], fault: str) -> None:
    items = BENCHMARK.read_items(write(tmp_path, [row(answer=box)]))
    assert items["0"].fault == fault
    assert BENCHMARK.faults(items) == ({fault: ["0"]} if fault else {})
    assert BENCHMARK.table([BENCHMARK.score(items["0"], "(1,2),(3,4)")])["n"] == 1


BAD = {
    "not a list": ({"task": "diff"}, "not a list"),
    "empty": ([], "not a list"),
    "not objects": ([1], "not a list"),
    "no such task": ([row(), row("weather")], "item 1: 'weather'"),
    "no question": ([row(question=None)], "question"),
    "no images": ([row(images=[])], "images"),
    "images of no text": ([row(images=[1])], "images"),
    "three numbers": ([row(answer=[1, 2, 3])], "answer"),
    "texts": ([row(answer=["1", "2", "3", "4"])], "answer"),
    "a bool": ([row(answer=[True, 2, 3, 4])], "answer"),
    "NaN": ([row(answer=[float("nan"), 2, 3, 4])], "answer"),
    "infinite": ([row(answer=[1, 2, 3, float("inf")])], "answer"),
    "no answer": ([row(answer=None)], "answer"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_item_is_named(tmp_path: Path, name: str) -> None:
    rows, message = BAD[name]
    with pytest.raises(AnnotationError, match=message) as caught:
        read_items(write(tmp_path, rows))
    assert "annotations.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"[{]"])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "annotations.json"
    file.write_bytes(content)
    with pytest.raises(AnnotationError, match="not a JSON file"):
        read_items(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"the annotations .* cannot be read"):
        read_items(tmp_path / "none.json")
    with pytest.raises(AnnotationError, match="contains none of the published annotation files"):
        read_items(tmp_path)


def test_a_version_is_known_by_its_bytes_alone(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"unknown version .* not the revised"):
        read_items(write(tmp_path, [row()]), version="revised")


def test_prompts_of_both_variants(tmp_path: Path) -> None:
    items = read_items(write(tmp_path, [group_row(), tracking_row()]))
    official = messages(items["0"])[0]["content"]
    assert [part["type"] for part in official] == ["image", "image", "text"]
    assert official[-1]["text"].startswith(items["0"].question)
    assert official[-1]["text"].endswith("<|box_start|>(x1,y1),(x2,y2)<|box_end|>. Don't generate addtional words.")
    think = messages(items["1"], "think")[0]["content"]
    text = "".join(part["text"] or "" for part in think)
    assert [part["type"] for part in think].count("image") == 2
    assert "Image 2: " in text
    assert "image([10, 20, 300, 400])" in text
    assert "<think>" in text
    assert "<|" not in text
    assert "<|" not in "".join(part["text"] or "" for part in messages(items["0"], "think")[0]["content"])


@pytest.mark.parametrize("name", FLOORS)
def test_floors_answer_by_the_contract(tmp_path: Path, name: str) -> None:
    rows = [row(images=[f"{n}.jpg" for n in range(count)]) for count in range(1, 7)] + [tracking_row()]
    for item in read_items(write(tmp_path, rows)).values():
        reading = read_answer(floor_response(name, item), len(item.images))
        assert reading.valid
        assert len(reading.objects) == (0 if name == "copied reference" and item.reference is None else 1)


def test_a_reference_that_is_no_box_is_not_copied(tmp_path: Path) -> None:
    question = "In the first image(<|box_start|>(300,20),(10,4000)<|box_end|>) ... in the 2th image."
    items = read_items(write(tmp_path, [row("multi_view", question=question)]))
    assert floor_response("copied reference", items["0"]).endswith("<answer>[]</answer>")


@pytest.mark.parametrize(
    ("name", "file", "count", "unnamed"),
    [("revised", "revised_MIG_bench.json", 4276, 485), ("original", "MIG_data.json", 4295, 1027)],
)
def test_published_annotations(real_data: Path, name: str, file: str, count: int, unnamed: int) -> None:
    items = read_items(real_data / "mig_bench" / file, version=name)
    assert len(items) == count
    assert {item.task for item in items.values()} == set(TASKS)
    assert {item.version for item in items.values()} == {name}
    assert sum(not item.names_image for item in items.values()) == unnamed
    grouped = [item for item in items.values() if item.task == "group_grounding"]
    assert all(1 <= (item.target_image or 0) <= len(item.images) for item in grouped)
    referring = [item for item in items.values() if item.reference]
    assert {item.task for item in referring} == {"object_tracking", "multi_view"}
    assert len(referring) == 838


def test_faults_of_the_original_annotations(real_data: Path) -> None:
    found = BENCHMARK.faults(read_items(real_data / "mig_bench" / "MIG_data.json"))
    assert {fault: len(indices) for fault, indices in found.items()} == {
        "empty or inverted box": 5,
        "box outside 0-1": 2,
    }
    assert BENCHMARK.faults(read_items(real_data / "mig_bench" / "revised_MIG_bench.json")) == {}


def test_the_wrong_version_is_named(real_data: Path) -> None:
    with pytest.raises(AnnotationError, match="is of original, not the revised"):
        read_items(real_data / "mig_bench" / "MIG_data.json", version="revised")


def test_a_row_may_have_more_fields(tmp_path: Path) -> None:
    extra: dict[str, Any] = json.loads(json.dumps(row(source="x", additional_info=None)))
    assert read_items(write(tmp_path, [extra]))["0"].target_image is None
