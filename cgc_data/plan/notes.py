"""What a user has to see of a build: skipped photos and objects, cut boxes, exclusion lists that do not match."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.index.exclusions import ListUsage
from cgc_data.plan.askable import Rejection
from cgc_data.plan.planner import Outcome
from cgc_data.tasks import Task

MOST_REASONS = 6
FEWER = 0.9  # of the rows asked for, below which it is reported


def plan_notes(index: Index, rejections: Sequence[Rejection], lists: Iterable[ListUsage]) -> list[str]:
    """One line per matter; none if everything was used as given."""
    lists_notes = (use.note for use in lists if use.note)
    return [*lists_notes, *_renamed(index), *_cut_boxes(index), *_apart(index.apart), *skipped(rejections)]


def fewer_rows(outcomes: Iterable[Outcome], config: BuildConfig) -> Iterator[str]:
    """Tasks of which clearly fewer rows were made than asked for, and why."""
    groups: dict[tuple[Task, ...], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.tasks, []).append(outcome)
    for tasks, parts in groups.items():
        asked, made = round(config.samples * parts[0].share), sum(part.rows for part in parts)
        if made < FEWER * asked:
            names = ", ".join(task.id for task in tasks)
            limited = _limited(parts, config.limits.rows_per_photo)
            yield f"made {made:,} of {asked:,} rows asked of {names}: {limited}{_unfit(parts)}"


def _unfit(parts: Sequence[Outcome]) -> str:
    """How many photos gave nothing, and why, if the planner knows."""
    lost = sum((part.lost for part in parts), Counter[str]())
    return f"; {lost.total():,} photos gave none ({counts(lost)})" if lost else ""


def _limited(parts: Sequence[Outcome], most: int) -> str:
    """What keeps a planner from making more rows."""
    photos, full = sum(part.photos for part in parts), sum(part.full for part in parts)
    if full:
        return (
            f"of {photos:,} photos, {full:,} are shown in {most} rows of a task (limits.rows_per_photo), and the "
            "others allow no more"
        )
    return f"the {photos:,} photos that can be used allow no more, and limits.rows_per_photo={most} limits none of them"


def skipped(rejections: Sequence[Rejection]) -> Iterator[str]:
    """How many photos and objects were skipped, by reason, the most frequent first."""
    photos = Counter(r.reason for r in rejections if not r.annotation_id)
    objects = Counter(r.reason for r in rejections if r.annotation_id)
    for what, reasons in (("photos", photos), ("objects", objects)):
        if reasons:
            yield f"skipped {reasons.total():,} {what}: {counts(reasons)}"


def counts(reasons: Counter[str]) -> str:
    """Each reason with its number, the most frequent first; rare ones together."""
    shown = [f"{reason} {count:,}" for reason, count in reasons.most_common(MOST_REASONS)]
    rest = reasons.total() - sum(count for _, count in reasons.most_common(MOST_REASONS))
    return ", ".join(shown) + (f", others {rest:,}" if rest else "")


def _apart(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"{len(names):,} COCO names stand for different pictures, such as {names[0]}: kept apart, not joined"


def _renamed(index: Index) -> Iterator[str]:
    for table, found in zip(index.tables, index.renamed, strict=True):
        if found:
            example = f"{found[0].listed!r} as {found[0].file_name}"
            yield f"{table.path.name}: photos found under another name: {len(found):,}, such as {example}"


def _cut_boxes(index: Index) -> Iterator[str]:
    for table, leaving in zip(index.tables, index.leaving, strict=True):
        if leaving.boxes:
            count = f"{leaving.boxes:,} of {leaving.of:,} boxes"
            yield f"{table.path.name}: {count} leave their photos and are cut at the border"
