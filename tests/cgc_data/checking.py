"""Checks of single rows against their raw sources, without a release on the disk for each row, and made-up traces."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cgc_data.release.manifest import read_manifest
from cgc_data.validate.report import Ledger
from cgc_data.validate.run import CHECKS, RowChecker, open_sources
from cgc_data.validate.trace import Asked, Trace
from cgc_data.validate.world import World
from cgc_data.vocabulary import load_relations

Row = dict[str, Any]


class RawChecks:
    """The checks of `validate` for rows of one release, changed or not."""

    def __init__(self, release: Path) -> None:
        self._manifest = read_manifest(release)
        self.world = World(open_sources(release, self._manifest, ()), load_relations())

    def breached(self, *rows: Row) -> set[str]:
        """Names of the checks that rows break by themselves; what holds between rows is not judged."""
        ledger = Ledger(CHECKS)
        checker = RowChecker(self._manifest, self.world, ledger)
        for row in rows:
            checker.row(f"{row['contrast']}/{row['split']}-", row)  # type: ignore[arg-type]
        return {check.name for check in ledger.checks() if check.status == "fail"}

    def traces(self, rows: Iterable[Row]) -> list[Trace]:
        """What is kept of the rows for statistics."""
        checker = RowChecker(self._manifest, self.world, Ledger(CHECKS))
        for row in rows:
            checker.row(f"{row['contrast']}/{row['split']}-", row)  # type: ignore[arg-type]
        return checker.traces


def listing(place: int, task: str, asked: Iterable[Asked], template: int = 0) -> Trace:
    """The trace of a row about two photos of its own that lists several labels."""
    labels = tuple(asked)
    return Trace(
        id=f"row {place}",
        contrast="inter",
        task=task,
        template_id=f"{task}/{template}",
        label=labels[0].label,
        words=frozenset(one.label for one in labels),
        sizes=((640, 480), (640, 480)),
        num_bytes=(100_000, 100_000),
        enlargements=(1.0, 1.0),
        candidates=(1, 2),
        photos=(f"photo {place}", f"other {place}"),
        annotated=(3, 3),
        targets=frozenset({1, 2}),
        boxes=(),
        reference=None,
        named=False,
        tuple_id=f"set {place}",
        pair_id="",
        focus=None,
        asked=labels,
    )
