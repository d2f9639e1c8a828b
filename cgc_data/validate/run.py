"""Validates a release: opens its raw sources, runs every check on every row, and measures the shortcuts."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cgc_data.common.errors import ReleaseError
from cgc_data.common.progress import track
from cgc_data.release.manifest import Manifest, SourceRecord, read_manifest
from cgc_data.release.rows import Row
from cgc_data.validate import absence, across, duplicates, files, form, licenses, pictures, sharpness, stated, truth
from cgc_data.validate.limits import limits_of
from cgc_data.validate.photos import PhotoFiles
from cgc_data.validate.raw import RawSource
from cgc_data.validate.report import Check, Ledger, Report
from cgc_data.validate.samples import Sample, read_sample
from cgc_data.validate.shortcuts import shortcut_checks
from cgc_data.validate.tasks import task_measures
from cgc_data.validate.trace import Trace, trace_of
from cgc_data.validate.world import World
from cgc_data.vocabulary import load_relations

CHECKS = {
    **files.CHECKS,
    **form.CHECKS,
    **sharpness.CHECKS,
    **pictures.CHECKS,
    **truth.CHECKS,
    **absence.CHECKS,
    **across.CHECKS,
    **duplicates.CHECKS,
    **licenses.CHECKS,
    **stated.CHECKS,
}


class SourcePaths(NamedTuple):
    """Current location of a source."""

    kind: str  # its format
    annotations: Path
    images: Path


def validate(release: Path | str, sources: Sequence[SourcePaths] | None = None) -> Report:
    """Re-derive every sample of a release from its raw sources.

    Args:
        release: folder of a finished release.
        sources: current locations of sources that were moved since the build; matched by sha256.

    Raises:
        ReleaseError: the folder is not a finished release, or a source is missing or differs from the source of the
            build.
    """
    folder = Path(release)
    manifest = read_manifest(folder)
    world = World(open_sources(folder, manifest, sources or ()), load_relations())
    ledger = Ledger(CHECKS)
    shards = files.check_files(folder, manifest, ledger)
    checker = RowChecker(manifest, world, ledger)
    total = sum(shard["rows"] for shard in manifest["shards"])
    for shard, row in track(files.read_rows(folder, shards), "validate", total):
        checker.row(shard, row)
    traces, limits = checker.traces, limits_of(manifest)
    return Report(str(folder), (*checker.finish(), *shortcut_checks(traces, limits), *task_measures(traces, limits)))


class RowChecker:
    """All checks of rows, each after those it relies on."""

    def __init__(self, manifest: Manifest, world: World, ledger: Ledger) -> None:
        limits = limits_of(manifest)
        self.traces: list[Trace] = []
        self._manifest, self._world, self._ledger = manifest, world, ledger
        self._counts = files.CountCheck(ledger)
        self._form = form.FormCheck(ledger, limits, world)
        self._sharpness = sharpness.SharpnessCheck(ledger, limits)
        self._pictures = pictures.PictureCheck(ledger, world)
        self._truth = truth.TruthCheck(ledger, limits, world)
        self._absence = absence.AbsenceCheck(ledger, limits, world)
        self._across = across.AcrossCheck(ledger, limits, world, manifest.get("exclusions", {}))
        self._duplicates = duplicates.DuplicateCheck(ledger, world)
        self._licenses = licenses.LicenseCheck(ledger, world, manifest)
        self._stated = stated.StatedCheck(ledger, world)

    def row(self, shard: str, row: Row) -> None:
        """Check one row."""
        try:
            sample = read_sample(row, shard)
        except ValueError as error:
            self._ledger.require(False, "row form", str(row.get("id")), str(error))
            return
        self._counts.add(sample)
        if self._form.check(sample):
            self._sound(sample)

    def _sound(self, sample: Sample) -> None:
        if not sample.images and self._manifest.get("image_mode") != "reference":
            self._ledger.breach("images", sample.id, "the row has no images, although the release embeds images")
        self._sharpness.check(sample)
        self._pictures.check(sample)
        self._truth.check(sample)
        self._absence.check(sample)
        self._across.add(sample)
        self._duplicates.add(sample)
        self._licenses.check(sample)
        self._stated.check(sample)
        self.traces.append(trace_of(sample, self._world))

    def finish(self) -> tuple[Check, ...]:
        """All checks of rows, and those that can run only at the end."""
        self._counts.finish(self._manifest["counts"])
        self._across.finish()
        self._duplicates.finish()
        return tuple(self._ledger.checks())


def open_sources(release: Path, manifest: Manifest, given: Sequence[SourcePaths]) -> list[RawSource]:
    """The raw sources of a release, verified by their sha256. Raises ReleaseError if a source is missing or differs."""
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
        annotations=annotations,
        photos=PhotoFiles(images),
        exhaustive=entry.get("exhaustive"),
        test_only=entry.get("split") == "test",
        box_format=str(entry.get("bbox_format") or "xywh"),
        displayed=entry.get("orientation") == "as_displayed",
        ignored=[str(part) for part in entry.get("ignore") or ()],
    )


def _find(release: Path, name: str, kind: str) -> Path:
    for path in (Path(name), release / name, release.parent / name):
        if path.is_file() or path.is_dir():  # reading a device or a pipe would never end
            return path
    raise ReleaseError(f"{name}: source of {release} not found; pass its location with --{kind} ANN.json:IMAGES")


def _digest(path: Path) -> str:
    try:
        return files.sha256(path)
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read ({error.strerror}); name sources as ANN.json:IMAGES") from None
