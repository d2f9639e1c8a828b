"""The main job: sources -> index -> plan -> shards -> release, each stage a file that a killed build goes on from.

Work in progress is kept in OUT/.build; the manifest is written last, so its presence means that the release is done.
"""

import errno
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cgc_data.config import BuildConfig
from cgc_data.errors import BuildError, SourceError
from cgc_data.index.build import Index, build_index
from cgc_data.plan.askable import Rejection
from cgc_data.plan.build import Plan, make_plan
from cgc_data.progress import say, track
from cgc_data.release.embedded import with_sources
from cgc_data.release.finish import finish_release, library_versions
from cgc_data.release.shards import Receipt, ShardTask, render_shard, write_atomically
from cgc_data.sources.read import file_sha256

WORK, CACHE = ".build", ".cgc-cache"


@dataclass(frozen=True)
class Built:
    """A finished release and how it came out."""

    folder: Path
    rows: int
    rejected: int
    planned: int
    wanted: int


def build_release(config: BuildConfig, out: Path, *, workers: int = 1, repo_id: str | None = None) -> Built:
    """Build a release into `out`, going on where an interrupted build of the same configuration was.

    Raises BuildError where the folder holds something else, the disk is full or too many rows were rejected, and the
    errors of the stages.
    """
    with _disk_full(out):
        cache = out.parent / CACHE
        config = with_sources(config, cache)
        work = _claim(out, _fingerprint(config))
        if work is None:
            return _finished(out, config)
        index = build_index(config, cache)
        plan = _planned(index, config, work, cache, workers)
        receipts = _render(index, config, plan, out, work, workers)
        built = _check_rejects(config, plan, receipts, out)
        finish_release(index, config, plan, receipts, out, _fingerprint(config), repo_id)
        shutil.rmtree(work)
    return built


def plan_only(config: BuildConfig, out: Path, *, workers: int = 1) -> Plan:
    """The plan of a build, and nothing written into `out`: what `--dry-run` shows."""
    cache = out.parent / CACHE
    with _disk_full(out):
        cache.mkdir(parents=True, exist_ok=True)
        folder = cache / f"dry-run-{os.getpid()}"
        folder.mkdir(exist_ok=True)
        try:
            config = with_sources(config, cache)
            return make_plan(build_index(config, cache), config, folder, cache, workers)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _fingerprint(config: BuildConfig) -> str:
    """What decides the bytes of a release: settings, the content of the sources, and the libraries' versions."""
    values = config.model_dump(mode="json")
    for source in values["sources"]:
        path = Path(source["annotations"])
        if not path.is_file():
            raise SourceError(f"{path}: no such annotation file; name it as ANN.json:IMAGES")
        source["annotations"] = file_sha256(path)
    return hashlib.sha256(json.dumps([values, library_versions()], sort_keys=True).encode()).hexdigest()


def _claim(out: Path, fingerprint: str) -> Path | None:
    """Folder of work in progress, made or taken up again; None where this very release is finished."""
    work = out / WORK
    record = work / "fingerprint"
    if (out / "manifest.json").exists():
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        if manifest.get("fingerprint") == fingerprint:
            return None
        raise BuildError(f"{out}: holds another finished release; choose another --out, or delete the folder")
    if record.exists():
        if record.read_text(encoding="utf-8") == fingerprint:
            return work
        raise BuildError(
            f"{out}: holds an unfinished build of other settings or sources; choose another --out, or delete the folder"
        )
    if out.exists() and any(p for p in out.iterdir() if p.name != WORK):
        raise BuildError(f"{out}: is not empty and holds no build; choose another --out")
    work.mkdir(parents=True, exist_ok=True)
    write_atomically(record, fingerprint)
    return work


def _finished(out: Path, config: BuildConfig) -> Built:
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    rows = manifest["counts"]["total"]
    say(f"{out}: is finished already")
    return Built(out, rows, 0, rows, config.samples)


def _planned(index: Index, config: BuildConfig, work: Path, cache: Path, workers: int) -> Plan:
    """The plan, made or read where it was made before."""
    record = work / "plan.json"
    if record.exists():
        values = json.loads(record.read_text(encoding="utf-8"))
        values["rejections"] = [Rejection(**r) for r in values["rejections"]]
        return Plan(**values)
    plan = make_plan(index, config, work, cache, workers)
    write_atomically(record, json.dumps(asdict(plan)))
    return plan


def shard_tasks(index: Index, config: BuildConfig, plan: Plan, out: Path, work: Path) -> list[ShardTask]:
    """One task a shard of the plan, in the plan's order."""
    stores = {t.key: s.images for t, s in zip(index.tables, config.sources, strict=True)}
    totals = Counter((s["contrast"], s["split"]) for s in plan.shards)
    tasks = []
    for shard in plan.shards:
        contrast, split, number = shard["contrast"], shard["split"], shard["number"]
        name = f"{split}-{number:05d}-of-{totals[contrast, split]:05d}"
        tasks.append(
            ShardTask(
                plan=work / f"{contrast}-{split}.parquet",
                number=number,
                target=out / contrast / f"{name}.parquet",
                receipt=work / f"{contrast}-{name}.json",
                stores=stores,
                embed=config.images == "embed",
                jpeg_quality=config.intra.jpeg_quality,
            )
        )
    return tasks


def _render(index: Index, config: BuildConfig, plan: Plan, out: Path, work: Path, workers: int) -> dict[str, Receipt]:
    """Receipts of all shards by path inside the release."""
    tasks = shard_tasks(index, config, plan, out, work)
    names = [str(task.target.relative_to(out)) for task in tasks]
    if workers == 1:
        return dict(zip(names, track(map(render_shard, tasks), "render", len(tasks)), strict=True))
    with ProcessPoolExecutor(workers) as pool:
        return dict(zip(names, track(pool.map(render_shard, tasks), "render", len(tasks)), strict=True))


def _check_rejects(config: BuildConfig, plan: Plan, receipts: dict[str, Receipt], out: Path) -> Built:
    rejected = [r for receipt in receipts.values() for r in receipt.rejected]
    planned = sum(plan.tasks.values())
    if len(rejected) > config.max_rejected * planned:
        broken = next((r for r in rejected if r["reason"] == "broken photo"), rejected[0])
        raise BuildError(
            f"{broken['detail']}: {len(rejected)} of {planned} rows were rejected, more than max_rejected="
            f"{config.max_rejected}; mend the photos and run again, or raise it (unfinished work is in {out / WORK})"
        )
    return Built(out, planned - len(rejected), len(rejected), planned, config.samples)


@contextmanager
def _disk_full(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BuildError(
                f"{out}: the disk is full; free some space and run again, it goes on where it was"
            ) from None
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise BuildError(f"{error.filename or out}: may not be written; choose another --out") from None
        raise
