"""Reads a finished release. Rows are streamed, so memory use does not depend on the number of rows."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.common.errors import ReleaseError
from cgc_data.release.form import checked
from cgc_data.release.inside import inside
from cgc_data.release.manifest import Manifest, read_manifest
from cgc_data.release.remote import local_release
from cgc_data.release.rows import Row
from cgc_data.release.schema import FEATURES, SPLITS
from cgc_data.tasks import CONTRASTS

# Number of rows decoded at once; a row with six embedded photos takes a few MB.
BATCH_ROWS, BATCH_ROWS_WITH_IMAGES = 1024, 16


@dataclass(frozen=True)
class Release:
    """A finished release on disk, as returned by `open_release`."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """The name of the dataset, from the manifest."""
        return self.manifest["name"]

    @property
    def has_images(self) -> bool:
        """Whether rows contain images. If the release was built with `--images reference`, the rows only describe how
        to compose the views.
        """
        return self.manifest["image_mode"] == "embed"

    def path(self, name: str) -> Path:
        """Path of a file of the release. Raises ReleaseError for a name that leads out of the release."""
        return inside(self.folder, name)

    def shards(self, contrast: str | None = None, split: str | None = None) -> list[Path]:
        """Paths of the shards (of one contrast or split, if given), in the order of the manifest. Raises ReleaseError
        for an unknown contrast or split.
        """
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
        """Record batches of the requested columns (default: all except `images`). The column `images` is added only if
        the parameter `images` is true.

        Raises ReleaseError for an unknown contrast or split, and for a shard that cannot be read.
        """
        wanted = [c for c in columns or FEATURES if c != "images"] + ["images"] * images
        size = BATCH_ROWS_WITH_IMAGES if images else BATCH_ROWS
        for path in self.shards(contrast, split):
            with _readable(path) as shard:
                for batch in shard.iter_batches(batch_size=size, columns=wanted):
                    yield checked(batch, path, embedded=self.has_images)

    def rows(
        self,
        columns: Sequence[str] | None = None,
        contrast: str | None = None,
        split: str | None = None,
        images: bool = False,
    ) -> Iterator[Row]:
        """The rows, with only the requested columns of `cgc_data.release.schema`. Raises the same errors as
        `batches`.
        """
        for batch in self.batches(columns, contrast, split, images):
            yield from batch.to_pylist()

    def pick(self, ids: Collection[str]) -> Iterator[Row]:
        """Read the rows that have these ids, including the images, in stored order. Row groups without these rows are
        not decoded.

        Unknown ids are ignored. Raises ReleaseError for a shard that cannot be read.
        """
        for path in self.shards():
            with _readable(path) as shard:
                for group in range(shard.num_row_groups):
                    listed = (checked(batch, path) for batch in shard.iter_batches(row_groups=[group], columns=["id"]))
                    if not all(set(ids).isdisjoint(batch["id"].to_pylist()) for batch in listed):
                        yield from self._chosen(shard, group, set(ids), path)

    def _chosen(self, shard: pq.ParquetFile, group: int, ids: set[str], path: Path) -> Iterator[Row]:
        for raw in shard.iter_batches(batch_size=BATCH_ROWS_WITH_IMAGES, row_groups=[group]):
            batch = checked(raw, path, embedded=self.has_images)
            for index, identity in enumerate(batch["id"].to_pylist()):
                if identity in ids:
                    yield from batch.slice(index, 1).to_pylist()


def open_release(path: Path | str) -> Release:
    """Open the release in a folder, or a local copy of the release at a URL such as `s3://bucket/release`.

    Raises ReleaseError if the folder is missing, contains no finished release, contains a release of another schema
    version, or lacks a shard.
    """
    folder = local_release(path)
    if not folder.is_dir():
        raise ReleaseError(f"{folder}: no such folder; give the folder that `cgc-data build --out` wrote")
    release = Release(folder, read_manifest(folder))
    for shard in release.shards():
        if not shard.is_file():
            raise ReleaseError(
                f"{shard}: missing, although the manifest lists this shard; build or download the release again"
            )
    return release


@contextmanager
def _readable(path: Path) -> Iterator[pq.ParquetFile]:
    """Turn errors that occur while a shard is read into a ReleaseError. A damaged shard is detected only when it is
    read.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as shard:
            if missing := set(FEATURES) - set(shard.schema_arrow.names):
                raise ReleaseError(f"{path}: has no column {min(missing)!r}; build or download the release again")
            yield shard
    except (OSError, pa.ArrowException) as error:
        raise ReleaseError(f"{path}: not a readable shard ({error}); build or download it again") from None


def _known(value: str | None, known: Collection[str], what: str) -> None:
    if value is not None and value not in known:
        raise ReleaseError(f"{what} {value!r} is not one of {', '.join(known)}")
