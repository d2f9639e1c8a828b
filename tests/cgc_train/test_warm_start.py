"""The rows that the warmed-up tiny model learns from; what it is worth is measured by benchmarks/demo_learns.py."""

import pytest

pytest.importorskip("trl")

from datasets import Dataset

from benchmarks.quick_training import Schedule
from scripts import make_warm_start


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ('<answer>[{"img_idx": 2, "bbox_2d": [1, 2, 3, 4]}, {"img_idx": 1}]</answer>', '<answer>[{"img_idx": 2'),
        ("<think>No.</think>\n<answer>[]</answer>", "<think>No.</think>\n<answer>[]</answer>"),
    ],
)
def test_an_answer_ends_after_its_first_image_number(text: str, start: str) -> None:
    row = {"id": "a", "completion": make_warm_start.message("assistant", text)}
    assert make_warm_start.pointing(row) == {"id": "a", "completion": make_warm_start.message("assistant", start)}


def test_flaws_move_the_boxes_of_some_rows_to_the_other_image() -> None:
    shown, found = ["a.png", "b.png"], [{"img_idx": 1, "label": "cup"}]
    rows = Dataset.from_list([{"images": shown, "objects": found}] * 300 + [{"images": shown, "objects": []}])
    flawed = make_warm_start.with_flaws(rows, seed=0)
    moved = [row["objects"][0]["img_idx"] for row in flawed if row["objects"]]
    assert set(moved) == {1, 2}
    assert moved.count(2) / len(moved) == pytest.approx(make_warm_start.FLAWED, abs=0.1)
    assert {row["objects"][0]["label"] for row in flawed if row["objects"]} == {"cup"}
    assert flawed[300]["objects"] == []
    assert make_warm_start.with_flaws(rows, seed=0).to_list() == flawed.to_list()


@pytest.mark.parametrize(("falls", "last"), [(True, 0.1), (False, 1.0)])
def test_the_rate_rises_and_falls_if_asked(falls: bool, last: float) -> None:
    schedule = Schedule(steps=30, batch=1, rate=1.0, warmup=10, falls=falls)
    assert [schedule.rate_at(step) for step in (1, 10, 20, 30)] == pytest.approx([0.1, 1.0, 1.0, last])
