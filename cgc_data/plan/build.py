"""Plans a whole release: applies splits and exclusions, plans part by part, and joins the parts. No image is rendered.

The plan has one Parquet file per split and contrast. Each row group is a shard to render and contains whole families
(rows that are planned together).
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import PlanError
from cgc_data.common.executor import Executor
from cgc_data.common.processes import HERE
from cgc_data.common.progress import track
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.index.exclusions import ListUsage, read_exclusions
from cgc_data.index.facts import Facts, photo_facts
from cgc_data.index.narrow import narrowed
from cgc_data.index.near import like_any, near_duplicates
from cgc_data.index.orientation import check_orientations
from cgc_data.index.splits import assign_splits, hash_folder
from cgc_data.plan.askable import Askable, Rejection, find_askable
from cgc_data.plan.asked import compare, differences
from cgc_data.plan.ground import Division, lay_ground, licensed_photos, photos_by_split
from cgc_data.plan.hints import Failure, advice
from cgc_data.plan.joining import join
from cgc_data.plan.losses import explain, losses
from cgc_data.plan.notes import TaskRows, plan_notes, rows_by_task
from cgc_data.plan.offered import Frequencies
from cgc_data.plan.part import PartTask, plan_part, rows_file
from cgc_data.plan.parts import Part, divide
from cgc_data.plan.planner import lent_labels
from cgc_data.plan.records import Planned, merged
from cgc_data.plan.trial import allows
from cgc_data.plan.truth import Truth
from cgc_data.release.manifest import Exclusions
from cgc_data.release.schema import SPLITS, Split
from cgc_data.tasks import CONTRASTS

JPEG_BYTES_PER_PIXEL = 0.5  # median of COCO's photos: 0.53; windows encoded at quality 92 are similar


@dataclass(frozen=True)
class PlannedShard:
    """A row group in the plan. `number` is its 0-based position among the row groups of the same contrast and split."""

    contrast: str
    split: Split
    number: int
    rows: int


@dataclass
class Plan:
    """What planning returns besides the plan's files: the shards, the row counts, and the photos and objects that
    could not be used.
    """

    shards: list[PlannedShard] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    tasks: dict[str, int] = field(default_factory=dict)
    exclusions: Exclusions = field(default_factory=Exclusions)
    photos: dict[Split, int] = field(default_factory=dict)  # by split
    pixels: int = 0  # of the views, each counted once per row group
    made: list[TaskRows] = field(default_factory=list)  # planned rows by task, next to the requested ones
    notes: list[str] = field(default_factory=list)  # messages for the user, one line each


def make_plan(
    index: Index, config: BuildConfig, folder: Path, cache: Path, executor: Executor = HERE, state: str = ""
) -> Plan:
    """Write the plan's files into `folder`. The files are identical on every machine.

    `state` is the digest of the states of the photo files. A part that was planned from different photo files is not
    reused.

    Raises PlanError if no sample is possible for one of the paper's tasks, or for a task that the user named. A task
    may have no samples if only the preset requests it, or if a small release has no room for it; see `Plan.made`.
    """
    displayed = [source.displayed for source in config.sources]
    facts = photo_facts(index.photos, index.stores, cache / "facts.npz", executor, displayed)
    check_orientations(index.photos, facts, config.sources)
    division = _divide(index, config, facts)
    plan = Plan(exclusions=division.exclusions)
    plan.rejections += [
        Rejection("", "", "", "", left.source, left.image_id, "", left.reason, left.detail) for left in index.left_out
    ]
    plan.rejections += [*_unusable(index), *_not_shown(index, facts)]
    licensed = licensed_photos(index, config, division)
    available = np.any(list(licensed.values()), axis=0)
    plan.photos = photos_by_split(division.splits, available)
    if not any(plan.photos.values()):
        raise _no_photo(config, plan)
    parts = divide(config, division.splits, available)
    tasks = part_tasks(parts, index, config, division, folder, state)
    useful = max(Counter(part.split for part in parts).values())  # most of a small plan is one part
    planned = list(track(executor.run(plan_part, tasks, useful), "plan", len(parts)))
    _join(plan, parts, folder, config.shard_rows)
    unfit = [rejection for part in planned for rejection in part.rejections]
    plan.rejections += unfit
    _count(plan, planned)
    plan.notes = plan_notes(index, plan.rejections, [ListUsage.of(use) for use in division.exclusions["usage"]])
    plan.notes += differences(compare(config, merged(part.made.made for part in planned)))
    plan.made = rows_by_task([reached.outcome for part in planned for reached in part.reached], config)
    _require_tasks(index, config, plan, division, unfit)
    return plan


def part_tasks(
    parts: Sequence[Part], index: Index, config: BuildConfig, division: Division, folder: Path, state: str = ""
) -> Iterator[PartTask]:
    """The inputs of each part, created one at a time. All of them together would need as much memory as a second copy
    of the index.
    """
    frequencies, licensed = _frequencies(index, config, division), licensed_photos(index, config, division)
    for part in parts:
        can_show = {contrast: mask[part.photos] for contrast, mask in licensed.items()}
        forms, inside = division.forms[part.photos], narrowed(index, part.photos)
        yield PartTask(part, inside, config, forms, can_show, frequencies, folder, state)


def _frequencies(index: Index, config: BuildConfig, division: Division) -> Frequencies:
    """Frequencies of concepts over all photos; every part uses the same frequencies."""
    frequencies = Frequencies.of(index, config)

    def askable() -> Askable:
        truth = Truth(index, config.limits)
        return find_askable(index, config, division.splits, truth, division.forms, frequencies)

    return replace(frequencies, lent=lent_labels(config, askable))


def _join(plan: Plan, parts: Sequence[Part], folder: Path, shard_rows: int) -> None:
    """Join the files of all parts into the files of the plan."""
    for split in SPLITS:
        own = [rows_file(folder, part) for part in parts if part.split == split]
        joined = [
            (shard, PlannedShard(contrast, split, number, shard.rows))
            for contrast in CONTRASTS
            for number, shard in enumerate(join(own, contrast, folder / f"{contrast}-{split}.parquet", shard_rows))
        ]
        # in the order in which they were filled, so that contrasts alternate
        joined.sort(key=lambda pair: pair[0].last if pair[0].rows >= shard_rows else math.inf)
        plan.shards += [planned for _, planned in joined]


def _count(plan: Plan, planned: Sequence[Planned]) -> None:
    for part in planned:
        plan.pixels += part.pixels
        for task, rows in part.tasks.items():
            plan.tasks[task] = plan.tasks.get(task, 0) + rows


def _unusable(index: Index) -> Iterator[Rejection]:
    """Annotations in the sources that refer to a missing photo or category, or to an object that cannot be shown."""
    for table in index.tables:
        for row in table.unusable.to_pylist():
            name = f"{table.key}:{row['annotation_id']}"
            yield Rejection("", "", "", "", table.key, row["image_id"], name, row["reason"])


def _not_shown(index: Index, facts: Facts) -> Iterator[Rejection]:
    """Photos that image libraries do not decode correctly."""
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
    return Division(splits, ~(excluded | alike) & (facts.faults == ""), record, _several(facts.forms))


def _several(forms: NDArray[np.str_]) -> NDArray[np.str_]:
    """The file format of each photo, or "" for all photos if there is only one format."""
    return forms if len(set(forms[forms != ""].tolist())) > 1 else np.full(len(forms), "")


def _require_tasks(
    index: Index, config: BuildConfig, plan: Plan, division: Division, unfit: Sequence[Rejection]
) -> None:
    missing = [task for task, share in config.shares.items() if share and not plan.tasks.get(task)]
    if plan.tasks:  # the other tasks can be missing by chance, or were not requested
        missing = [task for task in missing if config.requires(task)]
    if not missing:
        return
    ground = lay_ground(index, config, division)
    ground.askable.take_over(unfit)
    if plan.tasks and not (missing := [task for task in missing if not allows(ground, task)]):
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
    """Estimated size of the release with embedded photos.

    The estimate assumes that the photos need about as many bytes per pixel as COCO's photos. Photos with less detail
    take less space.
    """
    return round(plan.pixels * JPEG_BYTES_PER_PIXEL)
