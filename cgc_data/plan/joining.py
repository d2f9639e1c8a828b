"""Joins the rows of planned parts into the files of the plan. The row groups of these files are the shards to
render.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import compute

from cgc_data.plan.part import PLAN_SCHEMA


class Joined(NamedTuple):
    """A shard: how many rows it has, and the number that identifies its last family."""

    rows: int
    last: int


def join(parts: Iterable[Path], contrast: str, target: Path, shard_rows: int) -> list[Joined]:
    """Write the rows of one contrast from all parts into one file, with a row group per shard. If there are no rows, no
    file is written.
    """
    joined: list[Joined] = []
    with ExitStack() as stack:
        file: pq.ParquetWriter | None = None
        for shard in shards((of_contrast(table, contrast) for table in _renumbered(parts)), shard_rows):
            file = file or stack.enter_context(pq.ParquetWriter(target, PLAN_SCHEMA, compression="zstd"))
            file.write_table(shard, row_group_size=shard.num_rows)
            joined.append(Joined(shard.num_rows, shard.column("family")[-1].as_py()))
    return joined


def of_contrast(table: pa.Table, contrast: str) -> pa.Table:
    """The rows of one contrast, in the order of the table."""
    return table.filter(compute.equal(table.column("contrast"), contrast))


def shards(tables: Iterable[pa.Table], shard_rows: int) -> Iterator[pa.Table]:
    """Divide the rows into tables of whole families, without changing the order of the rows. A table ends with the
    family that brings it to at least `shard_rows` rows.

    Families must be sorted by number, within each input table and across tables.
    """
    left = PLAN_SCHEMA.empty_table()
    for table in tables:
        left = pa.concat_tables([left, table])
        while left.num_rows >= shard_rows:
            end = _end(left, shard_rows)
            yield left.slice(0, end).combine_chunks()
            left = left.slice(end)
    if left.num_rows:
        yield left.combine_chunks()


def _end(rows: pa.Table, least: int) -> int:
    """Number of rows in the shortest prefix that has at least `least` rows and does not split a family."""
    families = rows.column("family").to_numpy()
    return int(np.searchsorted(families, families[least - 1], side="right"))


def _renumbered(parts: Iterable[Path]) -> Iterator[pa.Table]:
    """The rows of each part, with families numbered across all parts."""
    reached = 0
    place = PLAN_SCHEMA.get_field_index("family")
    for path in parts:
        before = reached
        for table in _groups(path):
            families = table.column("family").to_numpy() + before
            yield table.set_column(place, PLAN_SCHEMA.field("family"), pa.array(families))
            reached = int(families[-1]) + 1


def _groups(path: Path) -> Iterator[pa.Table]:
    """The tables that were written to a part's file, in order. Each table contains whole families."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            if (table := file.read_row_group(number)).num_rows:
                yield table
