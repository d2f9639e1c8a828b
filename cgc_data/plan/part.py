"""Plans one part and stores its rows in a file, so that a stopped build can reuse the parts that are done.

A part is done if its record exists, was written for the same part and photos, and contains the SHA-256 hash of the file
with the rows. The record is written after the file with the rows is complete.
"""

import gc
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cgc_data.common.disk import replacing
from cgc_data.common.errors import SourceError
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.plan.askable import find_askable
from cgc_data.plan.asked import Made
from cgc_data.plan.deal import Dealer, Dealt
from cgc_data.plan.offered import Frequencies, Mask
from cgc_data.plan.parts import PLAN_VERSION, Part
from cgc_data.plan.records import Counts, Planned, Reached
from cgc_data.plan.truth import Truth
from cgc_data.release.rows import PlannedRow, Row
from cgc_data.release.schema import arrow_schema
from cgc_data.sources.read import file_sha256
from cgc_data.tasks import task_of

PART_FILES = "part-"  # how their names begin
FAMILIES_AT_ONCE = 500  # written at a time
PIXELS_PER_ROW_GROUP = 2**27  # about 64 MB, the size of the row groups of a shard; each stores a view only once
PLAN_SCHEMA = (
    arrow_schema()
    .remove(1)
    .append(pa.field("family", pa.int64()))
    .append(pa.field("photo_sizes", pa.list_(pa.list_(pa.int32()))))
)

ViewKey: TypeAlias = tuple[str, int, tuple[int, ...], int]  # source, photo, window, and width of the view


@dataclass(frozen=True)
class PartTask:
    """Everything that another process needs to plan a part. Instances can be pickled.

    Attributes:
        index: the index, narrowed to the part's photos.
        forms: file formats of the part's photos, (photos,); "" if all photos of the sources have the same format.
        licensed: for each contrast, a mask (photos,) of the part's photos that the contrast can use.
        frequencies: frequencies of concepts in all photos of the sources.
        folder: folder with the part's files.
        state: digest that changes if any photo file of the sources changes.
    """

    part: Part
    index: Index
    config: BuildConfig
    forms: NDArray[np.str_]
    licensed: dict[str, Mask]
    frequencies: Frequencies
    folder: Path
    state: str

    @property
    def rows(self) -> Path:
        """The file with the part's rows."""
        return rows_file(self.folder, self.part)

    @property
    def record(self) -> Path:
        """The file with its record."""
        return self.rows.with_suffix(".json")

    @property
    def fingerprint(self) -> str:
        """Hash of everything that determines the part's rows, apart from the settings and sources of the build."""
        photos = [photo.identity for photo in self.index.photos]
        licensed = {contrast: mask.tolist() for contrast, mask in self.licensed.items()}
        content = [PLAN_VERSION, self.part.key, self.part.wanted, self.state, photos, licensed]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def rows_file(folder: Path, part: Part) -> Path:
    """The file with the rows of a part; its families are numbered from 0."""
    return folder / f"{PART_FILES}{part.key}.parquet"


def plan_part(task: PartTask) -> Planned:
    """Plan a part, or return its record if it was planned before."""
    fingerprint = task.fingerprint
    if done := _read(task, fingerprint):
        return done
    with _frozen():
        planned = _planned(task, fingerprint)
    with replacing(task.record) as unfinished:
        unfinished.write_bytes(msgspec.json.encode(planned))
    return planned


@contextmanager
def _frozen() -> Iterator[None]:
    """Keep the garbage collector from visiting objects that already exist, such as the index of all photos."""
    gc.freeze()
    try:
        yield
        gc.collect()  # planners refer to themselves, and would keep their masks until the next parts are planned
    finally:
        gc.unfreeze()


def _planned(task: PartTask, fingerprint: str) -> Planned:
    dealer, count = _dealer(task), _Count()
    _write(task.rows, _tables(task.index, count.counted(dealer.deal())))
    return Planned(
        fingerprint=fingerprint,
        sha256=file_sha256(task.rows),
        tasks=dict(count.tasks),
        pixels=count.pixels,
        made=Counts.of(count.made),
        reached=[Reached.of(outcome) for outcome in dealer.outcomes()],
        rejections=dealer.rejections,
    )


def _read(task: PartTask, fingerprint: str) -> Planned | None:
    """The record of a part that was planned before; None if the record is missing, damaged, or about other photos."""
    try:
        planned = msgspec.json.decode(task.record.read_bytes(), type=Planned)
        whole = planned.fingerprint == fingerprint and file_sha256(task.rows) == planned.sha256
        return planned if whole else None
    except (OSError, ValueError, SourceError):
        return None


def _dealer(task: PartTask) -> Dealer:
    part, photos = task.part, len(task.index.photos)
    truth = Truth(task.index, task.config.limits)
    askable = find_askable(task.index, task.config, [part.split] * photos, truth, task.forms, task.frequencies)
    return Dealer(askable, part.split, task.licensed, part.wanted, part.key)


@dataclass
class _Count:
    """Counts the planned rows while they are written to the file."""

    tasks: Counter[str] = field(default_factory=Counter)
    made: Made = field(default_factory=Made)
    pixels: int = 0  # of the stored views
    _stored: set[ViewKey] = field(default_factory=set)  # views in the current row group
    _shown: int = 0  # pixels of the current row group if it stored every view as often as it is shown

    def counted(self, families: Iterable[Dealt]) -> Iterator[Dealt]:
        for family in families:
            self._add_views(family.rows)
            for row in family.rows:
                self.tasks[task_of(row).id] += 1
                self.made.add(row)
            yield family

    def _add_views(self, rows: Sequence[Row]) -> None:
        if self._shown > PIXELS_PER_ROW_GROUP:
            self._stored.clear()
            self._shown = 0
        for view in (view for row in rows for view in row["views"]):
            key = view["source"], view["image_id"], tuple(view["window"]), view["width"]
            pixels = view["width"] * view["height"]
            self.pixels += pixels if key not in self._stored else 0
            self._shown += pixels
            self._stored.add(key)


def _tables(index: Index, families: Iterable[Dealt]) -> Iterator[pa.Table]:
    """The rows, in tables of whole families. Memory use does not grow with the number of rows."""
    sizes = {(index.tables[p.source].key, p.image_id): [p.width, p.height] for p in index.photos}
    numbered = enumerate(families)
    while some := list(islice(numbered, FAMILIES_AT_ONCE)):
        yield pa.Table.from_pylist(list(_numbered(sizes, some)), schema=PLAN_SCHEMA)


def _numbered(sizes: dict[tuple[str, int], list[int]], families: Iterable[tuple[int, Dealt]]) -> Iterator[PlannedRow]:
    """The rows, each with its family number and, for each view, the annotated size of the view's photo."""
    for number, family in families:
        for row in family.rows:
            shown = [sizes[view["source"], view["image_id"]] for view in row["views"]]
            yield {**row, "family": number, "photo_sizes": shown}


def _write(path: Path, tables: Iterable[pa.Table]) -> None:
    with replacing(path) as unfinished, pq.ParquetWriter(unfinished, PLAN_SCHEMA, compression="zstd") as file:
        for table in tables:
            file.write_table(table)
