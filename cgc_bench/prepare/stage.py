"""Replaces the content of a prepared folder only after all new content has been written and checked. The new content is
first written to a staging folder next to the prepared folder.

After an error, the prepared folder is unchanged, and the files written so far are kept for the next attempt.
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
    """Return the result of `found`. If it is None, return the result of `make`, which writes to the staging folder
    passed to it. A lock lets only one process prepare the folder at a time.

    Raises PrepareError if the folder cannot be written.
    """
    ready = found()
    if ready is not None:
        return ready
    with _staging(folder) as stage:
        return found() or make(stage)  # another process may have prepared the folder in the meantime


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Provide a staging folder next to `folder`. Later, `settle` moves the staged files to `folder`."""
    stage = folder.with_name(f"{folder.name}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            stage.mkdir(exist_ok=True)
            yield stage
            with suppress(OSError):  # the stage is gone, or contains shards for the next attempt
                stage.rmdir()
    except OSError as error:
        raise PrepareError(f"{folder}: cannot be written ({error.strerror}); set CGC_CACHE to another folder") from None


def content_digest(version: str, rows: Iterable[Row]) -> str:
    """The sha256 of a task, computed over the version of its annotations and over the index and images of every item,
    in order.
    """
    return digest_of(
        version, ((index, [hashlib.sha256(image).hexdigest() for image in images]) for index, images in rows)
    )


def digest_of(version: str, rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The same digest as `content_digest`, for rows that contain the sha256 of each image instead of the image."""
    digest = hashlib.sha256(json.dumps(version).encode())
    for index, images in rows:
        digest.update(json.dumps([index, *images]).encode())
    return digest.hexdigest()


def stage_shard(stage: Path, folder: Path, task: str, digest: str, rows: Callable[[], Iterable[Row]]) -> None:
    """Write a task's shard to the staging folder. If the staging folder or the finished folder already contains a shard
    with the same digest, nothing is written.
    """
    path = stage / f"{task}.parquet"
    if shard_digest(folder / path.name) == digest:
        path.unlink(missing_ok=True)
    elif shard_digest(path) != digest:
        write_shard(path, digest, rows())


def write_shard(path: Path, digest: str, rows: Iterable[Row]) -> None:
    """Atomically write a shard with the indices and images of items, one row group per item."""
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
    """Move the staged annotations and shards to their final folder.

    The manifest is written last, and marks the folder as complete.
    """
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
    shutil.rmtree(stage)  # also remove leftovers from a failed attempt
    manifest = Manifest((staged or kept).as_posix(), version, source, dict(digests), photos)
    write_whole(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return Prepared(folder, kept, version, source, dict(digests), photos)


def _move(path: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    os.replace(path, target)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically. Its folder is created if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    os.replace(part, path)
