"""Reads the Parquet row groups of a release, one at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from cgc_data.release.inside import inside
from cgc_data.release.rows import Row
from cgc_data.release.schema import FEATURES

BATCH = 32  # rows with embedded photos in memory at a time
WITHOUT_IMAGES = [name for name in FEATURES if name != "images"]


class Group(NamedTuple):
    """One row group of a shard."""

    shard: str
    number: int


class Sampling(NamedTuple):
    """Draws a random sample of the rows for close inspection.

    All rows of a tuple are drawn together, so that twin rows stay together.
    """

    share: float
    seed: int

    def draws(self, row: Row) -> bool:
        """Whether the row is drawn.

        The result depends only on the share, the seed, and the id of the tuple (or of the row, if it has no tuple).
        """
        digest = hashlib.sha256(f"{self.seed}/{row['tuple_id'] or row['id']}".encode("utf-8", "surrogatepass"))
        return int.from_bytes(digest.digest()[:8], "big") < self.share * 2**64


def groups_of(release: Path, shards: Sequence[str]) -> list[Group]:
    """All row groups of the shards, in order."""
    counts = {name: pq.read_metadata(inside(release, name)).num_row_groups for name in shards}
    return [Group(name, number) for name, count in counts.items() for number in range(count)]


def read_group(release: Path, group: Group, sampling: Sampling | None) -> Iterator[tuple[Row, bool]]:
    """Yield each row of a group, and whether the row is drawn. If a row is not drawn, its images are not read."""
    with pq.ParquetFile(inside(release, group.shard)) as file:
        if sampling is None:
            for batch in file.iter_batches(batch_size=BATCH, row_groups=[group.number]):
                yield from ((row, True) for row in batch.to_pylist())
            return
        rows: list[Row] = file.read_row_group(group.number, columns=WITHOUT_IMAGES).to_pylist()
        drawn = {place for place, row in enumerate(rows) if sampling.draws(row)}
        images = _images(file, group, drawn) if drawn else {}
        for place, row in enumerate(rows):
            row["images"] = images.get(place, [])
            yield row, place in drawn


def _images(file: pq.ParquetFile, group: Group, places: set[int]) -> dict[int, list[Any]]:
    """The images of the rows at the positions `places` of a group. Each key is a position."""
    found: dict[int, list[Any]] = {}
    start = 0
    for batch in file.iter_batches(batch_size=BATCH, row_groups=[group.number], columns=["images"]):
        for place in range(start, start + batch.num_rows):
            if place in places:
                found[place] = batch["images"][place - start].as_py()
        start += batch.num_rows
    return found
