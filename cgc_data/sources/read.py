"""Reads an annotation file into columns: from the cache if possible, and otherwise in one pass over its four lists."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from cgc_data.common.errors import SourceError
from cgc_data.common.remote import local_file
from cgc_data.geometry import BoxFormat
from cgc_data.sources import cache, lenient
from cgc_data.sources.categories import distinct_categories
from cgc_data.sources.columns import AnnotationColumns, category_columns, image_columns, license_columns, sorted_by_id
from cgc_data.sources.formats import FORMATS, Format, Kind
from cgc_data.sources.lenient import Forgiving, LooseAnnotation, LooseRecord
from cgc_data.sources.records import Annotation, Category, Image, License
from cgc_data.sources.stream import Batch, JsonStream, ListDecoder
from cgc_data.sources.table import IMAGES, LICENSES, SourceTable, Tables

_HASHED_AT_ONCE = 8 << 20
_DECODERS: dict[str, ListDecoder] = {
    "images": Forgiving(Image, LooseRecord, lenient.image),
    "annotations": Forgiving(Annotation, LooseAnnotation, lenient.annotation),
    "categories": Forgiving(Category, LooseRecord, lenient.category),
    "licenses": Forgiving(License, LooseRecord, lenient.license_of),
}


def read_source(
    kind: Kind, path: Path, cache_dir: Path | None = None, *, box_format: BoxFormat = "xywh", sha256: str = ""
) -> SourceTable:
    """Read an annotation file of this format and box format into columns.

    With `cache_dir`, the columns are cached in this folder, under the file's sha256. The next call memory-maps the
    cached columns. If you already know the hash of the file, pass it as `sha256`. Raises SourceError if the file is
    missing, truncated, or inconsistent, or if it does not match the schema.
    """
    path = local_file(path)
    if not path.is_file():
        raise SourceError(f"{path}: no such file; give the path of an annotation file")
    with ThreadPoolExecutor(1) as executor:
        hashing = executor.submit(lambda: sha256 or file_sha256(path))
        tables = (
            _cached(kind, path, cache_dir, hashing, box_format) if cache_dir else parse(path, FORMATS[kind], box_format)
        )
        return _source(kind, path, hashing.result(), tables)


def _cached(kind: Kind, path: Path, folder: Path, hashing: "Future[str]", box_format: BoxFormat) -> Tables:
    """Tables from the cache folder. If they are not cached, the file is parsed and the tables are cached. If the
    folder has no tables of this annotation format yet, parsing starts before the hash is known.
    """
    kept = (
        cache.load(cache.cache_path(folder, kind, hashing.result(), box_format)) if cache.any_of(folder, kind) else None
    )
    if kept is not None:
        return kept
    tables = parse(path, FORMATS[kind], box_format)
    place = cache.cache_path(folder, kind, hashing.result(), box_format)
    with suppress(OSError):  # a full or read-only disk only costs time at the next start
        cache.store(place, tables)
    return cache.load(place) or tables


def parse(path: Path, form: Format, box_format: BoxFormat = "xywh") -> Tables:
    """Tables of an annotation file. Raises SourceError if the file is truncated or does not match the schema."""
    annotations = AnnotationColumns(path, form.crowd_unless_stated, box_format)
    parts: dict[str, list[pa.Table]] = {name: [] for name in _DECODERS}
    try:
        with JsonStream(path) as stream:
            for batch in stream.batches(_DECODERS):
                if batch.section == "annotations":
                    annotations.add(batch)
                else:
                    parts[batch.section].append(_columns(path, form, batch))
            _require(path, stream.sections)
        images = sorted_by_id(path, "image", parts["images"], IMAGES)
        categories = distinct_categories(path, parts["categories"], annotations.used_categories())
        joined, unusable = annotations.tables(images, categories["category_id"].to_numpy())
        licenses = pa.concat_tables([LICENSES.empty_table(), *parts["licenses"]]).combine_chunks()
    except (OverflowError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path}: contains an integer that is too large ({error}); correct it") from error
    return Tables(images=images, categories=categories, annotations=joined, licenses=licenses, unusable=unusable)


def _columns(path: Path, form: Format, batch: Batch) -> pa.Table:
    items: list[Any] = batch.items
    if batch.section == "images":
        return image_columns(path, items, form.file_names(path, items))
    return category_columns(items) if batch.section == "categories" else license_columns(items)


def _require(path: Path, sections: list[str]) -> None:
    missing = [name for name in ("images", "annotations", "categories") if name not in sections]
    if missing:
        raise SourceError(f"{path}: has no {' and no '.join(missing)}; give a file in COCO or LVIS format")


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file. Other threads can run while the hash is computed. Raises SourceError if the file
    cannot be read.
    """
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
        unusable=tables.unusable,
        kind=kind,
        path=path,
        sha256=sha256,
        num_bytes=path.stat().st_size,
    )
