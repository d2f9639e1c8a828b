"""Stores rows in a memory-mapped Arrow file.

One process writes the file, and all processes read it. A second file lists the sizes of the rows' image files, so that
a later run can quickly verify that no image is missing.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features, List, Value
from filelock import FileLock

from cgc_data.release.schema import FEATURES

ROWS, FILES = "rows.arrow", "files.parquet"
BATCH_ROWS = 256

Row: TypeAlias = dict[str, Any]


def features(*, completion: bool = False) -> Features:
    """Columns of a training set. They are the columns of a release, but `images` contains paths instead of images. For
    SFT, there is an additional column `completion`.
    """
    columns = Features.from_dict(FEATURES)
    columns["images"] = List(Value("string"))
    return Features(columns | ({"completion": columns["prompt"]} if completion else {}))


def stored_table(folder: Path, columns: Features, make_rows: Callable[[], Iterable[Row]]) -> Dataset:
    """Load the table in `folder`. If the table is missing or incomplete, write it from `make_rows` first.

    Several processes can call this function at the same time.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not _whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            _write(folder, columns.arrow_schema, make_rows())
    return Dataset.from_file(str(folder / ROWS))


def _whole(folder: Path) -> bool:
    """Whether the table exists, and all image files still have their recorded size. Damaged image files are removed."""
    if not folder.is_dir():
        return False
    listed = pq.read_table(folder / FILES)
    lengths = zip(listed["path"].to_pylist(), listed["bytes"].to_pylist(), strict=True)
    damaged = [path for path, length in lengths if not _has_length(path, length)]
    for path in damaged:
        Path(path).unlink(missing_ok=True)
    return not damaged


def _has_length(path: str, length: int) -> bool:
    try:
        return os.stat(path).st_size == length
    except OSError:
        return False


def _write(folder: Path, schema: pa.Schema, rows: Iterable[Row]) -> None:
    """Write the table to a temporary folder, and rename the folder at the end, so that no partial table is ever
    visible.
    """
    part = Path(mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    lengths: dict[str, int] = {}
    try:
        with pa.OSFile(str(part / ROWS), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            for batch in _batches(rows):
                writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
                lengths.update({path: os.stat(path).st_size for row in batch for path in row["images"]})
        pq.write_table(pa.table({"path": list(lengths), "bytes": list(lengths.values())}), part / FILES)
        part.replace(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_ROWS)):
        yield batch
