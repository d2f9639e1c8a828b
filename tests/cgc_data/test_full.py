"""A release of every task, the whole way: shares, validation, removal, references, exports, and the perfect answer."""

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from cgc_data.answer import format_response
from cgc_data.builder.release import build_release
from cgc_data.builder.remove import remove_photo
from cgc_data.config import BuildConfig
from cgc_data.export import Format, export_release
from cgc_data.metrics import score_item, truth_of
from cgc_data.painter.embedded import with_sources
from cgc_data.plan.asked import asked_as
from cgc_data.release.read import open_release
from cgc_data.release.reference import with_images
from cgc_data.release.rows import Row, answer_objects
from cgc_data.tasks import PLANNED, TASKS, task_of
from cgc_data.validate import validate
from cgc_train.traces import trace

ROWS = 240


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of the preset `full` over the embedded sample."""
    folder = tmp_path_factory.mktemp("full")
    config = with_sources(BuildConfig(preset="full", samples=ROWS), folder)
    build_release(config, folder / "release")
    return folder / "release"


@pytest.fixture(scope="module")
def rows(full: Path) -> list[Row]:
    return list(open_release(full).rows())


def test_every_task_has_about_the_rows_that_were_asked_for(rows: list[Row]) -> None:
    made = Counter(asked_as(row["contrast"], row["template_id"]) for row in rows)
    for task, share in BuildConfig(preset="full").shares.items():
        # a family has several rows, and the last one of each split is made whole
        assert made[task] == pytest.approx(share * ROWS, rel=0.2, abs=20), task
    assert {task_of(row).id for row in rows} >= set(PLANNED)


def test_it_is_valid(full: Path) -> None:
    report = validate(full)
    assert report.valid, report.failed()


def test_no_photo_is_shown_more_often_than_allowed_in_any_role(rows: list[Row]) -> None:
    shown: Counter[tuple[str, str, int]] = Counter()
    for row in rows:
        parts = {(part["source"], part["image_id"]) for view in row["views"] for part in view["parts"]}
        shown.update((task_of(row).id, *part) for part in parts)
    assert max(shown.values()) <= BuildConfig().limits.rows_per_photo


def test_every_view_is_made_again_byte_for_byte(full: Path, rows: list[Row]) -> None:
    release = open_release(full)
    stored, again = release.rows(images=True), with_images(release, rows, None)
    for row, made in zip(stored, again, strict=True):
        assert [image["bytes"] for image in made["images"]] == [image["bytes"] for image in row["images"]], row["task"]


def test_a_photo_that_lent_an_object_is_removed_too(full: Path, rows: list[Row], tmp_path: Path) -> None:
    lent = next(part for row in rows for view in row["views"] for part in view["parts"][1:])
    assert remove_photo(full, lent["image_id"], tmp_path / "less", source=lent["source"]) > 0
    left = [part for row in open_release(tmp_path / "less").rows() for view in row["views"] for part in view["parts"]]
    assert lent["image_id"] not in {part["image_id"] for part in left if part["source"] == lent["source"]}
    report = validate(tmp_path / "less")
    assert report.valid, report.failed()


def test_the_rows_own_answers_score_one(rows: list[Row]) -> None:
    for row in rows:
        scored = score_item(format_response(answer_objects(row["objects"]), "Looked."), truth_of(row))
        assert (scored.accuracy, scored.miou, bool(scored.leaked)) == (1, 1, False), row["id"]


def test_traces_name_no_coordinate(rows: list[Row]) -> None:
    for row in rows:
        said = trace(row)
        assert said
        assert not any(str(value) in said for entry in row["objects"] for value in entry["bbox_2d"] if value > 9)


@pytest.mark.parametrize("form", get_args(Format))
def test_every_export_takes_every_task(full: Path, form: Format, tmp_path: Path) -> None:
    assert export_release(open_release(full), tmp_path / "export", form)


def test_empty_answers_come_in_pairs(rows: list[Row]) -> None:
    by_pair: dict[str, list[Row]] = {}
    for row in rows:
        by_pair.setdefault(row["pair_id"], []).append(row)
    empty = [row for row in rows if not row["objects"]]
    assert {task_of(row).id for row in empty} <= {id for id, task in TASKS.items() if task.may_be_empty} | {
        "inter/absent",
        "intra/absent",
    }
    for row in empty:
        twin = next(other for other in by_pair[row["pair_id"]] if other is not row)
        assert twin["objects"]
        assert (twin["template_id"], len(twin["views"])) == (row["template_id"], len(row["views"]))
