"""What a user is told of a plan that made fewer rows than asked for."""

from collections import Counter

import pytest

from cgc_data.config import BuildConfig
from cgc_data.plan.notes import fewer_rows
from cgc_data.plan.planner import Outcome
from cgc_data.tasks import TASKS

TASK = next(iter(TASKS.values()))


def outcome(rows: int, photos: int, full: int) -> Outcome:
    return Outcome((TASK,), 0.5, rows, photos, full, Counter())


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            [outcome(20, 30, 4), outcome(10, 10, 1)],
            "of 40 photos, 5 are shown in 3 rows of a task (limits.rows_per_photo), and the others allow no more",
        ),
        (
            [outcome(20, 30, 0), outcome(10, 10, 0)],
            "the 40 photos that can be used allow no more, and limits.rows_per_photo=3 limits none of them",
        ),
    ],
)
def test_what_limits_the_rows_is_said(parts: list[Outcome], said: str) -> None:
    config = BuildConfig(samples=1000, limits={"rows_per_photo": 3})
    assert list(fewer_rows(parts, config)) == [f"made 30 of 500 rows asked of {TASK.id}: {said}"]


def test_nothing_is_said_if_nearly_all_rows_were_made() -> None:
    assert list(fewer_rows([outcome(450, 30, 4)], BuildConfig(samples=1000))) == []
