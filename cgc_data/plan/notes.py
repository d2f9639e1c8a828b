"""Notes for the user of a build: skipped photos and objects, clipped boxes, empty splits, and unmatched exclusions."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cgc_data.common.text import counted
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.index.exclusions import ListUsage
from cgc_data.plan.askable import Rejection
from cgc_data.plan.planner import Outcome
from cgc_data.release.schema import Split
from cgc_data.tasks import Task

MOST_REASONS = 6
FEWER = 0.9  # share of the requested rows below which the cause is reported
ROUNDING = 4  # rows that a task can lack because the rows of other tasks are made several at a time
SHOWN_LOSSES = 2


def plan_notes(index: Index, rejections: Sequence[Rejection], lists: Iterable[ListUsage]) -> list[str]:
    """One line per issue; empty if there are no issues."""
    lists_notes = (use.note for use in lists if use.note)
    return [*lists_notes, *_renamed(index), *_cut_boxes(index), *_apart(index.apart), *skipped(rejections)]


def split_notes(photos: Mapping[Split, int], filled: Collection[str]) -> Iterator[str]:
    """A line per split that has photos but no rows, and a line if no photo is available for training.

    `photos` is the number of photos by split, and `filled` contains the splits that have rows.
    """
    for split, count in photos.items():
        if count and split not in filled:
            fix = "increase splits.validation" if split == "validation" else "add photos"
            yield f"{split}: too few photos for a row; {fix}"
    if not photos["train"]:
        held_out = "COCO's val2017 photos and all photos of sources with `split: test` are held out"
        yield f"train: contains none of the photos; {held_out}; to train a model, add other photos"


@dataclass(frozen=True)
class TaskRows:
    """How many rows of a task were requested and planned. Tasks that are planned together share one record. If clearly
    fewer rows were planned than requested, the record also states the cause.
    """

    tasks: str
    asked: int
    made: int
    cause: str = ""


def rows_by_task(outcomes: Iterable[Outcome], config: BuildConfig) -> list[TaskRows]:
    """The row counts of every requested task, over all splits."""
    groups: dict[tuple[Task, ...], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.tasks, []).append(outcome)
    return [_rows(tasks, parts, config) for tasks, parts in groups.items()]


def _rows(tasks: Sequence[Task], parts: Sequence[Outcome], config: BuildConfig) -> TaskRows:
    planned = [task for task in tasks if task.planner]
    asked, made = round(config.samples * parts[0].share), sum(part.rows for part in parts)
    noticed = made < FEWER * asked and (not made or asked - made > ROUNDING)
    cause = _cause(planned[0].needs, parts, config.limits.rows_per_photo) if noticed else ""
    return TaskRows(", ".join(task.id for task in planned), asked, made, cause)


def _cause(needs: str, parts: Sequence[Outcome], most: int) -> str:
    """The cause of missing rows, and the number of photos that the planner could not use, by reason."""
    lost = sum((part.lost for part in parts), Counter[str]())
    unfit = [f"{counted(count, 'photo')}: {reason}" for reason, count in lost.most_common(SHOWN_LOSSES)]
    return "; ".join([_limited(needs, parts, most), *unfit])


def _limited(needs: str, parts: Sequence[Outcome], most: int) -> str:
    photos, full = sum(part.photos for part in parts), sum(part.full for part in parts)
    spent = any(part.spent for part in parts)
    if not any(part.rows for part in parts):
        return _none(needs, photos, sum(part.tried for part in parts), spent)
    if full:
        return f"{full:,} of {counted(photos, 'photo')} already in {most} rows, the maximum (limits.rows_per_photo)"
    if spent:
        return f"no more rows are possible with {counted(photos, 'usable photo')}"
    return "few photos suit this task, so the build has more rows of other tasks"


def _none(needs: str, photos: int, tried: int, spent: bool) -> str:
    if tried < photos and not spent:  # other tasks made all requested rows
        found = f"no row was possible with the {counted(tried, 'photo')} tried; " if tried else ""
        return f"{found}a larger release may include rows of this task"
    return f"no photo is suitable for this task; it needs {needs}" if needs else "no photo is suitable for this task"


def skipped(rejections: Sequence[Rejection]) -> Iterator[str]:
    """Number of photos and objects skipped, by reason, most frequent first."""
    photos = Counter(r.reason for r in rejections if not r.annotation_id)
    objects = Counter(r.reason for r in rejections if r.annotation_id)
    for what, reasons in (("photo", photos), ("object", objects)):
        if reasons:
            yield f"skipped {counted(reasons.total(), what)} ({counts(reasons)})"


def counts(reasons: Counter[str]) -> str:
    """Each reason with its count, most frequent first; rare reasons are combined."""
    shown = [f"{reason}: {count:,}" for reason, count in reasons.most_common(MOST_REASONS)]
    rest = reasons.total() - sum(count for _, count in reasons.most_common(MOST_REASONS))
    return ", ".join(shown) + (f", others: {rest:,}" if rest else "")


def _apart(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"{len(names):,} COCO names refer to different pictures, such as {names[0]}: not merged"


def _renamed(index: Index) -> Iterator[str]:
    for table, found in zip(index.tables, index.renamed, strict=True):
        if found:
            example = f"{found[0].listed!r} as {found[0].file_name}"
            yield f"{table.path.name}: photos found under a different name: {len(found):,}, such as {example}"


def _cut_boxes(index: Index) -> Iterator[str]:
    for table, leaving in zip(index.tables, index.leaving, strict=True):
        if leaving.boxes:
            count = f"{leaving.boxes:,} of {leaving.of:,} boxes"
            yield f"{table.path.name}: {count} extend beyond their photos and are clipped to the photo"
