"""Reading a release: what is refused, and that what is read is what was written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cgc_data.common.errors import ReleaseError
from cgc_data.look.documents import published_documents
from cgc_data.release.read import open_release
from cgc_data.release.schema import arrow_schema
from cgc_data.release.stats import read_stats
from tests.cgc_train.made_rows import some_rows, write_release
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


def test_a_manifest_without_the_number_of_rows_is_refused(folder: Path) -> None:
    write_manifest(folder, counts={"by_split": {}})
    with pytest.raises(ReleaseError, match="missing required field `total`"):
        open_release(folder)


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


def test_ids_of_another_type_are_read_and_picked_alike(folder: Path) -> None:
    for shard in folder.glob("int*/*.parquet"):
        table = pq.read_table(shard)
        pq.write_table(table.set_column(0, "id", pa.array(range(7, 7 + len(table)))), shard)
    release = open_release(folder)
    ids = {row["id"] for row in release.rows(["id"])}
    assert ids == {"7", "8", "9"} == {row["id"] for row in release.pick(ids)}


def _without_last(images: list[Any]) -> list[Any]:
    return images[:-1]


def _twice(images: list[Any]) -> list[Any]:
    return images * 2


def _without_bytes(images: list[Any]) -> list[Any]:
    return [{"bytes": None, "path": "0.jpg"} for _ in images]


@pytest.mark.parametrize("mode", ["embed", "reference"])
@pytest.mark.parametrize("spoil", [_without_last, _twice, _without_bytes])
def test_images_other_than_one_a_view_are_refused(folder: Path, mode: str, spoil: Callable[[Any], Any]) -> None:
    write_manifest(folder, image_mode=mode)
    shard = folder / "inter" / "train-00000-of-00001.parquet"
    rows = pq.read_table(shard).to_pylist()
    rows[1]["images"] = spoil(rows[1]["images"])
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema()), shard)
    release = open_release(folder)
    with pytest.raises(ReleaseError, match="images"):
        list(release.pick({row["id"] for row in rows}))
    with pytest.raises(ReleaseError, match="images"):
        list(release.rows(images=True))


def test_rows_without_images_are_refused_if_the_manifest_promises_them(folder: Path) -> None:
    write_tiny_release(folder, rows=3, image_mode="reference")
    assert len(list(open_release(folder).rows(images=True))) == 18
    write_manifest(folder, image_mode="embed")
    with pytest.raises(ReleaseError, match="a different number of images than views"):
        list(open_release(folder).rows(images=True))


def _no_view(row: dict[str, Any]) -> None:
    row.update(views=[], images=[], objects=[], evidence=[], answer_images=[], reference_images=[])


def _no_prompt(row: dict[str, Any]) -> None:
    row["prompt"] = []


@pytest.mark.parametrize("spoil", [_no_view, _no_prompt])
def test_a_row_that_says_or_shows_nothing_is_refused(folder: Path, spoil: Callable[[dict[str, Any]], None]) -> None:
    shard = folder / "inter" / "train-00000-of-00001.parquet"
    rows = pq.read_table(shard).to_pylist()
    spoil(rows[2])
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema()), shard)
    with pytest.raises(ReleaseError, match="is empty"):
        list(open_release(folder).rows())


def test_a_release_with_former_names_is_read(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["licences"] = manifest.pop("licenses")
    manifest["config"] = {"licences": "permissive"}
    path.write_text(json.dumps(manifest))
    read = open_release(folder).manifest
    assert (read["licenses"], read["config"]) == ("permissive", {"licenses": "permissive"})
    stats = json.loads((folder / "stats.json").read_text())
    stats["licences"] = stats.pop("licenses")
    (folder / "stats.json").write_text(json.dumps(stats))
    assert read_stats(folder / "stats.json")["licenses"][0]["url"].endswith("/by/2.0/")
    assert "CC BY 2.0" in published_documents(open_release(folder), "org/tiny", None)["LICENSE.md"]


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_that_counts_from_1_is_never_less(tmp_path: Path, number: int) -> None:
    rows = some_rows("train")
    rows[0]["answer_images"] = [number]
    with pytest.raises(ReleaseError, match="answer_images is less than 1"):
        list(open_release(write_release(tmp_path / "R", rows)).rows())
