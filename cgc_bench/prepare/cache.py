"""The cache of prepared benchmarks. Each variant of a benchmark has its own folder, and the folder is complete once it
contains a manifest.

The folder also contains the annotations and one shard per task, TASK.parquet. A shard has the columns `index` and
`images` (a list of bytes), and each item is a separate Parquet row group. Each shard stores a digest of its content,
and the manifest repeats the digests of all shards.
"""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cgc_bench.errors import PrepareError
from cgc_data.release.inside import file_name, inside

MANIFEST = "manifest.json"
SCHEMA = pa.schema({"index": pa.string(), "images": pa.list_(pa.binary())})
DIGEST = b"cgc_items"
Size: TypeAlias = tuple[int, int]


class Manifest(msgspec.Struct):
    """Manifest of a prepared folder. It has the fields of `Prepared`, except `folder`. If the annotations are inside
    the folder, `annotations` is a path relative to the folder.
    """

    annotations: str
    version: str
    source: str
    digests: dict[str, str]
    photos: str


@dataclass(frozen=True)
class Prepared:
    """A prepared benchmark.

    Attributes:
        folder: folder with one shard per task.
        annotations: file or folder to pass to the benchmark's `read_items`.
        version: version of the annotations.
        source: where the files come from, and whether their revision is pinned.
        digests: sha256 of each task. The hash covers the version of the annotations, and the index and images of every
            item, in order.
        photos: folder or zip with the source photos from which the images are made; empty if the source stores the
            images.
    """

    folder: Path
    annotations: Path
    version: str
    source: str
    digests: Mapping[str, str]
    photos: str = ""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks in the folder."""
        return tuple(self.digests)

    def indices(self, task: str) -> list[str]:
        """Indices of the items in a task, in order. Raises PrepareError if the shard cannot be read or was replaced."""
        with self._shard(task) as shard:
            return [str(index) for index in shard.read(columns=["index"])["index"].to_pylist()]

    def images(self, task: str, place: int) -> list[bytes]:
        """The encoded images of the item at a 0-based position. No other images are read. Raises PrepareError under the
        same conditions as `indices`.
        """
        with self._shard(task) as shard:
            group = shard.read_row_group(place, columns=["images"])
            images: list[bytes] = group["images"][0].as_py()
            return images

    def sizes(self, task: str, place: int, most: int) -> list[Size]:
        """Width and height of each of the item's images, after downscaling to at most `most` pixels. Only headers are
        read.
        """
        return [shown_size(_size(content), most) for content in self.images(task, place)]

    @contextmanager
    def _shard(self, task: str) -> Iterator[pq.ParquetFile]:
        path = inside(self.folder, f"{task}.parquet")
        try:
            with pq.ParquetFile(path) as shard:
                if _digest(shard.schema_arrow) != self.digests[task]:
                    raise PrepareError(f"{path}: replaced while in use; run the same command again")
                yield shard
        except (OSError, pa.ArrowException) as error:
            raise PrepareError(f"{path}: not readable ({error}); delete its folder and prepare again") from None


def shown_size(size: Size, most: int) -> Size:
    """Width and height of an image after it is downscaled to at most `most` pixels."""
    width, height = size
    scale = min(1.0, (most / (width * height)) ** 0.5)
    return max(int(width * scale), 1), max(int(height * scale), 1)


def _size(content: bytes) -> Size:
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
        return width, height


def shard_digest(path: Path) -> str | None:
    """The digest stored in a shard; None if the shard is missing or damaged, or if it does not contain a digest."""
    try:
        return _digest(pq.read_schema(path))
    except (OSError, pa.ArrowException):
        return None


def _digest(schema: pa.Schema) -> str | None:
    found = (schema.metadata or {}).get(DIGEST)
    return None if found is None else str(found, "ascii", "replace")


def cache_folder() -> Path:
    """The folder set in CGC_CACHE or, by default, this project's folder in the user's cache."""
    return Path(os.environ.get("CGC_CACHE") or Path.home() / ".cache" / "cgc-grounding")


def prepared_folder(name: str, variant: str) -> Path:
    """Folder of a benchmark's variant. It may not exist yet."""
    return cache_folder() / "bench" / name / file_name(variant)


def open_prepared(folder: Path, *, elsewhere: bool = False) -> Prepared | None:
    """The prepared benchmark in a folder; None if it is incomplete or was written by an older version.

    Raises ReleaseError if the manifest refers to annotations outside the folder. Set `elsewhere` to permit such a
    manifest, for a benchmark whose annotations stay in their original location.
    """
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    annotations = _annotations(folder, found.annotations, elsewhere)
    return Prepared(folder, annotations, found.version, found.source, found.digests, found.photos)


def _annotations(folder: Path, stated: str, elsewhere: bool) -> Path:
    return Path(stated) if elsewhere and Path(stated).is_absolute() else inside(folder, stated)


def find_revision(folder: Path, revision: str | None) -> Prepared | None:
    """The prepared benchmark in a folder. None if it was not prepared from the given revision on the Hub. If `revision`
    is None, any revision is accepted.
    """
    ready = open_prepared(folder)
    return ready if ready and (revision is None or ready.source.endswith(f"@{revision}")) else None
