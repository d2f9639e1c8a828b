"""From an annotation file to its columns: from the cache where it has them, else by parsing."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from cgc_data.common.errors import SourceError
from cgc_data.geometry import BoxFormat
from cgc_data.sources import cache
from cgc_data.sources.coco import COCO
from cgc_data.sources.lvis import LVIS
from cgc_data.sources.parse import Format, parse
from cgc_data.sources.table import Kind, SourceTable, Tables

_FORMATS: dict[Kind, Format] = {"coco": COCO, "lvis": LVIS}
_HASHED_AT_ONCE = 8 << 20


def read_source(
    kind: Kind, path: Path, cache_dir: Path | None = None, *, box_format: BoxFormat = "xywh"
) -> SourceTable:
    """Columns of a COCO instances or LVIS v1 file whose boxes have this form.

    With `cache_dir` they are kept there under the file's sha256 and mapped from there the next time.
    Raises SourceError where the file is missing, cut short, not of the schema or contradicts itself.
    """
    path = Path(path)
    if not path.is_file():
        raise SourceError(f"{path}: no such file; give the path of an annotation file")
    with ThreadPoolExecutor(1) as executor:
        hashing = executor.submit(file_sha256, path)
        tables = (
            _cached(kind, path, cache_dir, hashing, box_format)
            if cache_dir
            else parse(path, _FORMATS[kind], box_format)
        )
        return _source(kind, path, hashing.result(), tables)


def _cached(kind: Kind, path: Path, folder: Path, hashing: "Future[str]", box_format: BoxFormat) -> Tables:
    """Tables from the folder, else parsed and left there; with nothing there, hashing is not waited for."""
    kept = (
        cache.load(cache.cache_path(folder, kind, hashing.result(), box_format)) if cache.any_of(folder, kind) else None
    )
    if kept is not None:
        return kept
    tables = parse(path, _FORMATS[kind], box_format)
    place = cache.cache_path(folder, kind, hashing.result(), box_format)
    with suppress(OSError):  # a full or read-only disk costs time at the next start, no more
        cache.store(place, tables)
    return cache.load(place) or tables


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file; other threads run meanwhile. Raises SourceError where it cannot be read."""
    digest = hashlib.sha256()
    block = memoryview(bytearray(_HASHED_AT_ONCE))
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(block):
                digest.update(block[:count])
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; make it readable or copy it again") from error
    return digest.hexdigest()


def _source(kind: Kind, path: Path, sha256: str, tables: Tables) -> SourceTable:
    return SourceTable(
        images=tables.images,
        categories=tables.categories,
        annotations=tables.annotations,
        licenses=tables.licenses,
        kind=kind,
        path=path,
        sha256=sha256,
        num_bytes=path.stat().st_size,
    )
