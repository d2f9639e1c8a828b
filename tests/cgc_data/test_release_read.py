"""Reading a release: what is refused, and that what is read is what was written."""

import json
from pathlib import Path

import pytest

from cgc_data.common.errors import ReleaseError
from cgc_data.release.read import open_release
from tests.tiny_release import write_manifest, write_tiny_release


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_release(tmp_path / "tiny", rows=3)


def test_rows_and_batches_agree(folder: Path) -> None:
    release = open_release(folder)
    rows = list(release.rows())
    assert (release.name, release.has_images, len(rows)) == ("tiny", True, 18)
    assert "images" not in rows[0]
    assert sum(batch.num_rows for batch in release.batches(["id"])) == 18


@pytest.mark.parametrize(
    ("contrast", "split", "count"), [("inter", None, 9), (None, "test", 6), ("intra", "validation", 3)]
)
def test_rows_of_a_part(folder: Path, contrast: str | None, split: str | None, count: int) -> None:
    rows = list(open_release(folder).rows(["contrast", "split"], contrast, split))
    assert len(rows) == count
    assert all(contrast in (None, row["contrast"]) and split in (None, row["split"]) for row in rows)


def test_images_are_given_on_request(folder: Path) -> None:
    row = next(open_release(folder).rows(["id"], images=True))
    assert row.keys() == {"id", "images"}
    assert row["images"][0]["bytes"].startswith(b"\xff\xd8")


def test_pick_gives_whole_rows_in_stored_order(folder: Path) -> None:
    release = open_release(folder)
    ids = [row["id"] for row in release.rows(["id"])]
    picked = list(release.pick({ids[7], ids[2]}))
    assert [row["id"] for row in picked] == [ids[2], ids[7]]
    assert all(len(row["images"]) == 2 for row in picked)


@pytest.mark.parametrize("part", [{"contrast": "extra"}, {"split": "dev"}])
def test_unknown_part_is_refused(folder: Path, part: dict[str, str]) -> None:
    with pytest.raises(ReleaseError, match="is not one of"):
        list(open_release(folder).rows(**part))


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no such folder"):
        open_release(tmp_path / "none")


def test_unfinished_release(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(ReleaseError, match=r"not a finished release .*build"):
        open_release(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"schema', "not readable as JSON"),
        (b"[]", "not the manifest"),
        (b'{"name": "x"}', "required field `schema_version`"),
    ],
)
def test_broken_manifest(folder: Path, content: bytes, message: str) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(ReleaseError, match=message):
        open_release(folder)


def test_other_schema_version(folder: Path) -> None:
    write_manifest(folder, schema_version="99")
    with pytest.raises(ReleaseError, match="schema version 99"):
        open_release(folder)


def test_missing_and_broken_shards(folder: Path) -> None:
    release = open_release(folder)
    shard = folder / json.loads((folder / "manifest.json").read_text())["shards"][0]["path"]
    shard.write_bytes(b"PAR1 no more")
    with pytest.raises(ReleaseError, match="not a readable shard"):
        list(release.rows())
    shard.unlink()
    with pytest.raises(ReleaseError, match="missing"):
        open_release(folder)
