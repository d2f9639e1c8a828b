"""Read a finished release: its manifest, and its rows as a stream whose memory does not grow with their number."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.common.errors import ReleaseError
from cgc_data.release.inside import inside
from cgc_data.release.schema import CONTRASTS, FEATURES, SCHEMA_VERSION, SPLITS

_SHARD = re.compile(rf"({'|'.join(CONTRASTS)})/({'|'.join(SPLITS)})-[\w.-]+\.parquet", re.ASCII)
# Rows decoded at a time: six embedded photos a row are a few MB.
BATCH_ROWS, BATCH_ROWS_WITH_IMAGES = 1024, 16


class _Shard(msgspec.Struct):
    path: str
    rows: int
    bytes: int
    sha256: str


class _Source(msgspec.Struct):
    key: str
    kind: str
    annotations: str
    images: str
    sha256: str


class _Manifest(msgspec.Struct):
    """What readers of a manifest count on."""

    schema_version: str
    name: str
    image_mode: str
    created_with: dict[str, str]
    sources: list[_Source]
    config: dict[str, Any]
    counts: dict[str, Any]
    shards: list[_Shard]
    files: dict[str, str]


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

    def path(self, name: str) -> Path:
        """Where a file of the release lies. Raises ReleaseError for a name that leads outside it."""
        return inside(self.folder, name)

    def shards(self, contrast: str | None = None, split: str | None = None) -> list[Path]:
        """Paths of the shards in the manifest's order. Raises ReleaseError for an unknown contrast or split."""
        _known(contrast, CONTRASTS, "contrast")
        _known(split, SPLITS, "split")
        paths = [self.path(shard["path"]) for shard in self.manifest["shards"]]
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
            with _readable(path) as shard:
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
            with _readable(path) as shard:
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
    release = Release(folder, read_manifest(folder))
    for shard in release.shards():
        if not shard.is_file():
            raise ReleaseError(f"{shard}: shard of the manifest is missing; build or download it again")
    return release


def read_manifest(folder: Path) -> dict[str, Any]:
    """manifest.json of a release, checked for form; every path in it stays inside the folder, but for its sources'.

    Raises ReleaseError where it is missing, damaged, another's, or leads elsewhere.
    """
    path = inside(folder, "manifest.json")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        if manifest.get("schema_version") in (None, SCHEMA_VERSION):
            _check_paths(folder, msgspec.convert(manifest, _Manifest))
            return manifest
    except FileNotFoundError:
        raise ReleaseError(
            f"{path.parent}: not a finished release (no manifest.json); run the same `cgc-data build` again"
        ) from None
    except msgspec.ValidationError as error:
        raise ReleaseError(f"{path}: not the manifest of a release ({error}); build or download it again") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ReleaseError(f"{path}: not readable as JSON ({error}); build or download the release again") from None
    raise ReleaseError(
        f"{path.parent}: schema version {manifest['schema_version']}, but this version of cgc-grounding reads "
        f"{SCHEMA_VERSION}; install the version named under created_with in manifest.json"
    )


def _check_paths(folder: Path, manifest: _Manifest) -> None:
    """Raise ReleaseError for a path that leads outside the release, or a shard that is not where shards are."""
    shards = [shard.path for shard in manifest.shards]
    for name in (*shards, *manifest.files):
        inside(folder, name)
    for name, times in Counter(shards).items():
        if times > 1 or not _SHARD.fullmatch(name):
            raise ReleaseError(
                f"{folder / 'manifest.json'}: {name!r} is no name of a shard, or stands there twice; build or "
                "download the release again"
            )
    for source in manifest.sources:
        if not f"{source.key}{source.annotations}{source.images}".isprintable():
            raise ReleaseError(
                f"{folder / 'manifest.json'}: source {source.key!r} has control characters in its paths; build or "
                "download the release again"
            )


@contextmanager
def _readable(path: Path) -> Iterator[pq.ParquetFile]:
    """A shard while it is read; what is damaged in it shows only then."""
    try:
        with pq.ParquetFile(path, pre_buffer=False) as shard:
            if missing := set(FEATURES) - set(shard.schema_arrow.names):
                raise ReleaseError(f"{path}: has no column {min(missing)!r}; build or download the release again")
            yield shard
    except (OSError, pa.ArrowException) as error:
        raise ReleaseError(f"{path}: not a readable shard ({error}); build or download it again") from None


def _chosen(shard: pq.ParquetFile, group: int, ids: set[str]) -> Iterator[dict[str, Any]]:
    for batch in shard.iter_batches(batch_size=BATCH_ROWS_WITH_IMAGES, row_groups=[group]):
        for index, identity in enumerate(batch["id"].to_pylist()):
            if identity in ids:
                yield from batch.slice(index, 1).to_pylist()


def _known(value: str | None, known: Sequence[str], what: str) -> None:
    if value is not None and value not in known:
        raise ReleaseError(f"{what} {value!r} is not one of {', '.join(known)}")
