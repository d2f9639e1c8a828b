"""A prepared folder changes only as a whole: everything is written beside it, checked, and then put in place.

After an error the finished folder is as it was, and what was written beside it is kept for the next attempt.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from cgc_bench.errors import PrepareError
from cgc_bench.prepare.cache import DIGEST, MANIFEST, SCHEMA, Manifest, Prepared, open_prepared, shard_digest

Row = tuple[str, Sequence[bytes]]


def prepare_once(folder: Path, found: Callable[[], Prepared | None], make: Callable[[Path], Prepared]) -> Prepared:
    """What `found` gives, else what `make` writes in the stage that it is given; one process at a time.

    Raises PrepareError if the folder cannot be written.
    """
    ready = found()
    if ready is not None:
        return ready
    with _staging(folder) as stage:
        return found() or make(stage)  # another process may have prepared it meanwhile


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` to write in; `settle` puts its content in place."""
    stage = folder.with_name(f"{folder.name}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            stage.mkdir(exist_ok=True)
            yield stage
            with suppress(OSError):  # it is gone, or holds shards for the next attempt
                stage.rmdir()
    except OSError as error:
        raise PrepareError(f"{folder}: cannot be written ({error.strerror}); set CGC_CACHE to another folder") from None


def content_digest(version: str, rows: Iterable[Row]) -> str:
    """sha256 of a task: the version of its annotations, and every item's index and images in order."""
    return digest_of(
        version, ((index, [hashlib.sha256(image).hexdigest() for image in images]) for index, images in rows)
    )


def digest_of(version: str, rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The same from the sha256 of every image."""
    digest = hashlib.sha256(json.dumps(version).encode())
    for index, images in rows:
        digest.update(json.dumps([index, *images]).encode())
    return digest.hexdigest()


def stage_shard(stage: Path, folder: Path, task: str, digest: str, rows: Callable[[], Iterable[Row]]) -> None:
    """Write a task's shard into the stage, unless one of this digest is there or in the finished folder."""
    path = stage / f"{task}.parquet"
    if shard_digest(folder / path.name) == digest:
        path.unlink(missing_ok=True)
    elif shard_digest(path) != digest:
        write_shard(path, digest, rows())


def write_shard(path: Path, digest: str, rows: Iterable[Row]) -> None:
    """A shard of items' indices and images, whole or not at all; a row group is an item."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        with pq.ParquetWriter(part, SCHEMA.with_metadata({DIGEST: digest.encode()}), compression="none") as writer:
            for index, images in rows:
                writer.write_batch(pa.RecordBatch.from_pydict({"index": [index], "images": [images]}, schema=SCHEMA))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def settle(
    stage: Path,
    folder: Path,
    *,
    annotations: Path,
    version: str,
    source: str,
    digests: Mapping[str, str],
    photos: str = "",
) -> Prepared:
    """Put the staged annotations and shards in place, then the manifest, whose presence means done."""
    staged = annotations.relative_to(stage) if annotations.is_relative_to(stage) else None
    kept = annotations if staged is None else folder / staged
    before = open_prepared(folder, elsewhere=staged is None)
    if before is None or before.digests != digests:
        (folder / MANIFEST).unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.parquet"):
        if path.stem not in digests:
            path.unlink()
    for path in sorted(stage.iterdir()):
        if path.suffix != ".part" and (path.suffix != ".parquet" or path.stem in digests):
            _move(path, folder / path.name)
    shutil.rmtree(stage)  # and what a failed attempt left
    manifest = Manifest((staged or kept).as_posix(), version, source, dict(digests), photos)
    write_whole(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return Prepared(folder, kept, version, source, dict(digests), photos)


def _move(path: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    os.replace(path, target)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    os.replace(part, path)
