"""Checks of single rows against their raw sources, without a release on the disk for each row."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cgc_data.release.manifest import read_manifest
from cgc_data.validate.report import Ledger
from cgc_data.validate.run import CHECKS, RowChecker, open_sources
from cgc_data.validate.trace import Trace
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
