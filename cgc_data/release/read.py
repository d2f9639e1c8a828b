"""Read a finished release: its manifest, and its rows as a stream whose memory does not grow with their number."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.errors import ReleaseError
from cgc_data.release.schema import CONTRASTS, FEATURES, SCHEMA_VERSION, SPLITS

# Rows decoded at a time: six embedded photos a row are a few MB.
BATCH_ROWS, BATCH_ROWS_WITH_IMAGES = 1024, 16


@dataclass(frozen=True)
class Release:
    """A finished release on disk; `open_release` makes one."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def has_images(self) -> bool:
        """False where the rows only say how views are composed (`--images reference`)."""
        return bool(self.manifest["image_mode"] == "embed")

    def shards(self, contrast: str | None = None, split: str | None = None) -> list[Path]:
        """Paths of the shards in the manifest's order. Raises ReleaseError for an unknown contrast or split."""
        _known(contrast, CONTRASTS, "contrast")
        _known(split, SPLITS, "split")
        paths = [self.folder / shard["path"] for shard in self.manifest["shards"]]
        return [p for p in paths if contrast in (None, p.parent.name) and split in (None, p.name.split("-")[0])]

    def batches(
        self,
        columns: Sequence[str] | None = None,
        contrast: str | None = None,
        split: str | None = None,
        images: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Record batches of the asked columns (default: all; the images only where `images` is true)."""
        wanted = [c for c in columns or FEATURES if c != "images"] + ["images"] * images
        size = BATCH_ROWS_WITH_IMAGES if images else BATCH_ROWS
        for path in self.shards(contrast, split):
            with _open(path) as shard:
                yield from shard.iter_batches(batch_size=size, columns=wanted)

    def rows(
        self,
        columns: Sequence[str] | None = None,
        contrast: str | None = None,
        split: str | None = None,
        images: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """The rows as dictionaries, as in `cgc_data.release.schema`; images as {"bytes", "path"}."""
        for batch in self.batches(columns, contrast, split, images):
            yield from batch.to_pylist()

    def pick(self, ids: Collection[str]) -> Iterator[dict[str, Any]]:
        """The rows of these ids with their images, in the order stored; other row groups are not decoded."""
        for path in self.shards():
            with _open(path) as shard:
                for group in range(shard.num_row_groups):
                    found = shard.read_row_group(group, columns=["id"])["id"].to_pylist()
                    if not set(ids).isdisjoint(found):
                        yield from _chosen(shard, group, set(ids))


def open_release(path: Path | str) -> Release:
    """The release in a folder.

    Raises ReleaseError where the folder is missing, holds no finished release, or one of another schema version.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ReleaseError(f"{folder}: no such folder; give the folder that `cgc-data build --out` wrote")
    manifest = _manifest(folder / "manifest.json")
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ReleaseError(
            f"{folder}: schema version {version}, but this version of cgc-grounding reads {SCHEMA_VERSION}; "
            "install the version named under created_with in manifest.json"
        )
    for shard in manifest["shards"]:
        if not (folder / shard["path"]).is_file():
            raise ReleaseError(
                f"{folder / shard['path']}: shard of the manifest is missing; build or download it again"
            )
    return Release(folder, manifest)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ReleaseError(
            f"{path.parent}: not a finished release (no manifest.json); run the same `cgc-data build` again"
        ) from None
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{path}: not readable as JSON ({error}); build or download the release again") from None
    missing = (
        {"schema_version", "name", "shards", "image_mode"} - manifest.keys() if isinstance(manifest, dict) else {"*"}
    )
    if missing:
        raise ReleaseError(f"{path}: not the manifest of a release (no {', '.join(sorted(missing))})")
    return dict(manifest)


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, pre_buffer=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise ReleaseError(f"{path}: not a readable shard ({error}); build or download it again") from None


def _chosen(shard: pq.ParquetFile, group: int, ids: set[str]) -> Iterator[dict[str, Any]]:
    for batch in shard.iter_batches(batch_size=BATCH_ROWS_WITH_IMAGES, row_groups=[group]):
        for index, identity in enumerate(batch["id"].to_pylist()):
            if identity in ids:
                yield from batch.slice(index, 1).to_pylist()


def _known(value: str | None, known: Sequence[str], what: str) -> None:
    if value is not None and value not in known:
        raise ReleaseError(f"{what} {value!r} is not one of {', '.join(known)}")
