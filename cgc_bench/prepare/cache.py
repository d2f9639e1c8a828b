"""Where prepared benchmarks lie: one folder a benchmark and variant, finished once its manifest is there.

FOLDER/ manifest.json annotations/... TASK.parquet; the columns of a shard are `index` and `images`, a list of bytes,
and an item is a row group.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_bench.errors import PrepareError
from cgc_data.release.inside import file_name, inside

MANIFEST = "manifest.json"
RELEASES = "contrast"  # the benchmark whose annotations stay where they are
SCHEMA = pa.schema({"index": pa.string(), "images": pa.list_(pa.binary())})


@dataclass(frozen=True)
class Prepared:
    """A prepared benchmark.

    Attributes:
        folder: with one shard a task.
        annotations: the file or folder that the benchmark's `read_items` takes.
        version: of the annotations.
        source: where the files came from; an unpinned revision is said so.
        tasks: the tasks there are.
    """

    folder: Path
    annotations: Path
    version: str
    source: str
    tasks: tuple[str, ...]

    def is_of(self, revision: str | None) -> bool:
        """Whether this is what a revision on the Hub gives; None takes whatever is there."""
        return revision is None or self.source.endswith(f"@{revision}")

    def indices(self, task: str) -> list[str]:
        """Indices of a task's items, in order. Raises PrepareError for a damaged shard."""
        with self._reading(task) as path:
            return [str(index) for index in pq.read_table(path, columns=["index"])["index"].to_pylist()]

    def images(self, task: str, place: int) -> list[bytes]:
        """The images of the item at a place, from 0; no other is read. Raises PrepareError for a damaged shard."""
        with self._reading(task) as path, pq.ParquetFile(path) as shard:
            group = shard.read_row_group(place, columns=["images"])
            images: list[bytes] = group["images"][0].as_py()
            return images

    @contextmanager
    def _reading(self, task: str) -> Iterator[Path]:
        path = inside(self.folder, f"{task}.parquet")
        try:
            yield path
        except (OSError, pa.ArrowException) as error:
            raise PrepareError(f"{path}: not readable ({error}); delete its folder and prepare again") from None


def cache_folder() -> Path:
    """The user's cache of this project, or where CGC_CACHE says."""
    return Path(os.environ.get("CGC_CACHE") or Path.home() / ".cache" / "cgc-grounding")


def prepared_folder(name: str, variant: str) -> Path:
    """Folder of a benchmark's variant, whether it is there or not."""
    return cache_folder() / "bench" / name / file_name(variant)


def open_prepared(folder: Path) -> Prepared | None:
    """The prepared benchmark of a folder; None where it is not finished.

    Raises ReleaseError where its manifest names annotations elsewhere; of a release they are its folder.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return Prepared(
            folder,
            _annotations(folder, manifest["annotations"]),
            manifest["version"],
            manifest["source"],
            tuple(manifest["tasks"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _annotations(folder: Path, stated: str) -> Path:
    return Path(stated) if folder.parent.name == RELEASES and Path(stated).is_absolute() else inside(folder, stated)
