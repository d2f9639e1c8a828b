"""`inter/exemplar`: rows are true by the raw files, twins share their example, and what is falsified is found."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cgc_data.builder.remove import rows_to_remove
from cgc_data.config import Source
from cgc_data.geometry import iou
from cgc_data.release.read import open_release
from cgc_data.release.reference import load_reference
from cgc_data.validate import validate
from cgc_data.validate.world import World
from tests.cgc_data.tasks_alone import annotated, build_alone, faults, real_sources, rows_of, views_of, world_of

Row = dict[str, Any]
TASK = "inter/exemplar"


@pytest.fixture(scope="module")
def release(painted: list[Source], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_alone(TASK, painted, 60, tmp_path_factory.mktemp("exemplar") / "release")


@pytest.fixture(scope="module")
def rows(release: Path) -> list[Row]:
    return rows_of(release)


@pytest.fixture(scope="module")
def world(release: Path) -> World:
    return world_of(release)


def test_a_release_of_examples_is_valid(release: Path, rows: list[Row]) -> None:
    report = validate(release)
    assert report.failed() == []
    assert report.check("exemplar").n == len(rows) >= 50


def test_the_example_is_an_object_of_the_category_and_the_answers_are_all_others(
    painted: list[Source], rows: list[Row]
) -> None:
    for row in rows[:12]:
        (label,), example = row["query"]["labels"], row["views"][0]
        left, top, right, bottom = example["window"]
        x1, y1, x2, y2 = row["query"]["ref_bbox"]
        width, height = right - left, bottom - top
        given = [left + x1 * width / 1000, top + y1 * height / 1000, left + x2 * width / 1000, top + y2 * height / 1000]
        boxes = [(x, y, x + w, y + h) for x, y, w, h in annotated(painted, example, label)]
        assert max(iou(given, box) for box in boxes) > 0.9
        for number in row["answer_images"]:
            answered = [o for o in row["objects"] if o["img_idx"] == number]
            assert len(answered) == len(annotated(painted, row["views"][number - 1], label))


def test_the_question_names_no_category_and_the_answer_is_an_object(rows: list[Row]) -> None:
    for row in rows:
        assert not re.search(rf"\b{row['query']['labels'][0]}s?\b", row["question"])
        assert {o["label"] for o in row["objects"]} <= {"object"}
        assert row["reference_images"] == [1]
        assert row["query"]["labels"][0] not in ("person", "dining table")


def test_a_row_without_an_answer_has_the_example_of_one_with_an_answer(rows: list[Row]) -> None:
    empty = [row for row in rows if not row["objects"]]
    assert empty
    for row in empty:
        (twin,) = [other for other in rows if other["pair_id"] == row["pair_id"] and other is not row]
        assert twin["objects"]
        assert twin["views"][0] == row["views"][0]
        assert twin["template_id"] == row["template_id"]
        assert len(twin["views"]) == len(row["views"])


def test_examples_are_large_sharp_and_not_copied(rows: list[Row]) -> None:
    for row in rows:
        view, box = row["views"][0], row["query"]["ref_bbox"]
        left, top, right, bottom = view["window"]
        assert (box[2] - box[0]) * (box[3] - box[1]) >= 0.39 * 1e6
        assert view["width"] <= 2 * (right - left) + 1
        assert view["height"] <= 2 * (bottom - top) + 1
        assert all(iou(box, o["bbox_2d"]) < 0.5 for o in row["objects"])


def test_a_reference_release_is_the_same_and_makes_every_view_byte_for_byte(
    painted: list[Source], rows: list[Row], tmp_path: Path
) -> None:
    again = build_alone(TASK, painted, 60, tmp_path / "again", images="reference")
    assert views_of(load_reference(again)) == views_of(rows)


def test_a_removed_photo_takes_the_rows_whose_example_it_is(release: Path, rows: list[Row]) -> None:
    example = rows[0]["views"][0]
    leaving = rows_to_remove(open_release(release), example["image_id"], example["source"])
    shown = {row["id"] for row in rows if any(_same_photo(view, example) for view in row["views"])}
    assert rows[0]["id"] in leaving
    assert shown <= leaving < {row["id"] for row in rows}


def _same_photo(view: Row, other: Row) -> bool:
    return all(view[key] == other[key] for key in ("source", "image_id"))


def _another_box(row: Row) -> None:
    row["query"]["ref_bbox"] = [value // 2 for value in row["query"]["ref_bbox"]]


def _another_category(row: Row) -> None:
    row["query"]["labels"] = ["giraffe" if row["query"]["labels"] != ["giraffe"] else "pizza"]


def _a_person(row: Row) -> None:
    row["query"]["labels"] = ["person"]


def _in_the_whole_photo(row: Row) -> None:
    view = row["views"][0]
    left, top, right, bottom = view["window"]
    box = row["query"]["ref_bbox"]
    corners = [o + v * s / 1000 for v, o, s in zip(box, (left, top) * 2, (right - left, bottom - top) * 2, strict=True)]
    size = max(right, 640), max(bottom, 640)
    view["window"] = [0, 0, *size]
    row["query"]["ref_bbox"] = [round(1000 * v / s) for v, s in zip(corners, size * 2, strict=True)]


def _copied(row: Row) -> None:
    row["objects"][0]["bbox_2d"] = row["query"]["ref_bbox"]


def _left_out(row: Row) -> None:
    row["objects"].pop()
    row["objects"].append({**row["objects"][0], "annotation_id": row["objects"][0]["annotation_id"]})


def _shown_as_a_candidate(row: Row) -> None:
    row["views"][1] = {**row["views"][0], "role": row["views"][1]["role"]}


def _held_by_a_candidate(row: Row) -> None:
    row["reference_images"], row["answer_images"] = [2], [1, *row["answer_images"][1:]]


@pytest.mark.parametrize(
    ("falsify", "said"),
    [
        (_another_box, "is not the box of a"),
        (_another_category, "is not the box of a"),
        (_a_person, "not suitable"),
        (_in_the_whole_photo, "of its window|is not the box of a"),
        (_copied, "a copy of the given box"),
        (_left_out, "answered"),
        (_shown_as_a_candidate, "shown twice"),
        (_held_by_a_candidate, "must be given by one box in Image 1"),
    ],
)
def test_a_falsified_example_is_found(falsify: Callable[[Row], None], said: str, rows: list[Row], world: World) -> None:
    row = copy.deepcopy(next(row for row in rows if len(row["objects"]) > 1 and len(row["views"]) > 2))
    assert faults(row, world) == []
    falsify(row)
    assert any(re.search(said, fault) for fault in faults(row, world))


def test_what_stands_beside_an_example_must_be_proved_absent(rows: list[Row], world: World) -> None:
    """Take for the candidates photos that show what covers the example's own window."""
    found = 0
    for row in rows:
        false = copy.deepcopy(row)
        view = false["views"][0]
        others = [other for other in rows if other["split"] == row["split"]]
        for other in others:
            false["views"][1:] = [dict(v) for v in other["views"][1:]]
            false["answer_images"] = list(range(2, len(false["views"]) + 1))
            found += any("may be in the other images" in fault for fault in faults(false, world))
        if found:
            break
        assert view
    assert found


def test_real_photos_give_rows_that_hold(real_data: Path, tmp_path: Path) -> None:
    release = build_alone(TASK, real_sources(real_data), 60, tmp_path / "real")
    rows = rows_of(release)
    assert len(rows) >= 40
    assert len({(view["source"], view["image_id"]) for row in rows for view in row["views"]}) >= 12
    assert validate(release).failed() == []
