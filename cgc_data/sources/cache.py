"""Caches the tables of a source next to the output, so that the next run maps them into memory instead of parsing the
annotation file.

A cache is one file: the tables as Arrow streams, followed by their CRC-32. The name of a cache file identifies its
input. A cache is written under a temporary name, and then moved into place. A cache that cannot be read back is
ignored.
"""

import zlib
from pathlib import Path

import pyarrow as pa

from cgc_data.common.disk import replacing
from cgc_data.geometry import BoxFormat
from cgc_data.sources.table import ANNOTATIONS, CATEGORIES, IMAGES, LICENSES, UNUSABLE, Tables

READER_VERSION = 2  # increased whenever the readers' output changes

_SCHEMAS = {
    "images": IMAGES,
    "categories": CATEGORIES,
    "annotations": ANNOTATIONS,
    "licenses": LICENSES,
    "unusable": UNUSABLE,
}
_CHECKSUM_BYTES = 4


def cache_path(folder: Path, kind: str, sha256: str, box_format: BoxFormat = "xywh") -> Path:
    """Path of the cache file for the annotation file with this hash, whose boxes are read as `box_format`."""
    return folder / f"{kind}-{sha256}.{box_format}.v{READER_VERSION}.arrow"


def any_of(folder: Path, kind: str) -> bool:
    """Whether the folder contains the cache of any annotation file in this format."""
    return any(folder.glob(f"{kind}-*.v{READER_VERSION}.arrow"))


def load(path: Path) -> Tables | None:
    """Tables mapped from the cache file; None if the file is missing or damaged, or has another schema."""
    try:
        mapped = pa.memory_map(str(path)).read_buffer()
        payload, checksum = mapped[:-_CHECKSUM_BYTES], mapped[-_CHECKSUM_BYTES:]
        if zlib.crc32(payload) != int.from_bytes(checksum, "little"):
            return None
        source = pa.BufferReader(payload)
        tables = {name: pa.ipc.open_stream(source).read_all() for name in _SCHEMAS}
    except (OSError, pa.ArrowInvalid):
        return None
    return Tables(**tables) if all(tables[name].schema == schema for name, schema in _SCHEMAS.items()) else None


def store(path: Path, tables: Tables) -> None:
    """Write the cache file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        with pa.OSFile(str(part), "wb") as file:
            for name, schema in _SCHEMAS.items():
                with pa.ipc.new_stream(file, schema) as writer:
                    writer.write_table(getattr(tables, name))
        checksum = zlib.crc32(pa.memory_map(str(part)).read_buffer())
        with part.open("ab") as file:
            file.write(checksum.to_bytes(_CHECKSUM_BYTES, "little"))
