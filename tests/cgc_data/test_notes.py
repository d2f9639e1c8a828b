"""Messages about a plan that made fewer rows than requested."""

from collections import Counter

import pytest

from cgc_data.config import BuildConfig
from cgc_data.plan.notes import TaskRows, rows_by_task, split_notes
from cgc_data.plan.planner import Outcome
from cgc_data.release.schema import Split
from cgc_data.tasks import TASKS

TASK = TASKS["inter/common"]


def outcome(rows: int, photos: int, full: int = 0, tried: int = 0, spent: bool = True, lost: int = 0) -> Outcome:
    unfit = Counter({"no texture": lost, "too dark": lost // 2, "too bright": lost // 4})
    return Outcome((TASK,), 0.5, rows, photos, full, +unfit, tried, spent)


@pytest.mark.parametrize(
    ("parts", "made", "said"),
    [
        (
            [outcome(20, 30, 4), outcome(10, 10, 1)],
            30,
            "5 of 40 photos already in 3 rows, the maximum (limits.rows_per_photo)",
        ),
        ([outcome(20, 30), outcome(10, 10)], 30, "no more rows are possible with 40 usable photos"),
        ([outcome(20, 30, spent=False)], 20, "few photos suit this task, so the build has more rows of other tasks"),
        (
            [outcome(20, 30, lost=8)],
            20,
            "no more rows are possible with 30 usable photos; 8 photos: no texture; 4 photos: too dark",
        ),
        ([outcome(0, 30), outcome(0, 5, spent=False)], 0, f"no photo is suitable for this task; it needs {TASK.needs}"),
        ([outcome(0, 30, tried=60, spent=False)], 0, f"no photo is suitable for this task; it needs {TASK.needs}"),
        ([outcome(0, 0, spent=False)], 0, f"no photo is suitable for this task; it needs {TASK.needs}"),
        (
            [outcome(0, 30, tried=7, spent=False)],
            0,
            "no row was possible with the 7 photos tried; a larger release may include rows of this task",
        ),
        ([outcome(0, 30, spent=False)], 0, "a larger release may include rows of this task"),
        ([outcome(450, 30, 4)], 450, ""),
    ],
)
def test_every_task_is_told_with_what_limits_its_rows(parts: list[Outcome], made: int, said: str) -> None:
    config = BuildConfig(samples=1000, limits={"rows_per_photo": 3})
    assert rows_by_task(parts, config) == [TaskRows(TASK.id, 500, made, said)]


@pytest.mark.parametrize(("made", "told"), [(0, True), (1, False), (2, False)])
def test_a_row_or_two_that_a_small_release_lacks_need_no_cause(made: int, told: bool) -> None:
    (found,) = rows_by_task([outcome(made, 30)], BuildConfig(samples=6))
    assert (found.asked, found.made, bool(found.cause)) == (3, made, told)


@pytest.mark.parametrize(
    ("photos", "filled", "noted"),
    [
        ({"train": 90, "validation": 9, "test": 0}, {"train", "validation"}, ()),
        ({"train": 90, "validation": 2, "test": 0}, {"train"}, ("validation: too few photos for a row; increase",)),
        ({"train": 3, "validation": 0, "test": 0}, (), ("train: too few photos for a row; add photos",)),
        ({"train": 0, "validation": 0, "test": 48}, {"test"}, ("train: contains none of the photos; COCO's val2017",)),
    ],
)
def test_a_split_without_rows_is_reported_with_the_fix(
    photos: dict[Split, int], filled: set[str], noted: tuple[str, ...]
) -> None:
    found = list(split_notes(photos, filled))
    assert len(found) == len(noted)
    assert all(line.startswith(start) for line, start in zip(found, noted, strict=True))
