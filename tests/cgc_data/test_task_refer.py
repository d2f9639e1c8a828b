"""`inter/refer`: the words tell one of several by the raw files, and what is falsified is found."""

import copy
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from cgc_data.builder.remove import rows_to_remove
from cgc_data.config import Source
from cgc_data.plan.relations import singled_out
from cgc_data.plan.truth import Truth
from cgc_data.release.read import open_release
from cgc_data.release.reference import load_reference
from cgc_data.tasks.inter.refer import HIGHEST, LARGEST, LEFTMOST, LOWEST, RELATIONS, RIGHTMOST, SMALLEST
from cgc_data.validate import validate
from cgc_data.validate.fixed import fixed_answer
from cgc_data.validate.trace import Trace
from cgc_data.validate.world import World
from tests.cgc_data.drawn import Thing, coco
from tests.cgc_data.tasks_alone import annotated, build_alone, faults, real_sources, rows_of, views_of, world_of

Row = dict[str, Any]
TASK = "inter/refer"


@pytest.fixture(scope="module")
def release(painted: list[Source], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_alone(TASK, painted, 60, tmp_path_factory.mktemp("refer") / "release")


@pytest.fixture(scope="module")
def rows(release: Path) -> list[Row]:
    return rows_of(release)


@pytest.fixture(scope="module")
def world(release: Path) -> World:
    return world_of(release)


def test_a_release_of_words_is_valid(release: Path, rows: list[Row]) -> None:
    report = validate(release)
    assert report.failed() == []
    assert report.check("referred").n >= len(rows) >= 50


def test_several_are_in_the_answers_image_and_one_or_none_in_the_others(painted: list[Source], rows: list[Row]) -> None:
    for row in rows[:12]:
        ((answer,), (label,)) = row["objects"], row["query"]["labels"]
        proved = {entry["img_idx"] for entry in row["evidence"]}
        for number, view in enumerate(row["views"], 1):
            boxes = annotated(painted, view, label)
            if number == answer["img_idx"]:
                assert 2 <= len(boxes) <= 8
                assert _best(boxes, row["query"]["relation"]) == pytest.approx(answer["bbox_px"], abs=4)
            else:
                assert len(boxes) == (number not in proved)


def _best(boxes: list[list[float]], relation: str) -> list[float]:
    keys: dict[str, Callable[[list[float]], float]] = {
        LEFTMOST: lambda b: b[0],
        RIGHTMOST: lambda b: -b[0] - b[2],
        HIGHEST: lambda b: b[1],
        LOWEST: lambda b: -b[1] - b[3],
        LARGEST: lambda b: -b[2] * b[3],
        SMALLEST: lambda b: b[2] * b[3],
    }
    x, y, w, h = min(boxes, key=keys[relation])
    return [x, y, x + w, y + h]


def test_every_relation_is_asked_and_said(rows: list[Row]) -> None:
    assert len(Counter(row["query"]["relation"] for row in rows)) >= 5
    assert all(row["query"]["relation"] in row["question"] for row in rows)


def test_photos_of_a_set_are_asked_about_in_turn(rows: list[Row]) -> None:
    asked: dict[str, set[int]] = {}
    for row in rows:
        asked.setdefault(row["tuple_id"], set()).add(row["views"][row["objects"][0]["img_idx"] - 1]["image_id"])
    assert all(len(photos) > 1 for photos in asked.values())


def test_a_reference_release_is_the_same_and_makes_every_view_byte_for_byte(
    painted: list[Source], rows: list[Row], tmp_path: Path
) -> None:
    again = build_alone(TASK, painted, 60, tmp_path / "again", images="reference")
    assert views_of(load_reference(again)) == views_of(rows)


def test_a_removed_photo_takes_its_rows(release: Path, rows: list[Row]) -> None:
    view = rows[0]["views"][0]
    leaving = rows_to_remove(open_release(release), view["image_id"], view["source"])
    shown = {row["id"] for row in rows for other in row["views"] if _photo(other) == _photo(view)}
    assert shown <= leaving < {row["id"] for row in rows}


def _photo(view: Row) -> tuple[str, int]:
    return view["source"], view["image_id"]


def test_what_is_counted_in_pieces_is_never_asked_about(tmp_path: Path) -> None:
    photos = {
        f"{kind} {n}.jpg": [Thing(kind, (10, 10, 60, 60)), Thing(kind, (200, 120, 80, 80))]
        for kind in ("dog", "broccoli", "kite")
        for n in range(3)
    }
    build_alone(TASK, [coco(tmp_path, photos)], 20, tmp_path / "release")
    rows, world = rows_of(tmp_path / "release"), world_of(tmp_path / "release")
    assert {row["query"]["labels"][0] for row in rows} == {"dog", "kite"}
    assert faults(rows[0], world) == []
    rows[0]["query"]["labels"] = ["broccoli"]
    assert any("comes in pieces" in fault for fault in faults(rows[0], world))


class Boxes:
    """Stands in for what is known of instances: boxes in pixels, and masks that cover a share of them."""

    def __init__(self, boxes: list[tuple[float, ...]], masks: list[float] | None = None) -> None:
        self._boxes, self._masks = boxes, masks

    def box(self, instance: int) -> tuple[float, ...]:
        return self._boxes[instance]

    def has_mask(self, _: int) -> bool:
        return self._masks is not None

    def covered(self, instance: int, _: object) -> float:
        x1, y1, x2, y2 = self._boxes[instance]
        return (self._masks or [])[instance] * (x2 - x1) * (y2 - y1)


@pytest.mark.parametrize(
    ("boxes", "masks", "found"),
    [
        # next to each other: only left and right are distinguished
        ([(5, 40, 15, 50), (50, 40, 60, 50)], None, {LEFTMOST: 0, RIGHTMOST: 1}),
        # centers far enough apart, edges not
        ([(5, 5, 25, 50), (10, 55, 60, 80)], None, {HIGHEST: 0, LOWEST: 1, RIGHTMOST: 1}),
        # 9 percent apart is too little
        ([(5, 5, 15, 15), (14, 14, 24, 24)], None, {}),
        # the border may cut the first
        ([(2, 40, 12, 50), (50, 40, 60, 50)], None, {}),
        ([(5, 5, 25, 25), (45, 5, 55, 25)], [1, 1], {LEFTMOST: 0, RIGHTMOST: 1, LARGEST: 0, SMALLEST: 1}),
        # the larger box has the smaller mask
        ([(5, 5, 25, 25), (45, 5, 60, 25)], [0.5, 1], {LEFTMOST: 0, RIGHTMOST: 1}),
        # without masks no size is distinguished
        ([(5, 5, 25, 25), (45, 5, 55, 25)], None, {LEFTMOST: 0, RIGHTMOST: 1}),
        # an answer that covers most of the picture is guessed
        ([(5, 5, 60, 90), (80, 5, 90, 90)], [1, 1], {RIGHTMOST: 1, SMALLEST: 1}),
    ],
)
def test_a_relation_is_told_only_if_it_is_clear(
    boxes: list[tuple[float, ...]], masks: list[float] | None, found: dict[str, int]
) -> None:
    assert singled_out(cast(Truth, Boxes(boxes, masks)), list(range(len(boxes))), (100, 100)) == found


def _another_instance(row: Row) -> None:
    row["query"]["relation"] = {LEFTMOST: RIGHTMOST, RIGHTMOST: LEFTMOST, HIGHEST: LOWEST, LOWEST: HIGHEST}.get(
        row["query"]["relation"], SMALLEST if row["query"]["relation"] == LARGEST else LARGEST
    )


def _no_relation(row: Row) -> None:
    row["query"]["relation"] = "nicest"


def _claim_left_out(row: Row) -> None:
    row["evidence"].pop()


def _claim_too_many(row: Row) -> None:
    row["evidence"].append({**row["evidence"][0], "img_idx": row["objects"][0]["img_idx"]})


def _two_objects(row: Row) -> None:
    row["objects"].append({**row["objects"][0], "bbox_2d": [1, 1, 300, 300]})


def _same_photo_twice(row: Row) -> None:
    answer = row["objects"][0]["img_idx"]
    other = next(number for number in row["answer_images"] if number != answer)
    row["views"][other - 1] = {**row["views"][answer - 1], "role": "distractor"}


@pytest.mark.parametrize(
    ("falsify", "said"),
    [
        (_another_instance, "is not clearly|not all have masks"),
        (_no_relation, "no relation is called 'nicest'"),
        (_claim_left_out, "needs 1 claims of absence"),
        (_claim_too_many, "needs 0 claims of absence"),
        (_two_objects, "2 objects"),
        (_same_photo_twice, "may show more than one"),
    ],
)
def test_a_falsified_row_is_found(falsify: Callable[[Row], None], said: str, rows: list[Row], world: World) -> None:
    row = copy.deepcopy(next(row for row in rows if row["evidence"]))
    assert faults(row, world) == []
    falsify(row)
    assert any(re.search(said, fault) for fault in faults(row, world))


def test_an_object_that_the_border_may_cut_is_found(rows: list[Row], world: World) -> None:
    """Take the photo for one that ends where the answer does."""
    row = copy.deepcopy(rows[0])
    answer = row["objects"][0]
    row["views"][answer["img_idx"] - 1]["width"] = round(answer["bbox_px"][2])
    assert any("is cut by the border" in fault for fault in faults(row, world))


def test_a_photo_with_one_object_cannot_be_asked_about(rows: list[Row], world: World) -> None:
    for row in rows:
        single = set(row["answer_images"]) - {e["img_idx"] for e in row["evidence"]} - {row["objects"][0]["img_idx"]}
        if single:
            break
    false = copy.deepcopy(row)
    place, answer = single.pop() - 1, row["objects"][0]["img_idx"] - 1
    false["views"][place], false["views"][answer] = false["views"][answer], false["views"][place]
    assert any("shows 0 objects" in fault or "may show more" in fault for fault in faults(false, world))


def _trace(box: tuple[int, int, int, int], family: int, relation: str = LEFTMOST, images: int = 2) -> Trace:
    values = {"boxes": (box,), "tuple_id": str(family), "pair_id": "", "relation": relation, "named": False}
    return cast(Trace, SimpleNamespace(**values, candidates=tuple(range(1, images + 1))))


def test_a_fixed_answer_is_found() -> None:
    random = np.random.default_rng(0)
    planted = [(0, 300, 260 + int(random.integers(40)), 690 + int(random.integers(20))) for _ in range(200)]
    found = fixed_answer("fixed", [_trace(box, family) for family, box in enumerate(planted)])
    assert found.status == "fail"
    assert found.value == pytest.approx(0.5)
    corners = random.integers(0, 800, (200, 2)).tolist()
    spread = [(x, y, x + int(random.integers(60, 200)), y + int(random.integers(60, 200))) for x, y in corners]
    assert fixed_answer("fixed", [_trace(box, family) for family, box in enumerate(spread)]).status == "pass"


def test_each_relation_is_measured_by_itself(release: Path) -> None:
    names = {check.name for check in validate(release).checks}
    assert {f"fixed answer ({relation})" for relation in RELATIONS} <= names


def test_real_photos_give_rows_that_hold(real_data: Path, tmp_path: Path) -> None:
    release = build_alone(TASK, real_sources(real_data), 80, tmp_path / "real")
    rows = rows_of(release)
    assert len(rows) >= 15
    assert len({(view["source"], view["image_id"]) for row in rows for view in row["views"]}) >= 5
    assert validate(release).failed() == []
