"""The rows that the warmed-up tiny model learns from; what it is worth is measured by benchmarks/demo_learns.py."""

import pytest

pytest.importorskip("trl")


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


@pytest.mark.parametrize(("falls", "last"), [(True, 0.1), (False, 1.0)])
def test_the_rate_rises_and_falls_if_asked(falls: bool, last: float) -> None:
    schedule = Schedule(steps=30, batch=1, rate=1.0, warmup=10, falls=falls)
    assert [schedule.rate_at(step) for step in (1, 10, 20, 30)] == pytest.approx([0.1, 1.0, 1.0, last])
