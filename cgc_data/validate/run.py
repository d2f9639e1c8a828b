"""Validates a release: opens its raw sources, runs every check on every row, and measures possible shortcuts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from cgc_data.common.errors import ReleaseError
from cgc_data.common.executor import Executor
from cgc_data.common.processes import HERE
from cgc_data.common.progress import track
from cgc_data.common.remote import local_file, url_of
from cgc_data.release.manifest import Manifest, SourceRecord, read_manifest
from cgc_data.release.remote import local_release
from cgc_data.validate import files
from cgc_data.validate.groups import Group, Sampling, groups_of, read_group
from cgc_data.validate.limits import limits_of
from cgc_data.validate.photos import PhotoFiles
from cgc_data.validate.raw import RawSource
from cgc_data.validate.report import Drawn, Ledger, Report
from cgc_data.validate.rows import CHECKS, CLOSE, Left, Remembered, RowChecker
from cgc_data.validate.shortcuts import shortcut_checks
from cgc_data.validate.tasks import task_measures
from cgc_data.validate.world import World
from cgc_data.vocabulary import load_relations


class SourcePaths(NamedTuple):
    """Current location of a source."""

    kind: str  # format of the source
    annotations: Path
    images: Path


class Given(NamedTuple):
    """The data that a process needs to open a release.

    `run` is an id that is different for each validation, even in the same process.
    """

    folder: Path
    sources: tuple[SourcePaths, ...]
    run: str


@dataclass(frozen=True)
class Opened:
    """A release and its sources, opened by one process.

    `remembered` holds the photos that this process has already compared.
    """

    folder: Path
    manifest: Manifest
    world: World
    remembered: Remembered = field(default_factory=Remembered)


def validate(
    release: Path | str,
    sources: Sequence[SourcePaths] | None = None,
    *,
    sample: float | None = None,
    seed: int = 0,
    executor: Executor = HERE,
) -> Report:
    """Validate a release by deriving every sample again from the raw sources.

    The report is the same for any executor.

    Args:
        release: folder of a finished release.
        sources: current locations of sources that were moved since the build. Sources are identified by sha256.
        sample: share of the rows to draw, above 0 and at most 1; None for all rows. Only the drawn rows are
            compared with photos and masks, and shortcuts are measured only on them. All other checks cover all rows.
        seed: random seed of the sample.
        executor: runs the checks of row groups, for example in several processes.

    Raises:
        ReleaseError: the folder is not a finished release, or a source is missing or has changed since the build.
        WorkerError: a worker was lost, or a cluster cannot be used.
    """
    given = Given(local_release(release), tuple(sources or ()), uuid4().hex)
    try:
        return _report(given, Sampling(sample, seed) if sample is not None else None, executor)
    finally:
        _opened.cache_clear()


@lru_cache(maxsize=1)
def _opened(given: Given) -> Opened:
    """Open the release once per process. A forked process reuses the release that its parent has opened."""
    manifest = read_manifest(given.folder)
    return Opened(given.folder, manifest, World(open_sources(given.folder, manifest, given.sources), load_relations()))


def _report(given: Given, sampling: Sampling | None, executor: Executor) -> Report:
    opened, ledger = _opened(given), Ledger(CHECKS)
    shards = files.check_files(opened.folder, opened.manifest, ledger)
    checker = RowChecker(opened.manifest, opened.world, ledger)
    groups = groups_of(opened.folder, shards)
    check = partial(_check_group, given, sampling)
    for left in track(executor.run(check, groups, len(groups)), "row groups", len(groups)):
        checker.add(left)
    traces, limits = checker.traces, limits_of(opened.manifest)
    measures = [*shortcut_checks(traces, limits, sampled=sampling is not None), *task_measures(traces, limits)]
    if sampling is None:
        return Report(str(opened.folder), (*checker.finish(), *measures))
    close = {check.name for check in measures} | CLOSE.keys()
    checks = [replace(check, sampled=check.name in close) for check in (*checker.finish(), *measures)]
    total = sum(shard["rows"] for shard in opened.manifest["shards"])
    return Report(str(opened.folder), tuple(checks), Drawn(*sampling, len(traces), total))


def _check_group(given: Given, sampling: Sampling | None, group: Group) -> Left:
    opened = _opened(given)
    checker = RowChecker(opened.manifest, opened.world, Ledger(CHECKS), opened.remembered)
    for row, drawn in read_group(given.folder, group, sampling):
        checker.row(group.shard, row, closely=drawn)
    return checker.left


def open_sources(release: Path, manifest: Manifest, given: Sequence[SourcePaths]) -> list[RawSource]:
    """Open the raw sources of a release, and verify the sha256 of each.

    Raises ReleaseError if a source is missing or has a different sha256.
    """
    moved = {_digest(paths.annotations): paths for paths in given}
    known = {entry["sha256"] for entry in manifest["sources"]}
    for digest, paths in moved.items():
        if digest not in known:
            raise ReleaseError(f"{paths.annotations}: not a source of {release}; name the file it was built from")
    return [_open(release, entry, moved.get(entry["sha256"])) for entry in manifest["sources"]]


def _open(release: Path, entry: SourceRecord, moved: SourcePaths | None) -> RawSource:
    annotations = moved.annotations if moved else _find(release, entry["annotations"], entry["kind"])
    images = moved.images if moved else _find(release, entry["images"], entry["kind"])
    if not moved and _digest(annotations) != entry["sha256"]:
        raise ReleaseError(f"{annotations}: has changed since the release was built; name the file it was built from")
    return RawSource(
        key=entry["key"],
        kind=entry["kind"],
        annotations=local_file(annotations),
        photos=PhotoFiles(images),
        exhaustive=entry.get("exhaustive"),
        test_only=entry.get("split") == "test",
        box_format=str(entry.get("bbox_format") or "xywh"),
        displayed=entry.get("orientation") == "as_displayed",
        ignored=[str(part) for part in entry.get("ignore") or ()],
    )


def _find(release: Path, name: str, kind: str) -> Path:
    if url_of(name):
        return Path(name)
    for path in (Path(name), release / name, release.parent / name):
        if path.is_file() or path.is_dir():  # reading a device or a pipe would never end
            return path
    raise ReleaseError(f"{name}: source of {release} not found; pass its location with --{kind} ANN.json:IMAGES")


def _digest(path: Path) -> str:
    try:
        return files.sha256(local_file(path))
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read ({error.strerror}); name sources as ANN.json:IMAGES") from None
