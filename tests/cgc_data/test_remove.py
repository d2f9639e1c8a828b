"""A new version without a photo: what is removed, what is unchanged, and what is still fair."""

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cgc_data import open_release
from cgc_data.builder.remove import remove_photo
from cgc_data.common.errors import BuildError, ReleaseError
from tests.cgc_data.reading import read_without_package
from tests.tiny_release import write_tiny_release

Row = dict[str, Any]


def rows_of(release: Path) -> dict[str, Row]:
    return {row["id"]: row for row in open_release(release).rows(images=True)}


def shows(row: Row, image_id: int) -> bool:
    return any(view["image_id"] == image_id for view in row["views"])


@pytest.fixture(scope="module")
def before(release: Path) -> dict[str, Row]:
    return rows_of(release)


@pytest.fixture(scope="module")
def image_id(before: dict[str, Row]) -> int:
    """A photo that both contrasts show."""
    contrasts: dict[int, set[str]] = defaultdict(set)
    for row in before.values():
        for view in row["views"]:
            contrasts[view["image_id"]].add(row["contrast"])
    return min(number for number, found in contrasts.items() if found == {"inter", "intra"})


@pytest.fixture(scope="module")
def removed(release: Path, image_id: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("removed") / "v2"
    remove_photo(release, image_id, out)
    return out


def test_no_row_shows_the_photo_and_the_others_are_as_they_were(
    removed: Path, before: dict[str, Row], image_id: int
) -> None:
    after = rows_of(removed)
    assert after
    assert not any(shows(row, image_id) for row in after.values())
    assert all(before[row_id] == row for row_id, row in after.items())


def test_what_is_left_is_fair(removed: Path, before: dict[str, Row]) -> None:
    after = rows_of(removed)
    gone = [row for row_id, row in before.items() if row_id not in after]
    assert not {row["pair_id"] for row in gone if row["pair_id"]} & {row["pair_id"] for row in after.values()}
    targets: dict[str, set[int]] = defaultdict(set)
    for row in after.values():
        if row["contrast"] == "inter":
            targets[row["tuple_id"]] |= {row["views"][o["img_idx"] - 1]["image_id"] for o in row["objects"]}
    assert all(len(found) >= 2 for found in targets.values())


def test_no_more_goes_than_must(removed: Path, before: dict[str, Row], image_id: int) -> None:
    """Rows of photo sets and pairs that the photo has nothing to do with stay."""
    after = rows_of(removed)
    touched = {key for row in before.values() if shows(row, image_id) for key in (row["tuple_id"], row["pair_id"])}
    linked = {row["tuple_id"] for row in before.values() if row["pair_id"] and row["pair_id"] in touched} | touched
    twins = {row["pair_id"] for row in before.values() if row["tuple_id"] in linked and row["pair_id"]}
    linked |= {row["tuple_id"] for row in before.values() if row["pair_id"] in twins}
    for row_id, row in before.items():
        assert row_id in after or row["tuple_id"] in linked


def test_shards_without_the_photo_keep_their_bytes(removed: Path, release: Path, image_id: int) -> None:
    for shard in open_release(release).manifest["shards"]:
        after = (removed / shard["path"]).read_bytes()
        contrast, name = shard["path"].split("/")
        rows = open_release(release).rows(["views"], contrast=contrast, split=name.split("-")[0])
        if not any(shows(row, image_id) for row in rows):
            assert after == (release / shard["path"]).read_bytes()


def test_the_manifest_says_so_and_is_true(removed: Path, release: Path, image_id: int) -> None:
    old, new = (open_release(folder).manifest for folder in (release, removed))
    rows = rows_of(removed)
    assert [entry["image_id"] for entry in new["removed"]] == [image_id]
    assert new["counts"]["total"] == len(rows) == sum(shard["rows"] for shard in new["shards"])
    assert new["counts"]["total"] < old["counts"]["total"]
    assert {key: new[key] for key in ("sources", "config", "seed")} == {
        key: old[key] for key in ("sources", "config", "seed")
    }
    assert json.loads((removed / "stats.json").read_text())["total"] == len(rows)


def test_it_is_read_by_load_dataset(removed: Path, tmp_path: Path) -> None:
    found = read_without_package(removed, tmp_path)
    assert sum(facts["rows"] for facts in found["default"].values()) == len(rows_of(removed))


def test_removing_twice_records_both(removed: Path, before: dict[str, Row], image_id: int, tmp_path: Path) -> None:
    other = next(view["image_id"] for row in rows_of(removed).values() for view in row["views"])
    remove_photo(removed, other, tmp_path / "v3")
    manifest = open_release(tmp_path / "v3").manifest
    assert [entry["image_id"] for entry in manifest["removed"]] == [image_id, other]


def test_a_split_that_loses_all_its_rows_is_no_split_any_more(removed: Path, tmp_path: Path) -> None:
    """`load_dataset` refuses a split without rows."""
    current = removed
    for number in range(20):
        rows = open_release(current).rows(["views"], split="validation")
        photos = sorted({view["image_id"] for row in rows for view in row["views"]})
        if not photos:
            break
        remove_photo(current, photos[0], tmp_path / str(number))
        current = tmp_path / str(number)
    assert set(read_without_package(current, tmp_path)["default"]) == {"train", "test"}


def remove_all(folder: Path) -> None:
    while True:
        image_id = next(open_release(folder).rows(["views"]))["views"][0]["image_id"]
        remove_photo(folder, image_id, folder / f"without-{image_id}")
        folder = folder / f"without-{image_id}"


def test_a_release_is_not_emptied(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="delete the release instead"):
        remove_all(write_tiny_release(tmp_path / "release", rows=1))


def test_an_unknown_photo_is_an_error_and_writes_nothing(release: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ReleaseError,
        match=r"no row shows a photo with the id 987654321; the `views` of the rows contain [\d,]+ ids, such as \d+",
    ):
        remove_photo(release, 987654321, tmp_path / "out")
    with pytest.raises(ReleaseError, match="no row shows a photo"):
        remove_photo(release, 1, tmp_path / "out", source="coco-00000000")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_files_is_left_alone(release: Path, image_id: int, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("do not touch")
    with pytest.raises(BuildError, match="or not empty; choose a new folder"):
        remove_photo(release, image_id, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_unfinished_release_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_release(tmp_path / "release")
    (folder / "manifest.json").unlink()
    with pytest.raises(ReleaseError, match="not a finished release"):
        remove_photo(folder, 1, tmp_path / "out")


def test_a_shard_of_other_types_is_refused(release: Path, image_id: int, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    for shard in copy.glob("int*/*.parquet"):
        table = pq.read_table(shard)
        words = pa.array(["hard"] * table.num_rows)
        pq.write_table(table.set_column(table.schema.get_field_index("difficulty"), "difficulty", words), shard)
    with pytest.raises(ReleaseError, match="not rows of a release"):
        remove_photo(copy, image_id, tmp_path / "out")
