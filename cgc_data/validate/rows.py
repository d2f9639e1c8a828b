"""Runs all checks of rows, and collects their results.

Groups of rows can be checked in different processes. Their results are merged in the order of the groups.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from cgc_data.release.manifest import Manifest
from cgc_data.release.rows import Row
from cgc_data.validate import absence, across, duplicates, files, form, licenses, pictures, sharpness, stated, truth
from cgc_data.validate.image_files import ImageFiles
from cgc_data.validate.limits import limits_of
from cgc_data.validate.report import Check, Ledger
from cgc_data.validate.samples import Sample, read_sample
from cgc_data.validate.trace import Trace, trace_of
from cgc_data.validate.world import World

# Checks that open photos or masks. If a sample is drawn, these checks cover only its rows; other checks cover every
# row.
CLOSE = {**pictures.CHECKS, **truth.CHECKS, **absence.CHECKS, **duplicates.CHECKS}
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


class Left(NamedTuple):
    """The check results of some rows. All values can be pickled and sent to another process."""

    ledger: Ledger
    counts: dict[str, Counter[str]]
    ids: list[str]
    shown: across.Shown
    looks: dict[str, duplicates.Looks]
    asked: list[tuple[bytes, str]]
    traces: list[Trace]


@dataclass(frozen=True)
class Remembered:
    """The images and photos that this process has already read and compared, so that later rows can reuse them."""

    images: ImageFiles = field(default_factory=ImageFiles)
    compared: pictures.Compared = field(default_factory=dict)
    prints: dict[str, duplicates.Print | None] = field(default_factory=dict)


class RowChecker:
    """Runs all checks of rows. Each check runs after the checks that it relies on."""

    def __init__(self, manifest: Manifest, world: World, ledger: Ledger, remembered: Remembered | None = None) -> None:
        limits, known = limits_of(manifest), remembered or Remembered()
        self.traces: list[Trace] = []
        self._manifest, self._world, self._ledger = manifest, world, ledger
        self._counts = files.CountCheck(ledger)
        self._form = form.FormCheck(ledger, limits, world)
        self._sharpness = sharpness.SharpnessCheck(ledger, limits)
        self._images = known.images
        self._pictures = pictures.PictureCheck(ledger, world, known.compared)
        self._truth = truth.TruthCheck(ledger, limits, world)
        self._absence = absence.AbsenceCheck(ledger, limits, world)
        self._across = across.AcrossCheck(ledger, limits, world, manifest.get("exclusions", {}))
        self._duplicates = duplicates.DuplicateCheck(ledger, world, known.prints)
        self._licenses = licenses.LicenseCheck(ledger, world, manifest)
        self._stated = stated.StatedCheck(ledger, world)

    def row(self, shard: str, row: Row, *, closely: bool = True) -> None:
        """Check one row.

        If `closely` is true, also check the images of the row, and compare the row with photos and masks.
        """
        try:
            sample = read_sample(row, shard)
        except ValueError as error:
            self._ledger.require(False, "row form", str(row.get("id")), str(error))
            return
        self._counts.add(sample)
        if self._form.check(sample):
            self._sharpness.check(sample)
            if closely:
                self._look(sample)
            self._across.add(sample)
            self._licenses.check(sample)
            self._stated.check(sample)

    def _look(self, sample: Sample) -> None:
        if not sample.images and self._manifest.get("image_mode") != "reference":
            self._ledger.breach("images", sample.id, "the row has no images, but the release embeds images")
        images = self._images.of(sample)
        self._pictures.check(sample, images)
        self._truth.check(sample)
        self._absence.check(sample)
        self._duplicates.add(sample)
        self.traces.append(trace_of(sample, self._world, images))

    @property
    def left(self) -> Left:
        """The results of all rows that this checker has checked so far."""
        return Left(
            self._ledger,
            self._counts.state,
            self._form.ids,
            self._across.state,
            self._duplicates.state,
            self._stated.asked,
            self.traces,
        )

    def add(self, left: Left) -> None:
        """Add the results of another checker, which checked later rows."""
        self._ledger.add(left.ledger)
        self._counts.merge(left.counts)
        self._form.ids.extend(left.ids)
        self._across.merge(left.shown)
        self._duplicates.merge(left.looks)
        self._stated.asked.extend(left.asked)
        self.traces.extend(left.traces)

    def finish(self) -> tuple[Check, ...]:
        """Run the checks that need all rows, and return the results of all checks."""
        self._counts.finish(self._manifest["counts"])
        self._form.finish()
        self._across.finish()
        self._duplicates.finish()
        self._stated.finish()
        return tuple(self._ledger.checks())
