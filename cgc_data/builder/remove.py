"""Removes one photo from a release. The result is written as a new version.

Remove a photo, for example, if a person requests the removal, or if the license is withdrawn.

All rows that show the photo are removed. To keep the release balanced, some other rows are also removed. If one row of
a pair is removed, the other row is removed too. For rows whose answer can be in several images, there is one more rule.
If the remaining rows of this kind about a set of photos have boxes in fewer than two photos, all these rows are
removed. The other rows keep their content and ids.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.builder.finish import write_release_files
from cgc_data.builder.shards import group_rows, write_row_groups
from cgc_data.common.errors import BuildError, ReleaseError
from cgc_data.common.folder import filled, is_free
from cgc_data.look.documents import drawn_from
from cgc_data.release.form import checked
from cgc_data.release.inside import inside
from cgc_data.release.manifest import Manifest, Removed, Shard
from cgc_data.release.read import Release, open_release
from cgc_data.release.rows import Row, ViewRow
from cgc_data.sources.read import file_sha256
from cgc_data.tasks import task_of

SHOWN_IDS = 5


def remove_photo(release: Path, image_id: int, out: Path, *, source: str | None = None) -> int:
    """Copy the release to `out` without the photo `image_id`, and return the number of removed rows.

    `source` is a source key from the manifest. You need to pass `source` only if two sources use the same id for
    different photos. Raises ReleaseError if no row shows the photo, or if no row would be left. Raises BuildError if
    `out` is not empty. Files from an interrupted call are allowed, and are replaced.
    """
    opened = open_release(release)
    if not is_free(out):
        raise BuildError(f"{out}: not a folder, or not empty; choose a new folder for the new version")
    rejected = _rejected(opened.path("rejected.parquet"))
    leaving = rows_to_remove(opened, image_id, source)
    manifest: Manifest = {
        **opened.manifest,
        "shards": [],
        "removed": [*_removed(opened), {"image_id": image_id}],
    }
    manifest.pop("fingerprint", None)  # a build never creates this folder
    with filled(out):
        for shard in opened.manifest["shards"]:
            if kept := _copy(opened.path(shard["path"]), inside(out, shard["path"]), shard, leaving):
                manifest["shards"].append(kept)
        with drawn_from(opened.path("manifest.json")):
            write_release_files(out, manifest, rejected)
    return len(leaving)


def _removed(release: Release) -> list[Removed]:
    """The photos that were removed from earlier versions."""
    earlier = release.manifest.get("removed", [])
    return earlier if isinstance(earlier, list) else []


def _rejected(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ReleaseError(f"{path}: cannot be read ({error}); build or download the release again") from None


def rows_to_remove(release: Release, image_id: int, source: str | None) -> set[str]:
    """Ids of the rows that show the photo, and of the rows that must also be removed to keep the release balanced.

    Raises ReleaseError if no row shows the photo, or no row would be left.
    """
    rows = list(release.rows(["id", "contrast", "task", "tuple_id", "pair_id", "views", "objects", "answer_images"]))
    leaving = {row["id"] for row in rows if any(_is(view, image_id, source) for view in row["views"])}
    if not leaving:
        raise ReleaseError(f"{release.folder}: no row shows a photo with the id {image_id}; {_ids(rows, source)}")
    while True:
        more = leaving | _halves(rows, leaving) | _lonely(rows, leaving)
        if len(more) == len({row["id"] for row in rows}):
            raise ReleaseError(
                f"{release.folder}: without photo {image_id} no row would be left; delete the release instead"
            )
        if more == leaving:
            return leaving
        leaving = more


def _ids(rows: list[Row], source: str | None) -> str:
    """Part of an error message: lists some of the photo ids in the release."""
    parts = [part for row in rows for view in row["views"] for part in view["parts"]]
    shown = sorted({part["image_id"] for part in parts if source in (None, part["source"])})
    some = ", ".join(map(str, shown[:SHOWN_IDS]))
    return (
        (f"the `views` of the rows contain {len(shown):,} ids, such as {some}") if shown else f"no row is from {source}"
    )


def _is(view: ViewRow, image_id: int, source: str | None) -> bool:
    """Whether the view shows any part of the photo."""
    return any(part["image_id"] == image_id and source in (None, part["source"]) for part in view["parts"])


def _halves(rows: list[Row], leaving: set[str]) -> set[str]:
    """Ids of both rows of every pair from which a row is removed."""
    pairs = {row["pair_id"] for row in rows if row["id"] in leaving and row["pair_id"]}
    return {row["id"] for row in rows if row["pair_id"] in pairs}


def _lonely(rows: list[Row], leaving: set[str]) -> set[str]:
    """Ids of the rows whose answer can be in several images, for each set of photos in which the remaining rows of this
    kind have boxes in fewer than two photos.
    """
    targets: dict[str, set[int]] = defaultdict(set)
    members: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        several = len(row["answer_images"]) > 1
        if several and not task_of(row).contrast.windows and row["id"] not in leaving:
            members[row["tuple_id"]].add(row["id"])
            targets[row["tuple_id"]] |= {row["views"][o["img_idx"] - 1]["image_id"] for o in row["objects"]}
    return {row_id for name, ids in members.items() if len(targets[name]) < 2 for row_id in ids}


def _copy(shard: Path, target: Path, record: Shard, leaving: set[str]) -> Shard | None:
    """Write the shard without the removed rows, and return its manifest entry.

    If no rows are left, no file is written and None is returned.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    ids = pq.read_table(shard, columns=["id"]).column("id").to_pylist()
    if leaving.issuperset(ids):  # `load_dataset` refuses a split without rows
        return None
    if leaving.isdisjoint(ids):
        shutil.copyfile(shard, target)
        return record
    rows, num_bytes = write_row_groups(target, group_rows(_kept(shard, leaving)))
    return {
        "path": record["path"],
        "rows": rows,
        "bytes": target.stat().st_size,
        "num_bytes": num_bytes,
        "sha256": file_sha256(target),
    }


def _kept(shard: Path, leaving: set[str]) -> Iterator[list[Row]]:
    for batch in pq.ParquetFile(shard).iter_batches(batch_size=16):
        if kept := [row for row in checked(batch, shard).to_pylist() if row["id"] not in leaving]:
            yield kept
