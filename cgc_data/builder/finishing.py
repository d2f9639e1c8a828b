"""The last stage of a build: checks the shards and the sources, and writes the manifest of the release."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cgc_data.builder.changes import PlannedPhotos, check_files, require_photos
from cgc_data.builder.draft import PHOTOS, Draft, check_planned, check_whole, read_draft
from cgc_data.builder.finish import write_release
from cgc_data.builder.locks import alone
from cgc_data.builder.ranges import SHOWN_RANGES, render_command, runs
from cgc_data.builder.rendering import shard_tasks
from cgc_data.builder.shards import Receipt, ShardTask, read_receipt
from cgc_data.builder.work import WORK, explained, start_over
from cgc_data.common.errors import BuildError
from cgc_data.common.executor import Executor
from cgc_data.common.processes import HERE
from cgc_data.common.progress import say, track
from cgc_data.plan.notes import TaskRows, split_notes
from cgc_data.release.inside import check_links
from cgc_data.release.manifest import read_manifest
from cgc_data.release.remote import MANIFEST
from cgc_data.release.stats import read_stats
from cgc_data.sources import open_photos
from cgc_data.sources.read import file_sha256


@dataclass(frozen=True)
class Built:
    """A finished release and its counts of rows and photos."""

    folder: Path
    rows: int
    rejected: int
    planned: int
    wanted: int
    photos: int = 0  # photos that are shown
    available: int = 0  # photos that could be shown: present, licensed, and not excluded; 0 if it was finished before
    made: tuple[TaskRows, ...] = ()  # rows by task; empty if it was finished before
    notes: tuple[str, ...] = ()  # skipped photos and objects, empty splits, and exclusion lists that do not match


def finish_release(out: Path, *, executor: Executor = HERE) -> Built:
    """Finish a planned release after all its shards are rendered.

    Raises BuildError if a shard is not rendered, a command is still rendering, too many rows were rejected, or the
    photos are missing on this machine. Raises SourceError if a source has changed since the release was planned.
    """
    if not (out / MANIFEST).exists():
        check_planned(out)
    with explained(out, "folder"), alone(out):
        if (out / MANIFEST).exists():
            return already_finished(out)
        check_links(out)
        draft = read_draft(out)
        check_whole(draft, out, [PHOTOS])
        require_photos(draft.images.values())
        tasks = shard_tasks(draft, out)
        found = executor.run(read_receipt, tasks, len(tasks))
        receipts = _all_of(list(track(found, "verify", len(tasks))), out)
        return completed(draft, tasks, receipts, out)


def completed(draft: Draft, tasks: Sequence[ShardTask], receipts: Sequence[Receipt], out: Path) -> Built:
    """Check the sources and the number of rejected rows, write everything except the shards, and remove the work in
    progress.

    Raises SourceError if a source has changed. In that case, the shards are kept, because the source may have changed
    only on this machine.
    """
    work = out / WORK
    check_files(draft.stamps)
    PlannedPhotos(work / PHOTOS, {key: open_photos(Path(images)) for key, images in draft.images.items()}).check()
    rejected = _check_rejects(draft, receipts, out)
    by_path = {str(task.target.relative_to(out)): receipt for task, receipt in zip(tasks, receipts, strict=True)}
    write_release(draft.facts, draft.config, draft.plan, by_path, out, draft.fingerprint)
    shutil.rmtree(work)
    return _built(draft, rejected, out)


def already_finished(out: Path) -> Built:
    """The counts of a release that was already finished. Raises BuildError if a shard of the release is damaged."""
    shutil.rmtree(out / WORK, ignore_errors=True)  # still exists if a command was killed between its last two steps
    manifest = read_manifest(out)
    for shard in manifest["shards"]:
        if file_sha256(out / shard["path"]) != shard["sha256"]:
            raise BuildError(f"{out / shard['path']}: damaged since it was built; delete {out} and build again")
    rows, photos = manifest["counts"]["total"], _shown(out)
    say(f"{out}: already finished")
    return Built(out, rows, 0, rows, manifest["config"].get("samples", rows), photos)


def _all_of(receipts: Sequence[Receipt | None], out: Path) -> list[Receipt]:
    """The receipts of all shards. If shards are missing, raises a BuildError that names them and the command to render
    them.
    """
    missing = runs(number for number, receipt in enumerate(receipts) if receipt is None)
    if missing:
        shown = ", ".join(missing[:SHOWN_RANGES]) + ", ..." * (len(missing) > SHOWN_RANGES)
        raise BuildError(f"{out}: not rendered: the shards {shown}; run: {render_command(out, missing)}")
    return [receipt for receipt in receipts if receipt]


def _check_rejects(draft: Draft, receipts: Sequence[Receipt], out: Path) -> int:
    """The number of rejected rows. Raises BuildError if too many rows were rejected."""
    rejected, most = [r for receipt in receipts for r in receipt.rejected], draft.config.max_rejected
    if len(rejected) > most * draft.rows or len(rejected) == draft.rows:
        broken = next((r for r in rejected if r.reason == "broken photo"), rejected[0])
        record = start_over(out, rejected)
        raise BuildError(
            f"{broken.detail}: {len(rejected)} of {draft.rows} rows were rejected, with max_rejected={most}; fix the "
            f"photos listed in {record}, or raise max_rejected (this does not help if all rows were rejected), and run "
            "the same `cgc-data build` or `cgc-data plan` again"
        )
    return len(rejected)


def _built(draft: Draft, rejected: int, out: Path) -> Built:
    plan = draft.plan
    by_split = split_notes(plan.photos, {shard.split for shard in plan.shards})
    return Built(
        out,
        draft.rows - rejected,
        rejected,
        draft.rows,
        draft.config.samples,
        photos=_shown(out),
        available=sum(plan.photos.values()),
        made=tuple(plan.made),
        notes=(*plan.notes, *by_split),
    )


def _shown(out: Path) -> int:
    return read_stats(out / "stats.json")["photos"]["distinct"]
