"""Plans a whole release: applies splits and exclusions, then deals and writes the rows, without any pixels.

The plan has one Parquet file per split and contrast. Each row group is a shard to render and contains whole families.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.common.errors import PlanError
from cgc_data.common.progress import track
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.index.exclusions import ListUsage, read_exclusions
from cgc_data.index.facts import Facts, photo_facts
from cgc_data.index.near import like_any, near_duplicates
from cgc_data.index.orientation import check_orientations
from cgc_data.index.splits import assign_splits, hash_folder
from cgc_data.plan.askable import Rejection
from cgc_data.plan.asked import Made, compare, differences
from cgc_data.plan.deal import Dealt
from cgc_data.plan.ground import Division, Ground, lay_ground
from cgc_data.plan.hints import Failure, advice
from cgc_data.plan.losses import explain, losses
from cgc_data.plan.notes import TaskRows, plan_notes, rows_by_task
from cgc_data.plan.planner import Outcome
from cgc_data.plan.trial import allows
from cgc_data.release.manifest import Exclusions
from cgc_data.release.rows import PlannedRow, Row
from cgc_data.release.schema import Split, arrow_schema
from cgc_data.tasks import CONTRASTS, task_of

PLAN_SCHEMA = (
    arrow_schema()
    .remove(1)
    .append(pa.field("family", pa.int64()))
    .append(pa.field("photo_sizes", pa.list_(pa.list_(pa.int32()))))
)

JPEG_BYTES_PER_PIXEL = 0.5  # median of COCO's photos: 0.53; windows encoded at quality 92 are similar


@dataclass(frozen=True)
class PlannedShard:
    """A row group in the plan: number `number` in its contrast and split."""

    contrast: str
    split: Split
    number: int
    rows: int


@dataclass
class Plan:
    """The result of planning, in addition to the files: the shards, and everything that had to be omitted."""

    shards: list[PlannedShard] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    tasks: dict[str, int] = field(default_factory=dict)
    exclusions: Exclusions = field(default_factory=Exclusions)
    photos: dict[str, int] = field(default_factory=dict)  # by split
    pixels: int = 0  # pixels of the views, each view counted once per family
    made: list[TaskRows] = field(default_factory=list)  # planned and requested rows, by task
    notes: list[str] = field(default_factory=list)  # messages for the user, one line each


def make_plan(index: Index, config: BuildConfig, folder: Path, cache: Path, workers: int) -> Plan:
    """Write the plan's files into `folder`.

    Raises PlanError if the photos allow no sample of one of the paper's tasks or of a task that the user named. Tasks
    that only the preset requests can be missing, and so can tasks for which a small release has no room: see
    `Plan.made`.
    """
    displayed = [source.displayed for source in config.sources]
    facts = photo_facts(index.photos, index.stores, cache / "facts.npz", workers, displayed)
    check_orientations(index.photos, facts, config.sources)
    division = _divide(index, config, facts)
    plan = Plan(exclusions=division.exclusions)
    plan.rejections += [
        Rejection("", "", "", "", left.source, left.image_id, "", left.reason, left.detail) for left in index.left_out
    ]
    plan.rejections += [*_unusable(index), *_not_shown(index, facts)]
    ground = lay_ground(index, config, division)
    plan.photos = ground.photos
    if not any(plan.photos.values()):
        raise _no_photo(config, plan)
    outcomes: list[Outcome] = []
    made = Made()
    for split, dealer in ground.dealers():
        _write_split(index, track(dealer.deal(), f"plan {split}"), split, config.shard_rows, folder, plan, made)
        outcomes += dealer.outcomes()
    plan.rejections += ground.askable.rejections
    plan.notes = plan_notes(index, plan.rejections, [ListUsage.of(use) for use in division.exclusions["usage"]])
    plan.notes += differences(compare(config, made))
    plan.made = rows_by_task(outcomes, config)
    _require_tasks(index, config, plan, ground, division)
    return plan


def _unusable(index: Index) -> Iterator[Rejection]:
    """Annotations in the sources that refer to a missing photo or category, or to an object that cannot be shown."""
    for table in index.tables:
        for row in table.unusable.to_pylist():
            name = f"{table.key}:{row['annotation_id']}"
            yield Rejection("", "", "", "", table.key, row["image_id"], name, row["reason"])


def _not_shown(index: Index, facts: Facts) -> Iterator[Rejection]:
    """Photos that image libraries cannot decode faithfully."""
    for number in np.flatnonzero(facts.faults != "").tolist():
        photo, fault = index.photos[number], str(facts.faults[number])
        key, detail = index.tables[photo.source].key, f"{photo.file_name}: {fault}"
        yield Rejection("", "", "", "", key, photo.image_id, "", fault.partition(" (")[0].partition(";")[0], detail)


def _divide(index: Index, config: BuildConfig, facts: Facts) -> Division:
    hashes = facts.hashes
    clusters = near_duplicates(hashes, config.splits.near_duplicate)
    held_out = np.array([config.sources[p.source].split == "test" for p in index.photos], dtype=bool)
    splits = assign_splits(index.photos, clusters, held_out, config.splits)
    listed = read_exclusions(config.exclude)
    usage = listed.usage(index.photos)
    excluded = np.array([listed.matches(photo) for photo in index.photos], dtype=bool)
    alike = np.zeros(len(index.photos), dtype=bool)
    for other in config.exclude_like:
        theirs = hash_folder(Path(other))
        alike |= like_any(hashes, theirs, config.splits.near_duplicate)
        found = like_any(theirs, hashes, config.splits.near_duplicate)
        usage.append(ListUsage(Path(other).name, len(theirs), int(found.sum()), ()))
    left_out = [p.identity for p, out in zip(index.photos, excluded | alike, strict=True) if out]
    record: Exclusions = {
        "files": list(listed.files),
        "like": [Path(other).name for other in config.exclude_like],
        "listed": int(excluded.sum()),
        "near_duplicates": int((alike & ~excluded).sum()),
        "photos": left_out,
        "usage": [use.record() for use in usage],
    }
    return Division(splits, ~(excluded | alike) & (facts.faults == ""), record, facts.forms)


def _write_split(
    index: Index, dealt: Iterator[Dealt], split: Split, shard_rows: int, folder: Path, plan: Plan, made: Made
) -> None:
    writers = {contrast: _ShardWriter(folder, contrast, split, shard_rows, plan) for contrast in CONTRASTS}
    sizes = _Sizes(index)
    for number, family in enumerate(dealt):
        for row in family.rows:
            task = task_of(row).id
            plan.tasks[task] = plan.tasks.get(task, 0) + 1
            made.add(row)
        plan.pixels += _pixels(family.rows)
        writers[family.contrast].add([{**row, "family": number, "photo_sizes": sizes.of(row)} for row in family.rows])
    for writer in writers.values():
        writer.close()


def _pixels(rows: Sequence[Row]) -> int:
    views = {
        (v["source"], v["image_id"], *v["window"], v["width"]): v["width"] * v["height"]
        for r in rows
        for v in r["views"]
    }
    return sum(views.values())


class _Sizes:
    """Annotated size of the photo behind each view of a row."""

    def __init__(self, index: Index) -> None:
        self._known = {(index.tables[p.source].key, p.image_id): [p.width, p.height] for p in index.photos}

    def of(self, row: Row) -> list[list[int]]:
        return [self._known[view["source"], view["image_id"]] for view in row["views"]]


class _ShardWriter:
    """Collects whole families until they fill a shard; writes each shard as one row group."""

    def __init__(self, folder: Path, contrast: str, split: Split, shard_rows: int, plan: Plan) -> None:
        self._path = folder / f"{contrast}-{split}.parquet"
        self._contrast, self._split, self._shard_rows, self._plan = contrast, split, shard_rows, plan
        self._rows: list[PlannedRow] = []
        self._file: pq.ParquetWriter | None = None
        self._count = 0

    def add(self, rows: Sequence[PlannedRow]) -> None:
        self._rows += rows
        if len(self._rows) >= self._shard_rows:
            self._flush()

    def close(self) -> None:
        if self._rows:
            self._flush()
        if self._file:
            self._file.close()

    def _flush(self) -> None:
        if self._file is None:
            self._file = pq.ParquetWriter(self._path, PLAN_SCHEMA, compression="zstd")
        table = pa.Table.from_pylist(self._rows, schema=PLAN_SCHEMA)
        self._file.write_table(table, row_group_size=len(self._rows))
        self._plan.shards.append(PlannedShard(self._contrast, self._split, self._count, len(self._rows)))
        self._count += 1
        self._rows = []


def _require_tasks(index: Index, config: BuildConfig, plan: Plan, ground: Ground, division: Division) -> None:
    missing = [task for task, share in config.shares.items() if share and not plan.tasks.get(task)]
    if plan.tasks:  # the other tasks can be missing by chance, or the user did not request them
        missing = [task for task in missing if config.requires(task) and not allows(ground, task)]
    if not missing:
        return
    found = Failure(index, config, division, missing, losses(index, ground))
    raise PlanError(
        f"{', '.join(missing)}: no eligible sample in {_sources(config)}; {explain(found.lost)}; {advice(found)}"
    )


def _no_photo(config: BuildConfig, plan: Plan) -> PlanError:
    excluded = plan.exclusions["listed"] + plan.exclusions["near_duplicates"]
    why = {**rejected_by_reason(plan), "excluded": excluded}
    counts = ", ".join(f"{reason}: {count}" for reason, count in why.items())
    return PlanError(
        f"{_sources(config)}: no photo is left ({counts}; licenses={config.licenses}); provide intact photos, "
        "allow more licenses, or exclude fewer photos"
    )


def _sources(config: BuildConfig) -> str:
    return ", ".join(Path(source.annotations).name for source in config.sources)


def rejected_by_reason(plan: Plan) -> dict[str, int]:
    """Number of candidates skipped in planning, by reason."""
    return dict(Counter(r.reason for r in plan.rejections).most_common())


def estimated_bytes(plan: Plan) -> int:
    """Size of the release with embedded photos: each photo once per family, at COCO's usual JPEG bytes per pixel."""
    return round(plan.pixels * JPEG_BYTES_PER_PIXEL)
