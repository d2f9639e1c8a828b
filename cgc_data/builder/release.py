"""Build a release: sources -> index -> plan -> shards -> release. A killed build resumes from the last stage's file.

Work in progress is in OUT/.build. The manifest is written last, so its presence means that the release is complete.
"""

import hashlib
import json
import os
import shutil
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import msgspec

from cgc_data.builder.changes import Stamps, check_unchanged, file_stamps, photo_stamps, unchanged_files
from cgc_data.builder.finish import finish_release, library_versions
from cgc_data.builder.shards import Receipt, ShardTask, render_shard, write_atomically
from cgc_data.builder.work import REJECTED, alone, claim, explained, forgotten_if_refused, make_folder, start_over
from cgc_data.builder.workers import Executor, run_tasks
from cgc_data.common.errors import BuildError, SourceError
from cgc_data.common.progress import say, track
from cgc_data.common.remote import local_file, upload, url_of
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index, build_index
from cgc_data.painter.embedded import with_sources
from cgc_data.plan.build import Plan, make_plan
from cgc_data.plan.notes import TaskRows
from cgc_data.plan.part import PART_FILES
from cgc_data.plan.parts import PLAN_VERSION
from cgc_data.release.inside import inside
from cgc_data.release.manifest import read_manifest
from cgc_data.release.remote import MANIFEST, local_copy
from cgc_data.release.stats import read_stats
from cgc_data.sources.read import file_sha256

CACHE = ".cgc-cache"


@dataclass(frozen=True)
class Built:
    """A finished release and its figures."""

    folder: Path
    rows: int
    rejected: int
    planned: int
    wanted: int
    photos: int = 0  # photos that are shown
    available: int = 0  # photos that could be shown: present, licensed, and not excluded
    empty_splits: tuple[str, ...] = ()  # splits that have photos, but too few for any row
    made: tuple[TaskRows, ...] = ()  # rows by task; empty if it was finished before
    notes: tuple[str, ...] = ()  # skipped photos and objects, and exclusion lists that do not match


def build_release(
    config: BuildConfig,
    out: Path,
    *,
    workers: int = 1,
    executor: Executor = "processes",
) -> Built:
    """Build a release into `out`, resuming an interrupted build of the same configuration.

    If `out` is a URL, the release is built in a local folder and then copied, its manifest last.

    Raises BuildError if the folder contains something else, another build is writing into it, the disk is full, or too
    many rows were rejected; also the errors of the stages.
    """
    if url := url_of(out):
        built = build_release(config, local_copy(url), workers=workers, executor=executor)
        upload(built.folder, url, last=MANIFEST)
        return replace(built, folder=out)
    cache = out.parent / CACHE
    with explained(out), alone(out, cache):
        config = with_sources(config, cache)
        files = file_stamps(config)
        fingerprint = _fingerprint(config)
        work = claim(out, fingerprint)
        if work is None:
            return _finished(out, config)
        with unchanged_files(config, files, out):
            with forgotten_if_refused(out, work):
                index = build_index(config, cache)
                photos = photo_stamps(index)
                plan = _planned(index, config, out, work, cache, workers, executor, photos)
            tasks = shard_tasks(index, config, plan, out, work)
            receipts = _render(tasks, out, workers, executor)
            check_unchanged(photos, photo_stamps(index))
        built = _check_rejects(config, plan, receipts, out)
        finish_release(index, config, plan, receipts, out, fingerprint)
        shutil.rmtree(work)
    available = sum(plan.photos.values())
    return replace(built, photos=_shown(out), available=available, made=tuple(plan.made), notes=tuple(plan.notes))


def plan_only(config: BuildConfig, out: Path, *, workers: int = 1, executor: Executor = "processes") -> Plan:
    """The plan of a build, without writing anything into `out`: what `--dry-run` shows."""
    out = local_copy(url) if (url := url_of(out)) else out
    cache = out.parent / CACHE
    with explained(out):
        make_folder(cache)
        folder = cache / f"dry-run-{os.getpid()}"
        folder.mkdir(exist_ok=True)
        try:
            config = with_sources(config, cache)
            index = build_index(config, cache)
            return make_plan(index, config, folder, cache, workers, partial(run_tasks, executor=executor))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _fingerprint(config: BuildConfig) -> str:
    """Everything that determines the bytes of a release: settings, content of the sources, and versions of the
    libraries and of the plan.
    """
    values = config.model_dump(mode="json", exclude={"max_rejected"})
    for source in values["sources"]:
        path = local_file(source["annotations"])
        if not path.is_file():
            raise SourceError(f"{path}: no such annotation file; name it as ANN.json:IMAGES")
        source["annotations"] = file_sha256(path)
    values["exclude"] = [file_sha256(Path(file)) for file in config.exclude]
    like = (path for folder in config.exclude_like for path in Path(folder).rglob("*") if path.is_file())
    values["exclude_like"] = sorted(file_sha256(path) for path in like)
    return hashlib.sha256(json.dumps([values, library_versions(), PLAN_VERSION], sort_keys=True).encode()).hexdigest()


def _finished(out: Path, config: BuildConfig) -> Built:
    manifest = read_manifest(out)
    for shard in manifest["shards"]:
        if file_sha256(out / shard["path"]) != shard["sha256"]:
            raise BuildError(f"{out / shard['path']}: damaged since it was built; delete {out} and build again")
    rows = manifest["counts"]["total"]
    say(f"{out}: already finished")
    photos = _shown(out)
    return Built(out, rows, 0, rows, config.samples, photos, photos)


def _shown(out: Path) -> int:
    return read_stats(out / "stats.json")["photos"]["distinct"]


def _planned(
    index: Index,
    config: BuildConfig,
    out: Path,
    work: Path,
    cache: Path,
    workers: int,
    executor: Executor,
    stamps: Stamps,
) -> Plan:
    """The plan of the build. An earlier plan is read if it is intact and the photos have not changed since.

    The same holds for the parts of a plan.
    """
    record, photos = work / "plan.json", hashlib.sha256("\n".join(stamps.values()).encode()).hexdigest()
    if (known := _read_plan(record, work, photos)) is not None:
        return known
    if record.exists():
        say(f"{out}: photos or work in progress changed since the build began; starting over")
        start_over(out, [])
    plan = make_plan(index, config, work, cache, workers, partial(run_tasks, executor=executor), photos)
    parts = list(work.glob(f"{PART_FILES}*"))
    kept = sorted({*work.glob("*.parquet")}.difference(parts, [work / REJECTED]))
    files = {path.name: file_sha256(path) for path in kept}
    write_atomically(record, json.dumps({"plan": asdict(plan), "files": files, "photos": photos}))
    for path in parts:
        path.unlink()
    return plan


def _read_plan(record: Path, work: Path, photos: str) -> Plan | None:
    """The earlier plan for these photos; None if there is no plan, or if one of its files is damaged."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        if content["photos"] != photos or any(
            file_sha256(work / name) != digest for name, digest in content["files"].items()
        ):
            return None
        return msgspec.convert(content["plan"], Plan)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SourceError):
        return None


def shard_tasks(index: Index, config: BuildConfig, plan: Plan, out: Path, work: Path) -> list[ShardTask]:
    """One rendering job per shard, in the plan's order."""
    keyed = {t.key: s for t, s in zip(index.tables, config.sources, strict=True)}
    stores = {key: source.images for key, source in keyed.items()}
    displayed = frozenset(key for key, source in keyed.items() if source.displayed)
    totals = Counter((shard.contrast, shard.split) for shard in plan.shards)
    tasks = []
    for shard in plan.shards:
        name = f"{shard.split}-{shard.number:05d}-of-{totals[shard.contrast, shard.split]:05d}"
        tasks.append(
            ShardTask(
                plan=inside(work, f"{shard.contrast}-{shard.split}.parquet"),
                number=shard.number,
                target=inside(out, f"{shard.contrast}/{name}.parquet"),
                receipt=inside(work, f"{shard.contrast}-{name}.json"),
                stores=stores,
                displayed=displayed,
                embed=config.images == "embed",
                jpeg_quality=config.intra.jpeg_quality,
            )
        )
    return tasks


def _render(tasks: list[ShardTask], out: Path, workers: int, executor: Executor) -> dict[str, Receipt]:
    """Receipts of all shards, by their path inside the release."""
    names = [str(task.target.relative_to(out)) for task in tasks]
    rendered = run_tasks(render_shard, tasks, max(1, min(workers, len(tasks))), executor)
    return dict(zip(names, track(rendered, "render", len(tasks)), strict=True))


def _check_rejects(config: BuildConfig, plan: Plan, receipts: dict[str, Receipt], out: Path) -> Built:
    rejected = [r for receipt in receipts.values() for r in receipt.rejected]
    planned = sum(plan.tasks.values())
    if len(rejected) > config.max_rejected * planned or len(rejected) == planned:
        broken = next((r for r in rejected if r.reason == "broken photo"), rejected[0])
        record = start_over(out, rejected)
        raise BuildError(
            f"{broken.detail}: {len(rejected)} of {planned} rows were rejected, with max_rejected="
            f"{config.max_rejected}; fix the photos listed in {record}, or raise it, and run again"
        )
    filled = {shard.split for shard in plan.shards}
    empty = tuple(split for split, photos in plan.photos.items() if photos and split not in filled)
    return Built(out, planned - len(rejected), len(rejected), planned, config.samples, empty_splits=empty)
