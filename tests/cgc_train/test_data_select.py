"""Which rows are trained on and in which order: filters, the seed, the curriculum, epochs, what is held out."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cgc_data.release.read import Release, open_release
from cgc_train.data.select import chosen, epoch_order, grade, held_out, kept_ids
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import DataSettings
from tests.cgc_train.made_rows import Row, some_rows, write_release

ROWS = [row for photo in (1, 101, 201, 301) for row in some_rows(photo=photo)]
VALIDATION = [row for photo in range(1001, 2001, 100) for row in some_rows("validation", photo)]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    light = [{**row, "images": []} for row in [*ROWS, *VALIDATION]]
    return open_release(write_release(tmp_path_factory.mktemp("select") / "release", light))


def data(**settings: Any) -> DataSettings:
    return DataSettings(release="unused", **settings)


def rows_of(release: Release, **settings: Any) -> list[Row]:
    by_id = {row["id"]: row for row in ROWS}
    return [by_id[identity] for identity in chosen(release, data(**settings), "train")]


def test_every_row_once_in_an_order_of_the_seed(release: Release) -> None:
    first, again, other = (chosen(release, data(seed=seed), "train") for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other) == sorted(row["id"] for row in ROWS)


@pytest.mark.parametrize(
    ("settings", "column", "kinds"),
    [
        ({"contrasts": ["inter"]}, "contrast", ["inter"]),
        ({"contrasts": ["intra"]}, "contrast", ["intra"]),
        ({"tasks": ["inter/locate", "inter/absent"]}, "task", ["absent", "locate"]),
        ({"distractors": ["hard", "views"]}, "distractors", ["hard", "views"]),
    ],
    ids=str,
)
def test_filters(release: Release, settings: dict[str, Any], column: str, kinds: list[str]) -> None:
    found = rows_of(release, **settings)
    assert sorted({row[column] for row in found}) == kinds
    assert len(found) == sum(row[column] in kinds for row in ROWS)


def test_a_limit_takes_the_same_rows_with_and_without_curriculum(release: Release) -> None:
    plain, ordered = (chosen(release, data(limit=9, curriculum=kind), "train") for kind in ("none", "easy_first"))
    assert plain == chosen(release, data(), "train")[:9]
    assert sorted(plain) == sorted(ordered)


def test_easy_first_goes_up_by_grades_and_shuffles_within(release: Release) -> None:
    first, other = (rows_of(release, curriculum="easy_first", seed=seed) for seed in (0, 1))
    grades = [grade(row["difficulty"]) for row in first]
    assert grades == sorted(grades)
    assert len(set(grades)) > 2
    assert grades == [grade(row["difficulty"]) for row in other]
    assert [row["id"] for row in first] != [row["id"] for row in other]


@pytest.mark.parametrize(("difficulty", "expected"), [(0.0, 0), (0.09, 0), (0.1, 1), (0.55, 5), (0.999, 9), (1.0, 9)])
def test_grades_are_tenths_of_difficulty(difficulty: float, expected: int) -> None:
    assert grade(difficulty) == expected


def test_epochs_are_orders_of_seed_and_epoch_alone() -> None:
    orders = [epoch_order(50, 7, epoch) for epoch in range(4)]
    assert orders[0].tolist() == list(range(50))
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert epoch_order(50, 7, 3).tolist() == orders[3].tolist()
    assert epoch_order(50, 8, 3).tolist() != orders[3].tolist()


def test_epochs_of_a_curriculum_stay_in_grades() -> None:
    grades = [0] * 20 + [2] * 20 + [5] * 10
    orders = [epoch_order(50, 7, epoch, grades) for epoch in (1, 2)]
    assert all(np.array(grades)[order].tolist() == grades for order in orders)
    assert orders[0].tolist() != orders[1].tolist()


def test_files_of_kept_rows(release: Release, tmp_path: Path) -> None:
    wanted = sorted(row["id"] for row in ROWS)[:3]
    plain, measured = tmp_path / "ids.txt", tmp_path / "rows.jsonl"
    plain.write_text("\n".join([*wanted, ""]))
    lines = [f'{{"id": "{identity}", "kept": {str(identity in wanted).lower()}}}' for identity in map(_id, ROWS)]
    measured.write_text("\n".join(lines))
    for path in (plain, measured):
        assert sorted(map(_id, rows_of(release, keep=str(path)))) == wanted
    assert kept_ids(plain) == set(wanted)


@pytest.mark.parametrize(
    ("content", "fault"),
    [(None, "not a file of row ids"), ('{"id": 1', "not a file of row ids"), ("", "contains no rows to keep")],
    ids=["missing", "damaged", "empty"],
)
def test_bad_files_of_kept_rows(release: Release, tmp_path: Path, content: str | None, fault: str) -> None:
    path = tmp_path / "keep"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TrainingDataError, match=fault):
        chosen(release, data(keep=str(path)), "train")


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"distractors": ["close"]}, "'close' is not a kind of distractor; choose from decoupled, hard, views"),
        ({"contrasts": ["intra"], "tasks": ["inter/locate"]}, "the filters of `data` exclude all"),
    ],
    ids=str,
)
def test_nothing_to_train_on(release: Release, settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(TrainingDataError, match=fault):
        chosen(release, data(**settings), "train")


def test_kept_rows_of_another_release(release: Release, tmp_path: Path) -> None:
    (tmp_path / "keep").write_text("0123456789abcdef\n")
    with pytest.raises(TrainingDataError, match=r"data\.keep=\S+ lists no row that passes the other filters"):
        chosen(release, data(keep=str(tmp_path / "keep")), "train")


def test_held_out_rows_are_whole_pairs_and_always_the_same(release: Release) -> None:
    by_id = {row["id"]: row for row in VALIDATION}
    small, large = (held_out(release, "validation", count) for count in (20, 40))
    assert 20 <= len(small) <= 21
    assert large[: len(small)] == small
    pairs = Counter(by_id[identity]["pair_id"] for identity in small)
    assert all(count == 2 for pair, count in pairs.items() if pair)
    assert len({by_id[identity]["task"] for identity in small}) == 4


def test_no_rows_to_hold_out(release: Release) -> None:
    with pytest.raises(TrainingDataError, match=r"split 'test' has no rows .* data\.held_out_every=0"):
        held_out(release, "test", 8)


def _id(row: Row) -> str:
    return str(row["id"])
