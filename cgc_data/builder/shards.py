"""Renders one shard of the plan into one Parquet file, with the same bytes on every machine and on every attempt.

A shard is complete if and only if its receipt exists and the sha256 of the file matches the receipt. The receipt is
written after the file is in place.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.builder.changes import PlannedPhotos
from cgc_data.common.disk import replacing, unfinished_name
from cgc_data.common.errors import PhotoError, SourceError
from cgc_data.plan.askable import Rejection
from cgc_data.release.render import Renderer
from cgc_data.release.rows import PlannedRow, Row, StoredImage, ViewRow
from cgc_data.release.schema import arrow_schema
from cgc_data.sources import open_photos
from cgc_data.sources.read import file_sha256

ROW_GROUP_BYTES = 64 * 2**20
IMAGE_BYTES = "images.list.element.bytes"  # name of a Parquet column


@dataclass(frozen=True)
class ShardTask:
    """The inputs that a worker needs to render one shard. They can be pickled."""

    plan: Path
    number: int  # number of the row group in the plan
    target: Path
    receipt: Path
    photos: Path  # states of the photos
    stores: dict[str, str]  # images folder or zip by source key
    displayed: frozenset[str]  # sources whose boxes follow EXIF
    embed: bool
    jpeg_quality: int


@dataclass(frozen=True)
class Receipt:
    """The record of a rendered shard: its number of rows, the size and hash of its file, and the rejected samples. A
    shard without rows has no file.
    """

    rows: int
    bytes: int
    num_bytes: int  # size of the rows in memory
    sha256: str
    rejected: list[Rejection]


def render_shard(task: ShardTask) -> Receipt:
    """Render a shard, or return its receipt if it was rendered before.

    Raises SourceError if a photo cannot be shown because its file has changed since the release was planned.
    """
    if done := read_receipt(task):
        return done
    families = pq.ParquetFile(task.plan).read_row_group(task.number).to_pylist()
    stores = {key: open_photos(Path(path)) for key, path in task.stores.items()}
    renderer = Renderer(stores, task.jpeg_quality, task.displayed)
    rejected: list[Rejection] = []
    task.target.parent.mkdir(parents=True, exist_ok=True)
    part = unfinished_name(task.receipt)
    planned = PlannedPhotos(task.photos, stores)
    try:
        rows, num_bytes = _write(part, _rendered(families, renderer, task.embed, planned, rejected))
        receipt = Receipt(rows, part.stat().st_size, num_bytes, file_sha256(part), rejected)
        if rows:  # `load_dataset` rejects a split without rows
            part.replace(task.target)
    finally:
        part.unlink(missing_ok=True)
    write_atomically(task.receipt, json.dumps(asdict(receipt), sort_keys=True))
    return receipt


def read_receipt(task: ShardTask) -> Receipt | None:
    """Receipt of a shard that was rendered before. Returns None if the shard is missing or damaged."""
    try:
        receipt = msgspec.json.decode(task.receipt.read_bytes(), type=Receipt)
        whole = not receipt.rows or file_sha256(task.target) == receipt.sha256
        return receipt if whole else None
    except (OSError, ValueError, SourceError):
        return None


def write_atomically(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def write_row_groups(path: Path, groups: Iterator[Sequence[Row]]) -> tuple[int, int]:
    """Write each list of rows as one row group, with the Parquet settings that all shards share.

    Returns the number of rows and their size in memory, which `datasets` calls `num_bytes`.
    """
    schema, count, num_bytes = arrow_schema(), 0, 0
    # one dictionary per row group stores each photo once, even if several rows show it
    with pq.ParquetWriter(
        path, schema, compression=_codecs(schema), dictionary_pagesize_limit=2**30, write_page_index=True
    ) as writer:
        for rows in groups:
            table = pa.Table.from_pylist(rows, schema=schema)
            writer.write_table(table, row_group_size=max(len(rows), 1))
            count, num_bytes = count + len(rows), num_bytes + table.nbytes
    return count, num_bytes


def _codecs(schema: pa.Schema) -> dict[str, str]:
    """Compression codec for each column.

    Image bytes are stored without additional compression, because they are already compressed. This also saves space on
    the Hub, which stores identical bytes only once. With compression, the bytes of an image would differ from version
    to version.
    """
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    return {leaf: "none" if leaf == IMAGE_BYTES else "zstd" for leaf in leaves}


def _leaves(path: str, kind: pa.DataType) -> Iterator[str]:
    """Paths of a field's Parquet columns, such as `images.list.element.bytes`. Nested fields have several columns."""
    if pa.types.is_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    else:
        yield path


def _write(path: Path, families: Iterator[Sequence[Row]]) -> tuple[int, int]:
    return write_row_groups(path, group_rows(families))


def group_rows(families: Iterator[Sequence[Row]]) -> Iterator[Sequence[Row]]:
    """Collect whole families (rows that were planned together) in row groups with at most 64 MB of images. A family
    that exceeds 64 MB gets a separate row group.
    """
    group: list[Row] = []
    size = 0
    for family in families:
        weight = sum(len(image["bytes"]) for row in family for image in row["images"])
        if group and size + weight > ROW_GROUP_BYTES:
            yield group
            group, size = [], 0
        group += family
        size += weight
    if group:
        yield group


def _rendered(
    rows: list[PlannedRow], renderer: Renderer, embed: bool, planned: PlannedPhotos, rejected: list[Rejection]
) -> Iterator[Sequence[Row]]:
    """Families with their rendered images. If a photo of a family cannot be shown, the whole family is rejected.

    Raises SourceError instead if the photo file was changed or removed after the release was planned.
    """
    families: dict[int, list[PlannedRow]] = {}
    for row in rows:
        families.setdefault(row["family"], []).append(row)
    for family in families.values():
        try:
            yield [_with_images(row, renderer, embed) for row in family]
        except PhotoError as error:
            planned.check(part for row in family for view in row["views"] for part in view["parts"])
            rejected += [_rejection(row, str(error)) for row in family]


def _with_images(row: PlannedRow, renderer: Renderer, embed: bool) -> PlannedRow:
    images: list[StoredImage] = []
    views: list[ViewRow] = []
    for view, size in zip(row["views"], row["photo_sizes"], strict=True):
        content, changes = renderer.view(view, (size[0], size[1]))
        views.append({**view, "changes": changes})
        if embed:
            images.append({"bytes": content, "path": None})
    return {**row, "images": images, "views": views}


def _rejection(row: Row, detail: str) -> Rejection:
    parts = [part for view in row["views"] for part in view["parts"]]
    broken = next((part for part in parts if part["file_name"] in detail), None)
    reason = "broken photo" if broken else "belongs with a rejected sample"
    shown = broken or parts[0]
    label = ", ".join(row["query"]["labels"])
    return Rejection(
        row["contrast"], row["task"], row["split"], label, shown["source"], shown["image_id"], "", reason, detail
    )
