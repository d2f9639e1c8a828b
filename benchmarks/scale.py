"""Plans a million rows once, and estimates how much time and space releases of several sizes would take. With --docs,
writes the measurements and the estimates to scale.md in that folder.

Usage: python benchmarks/scale.py instances_train2017.json [--rows 1000000] [--workers 2] [--docs docs] [KEY=VALUE ...]

Photos are placeholder files without pixels, so choose tasks that need no pixels, for example with preset=paper. The
script measures only planning. Figures for the other stages come from the measured.json that benchmarks/run.py wrote to
the same folder.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rich_click as click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import measured  # noqa: E402
from scripts.markdown import table  # noqa: E402

SIZES = (10**4, 10**6, 10**8)
NODE = 64  # cores of a machine, for the column of hours


@dataclass(frozen=True)
class PerRow:
    """The cost of one row: processor seconds by stage, and bytes with embedded photos."""

    plan: float
    render: float
    validate: float
    bytes: float

    @classmethod
    def of(cls, planned: Mapping[str, float], stages: Mapping[str, float], rows: int) -> "PerRow":
        """Compute the cost of one row from the cost of a plan, and from the processor seconds that the other stages
        took for `rows` rows.
        """
        render = (stages["render inter"] + stages["render intra"]) / 2
        return cls(
            plan=planned["processor seconds"] / planned["rows"],
            render=render / rows,
            validate=stages["validate"] / rows,
            bytes=planned["release bytes"] / planned["rows"],
        )


@click.command(help=__doc__)
@click.argument("annotations", type=click.Path(exists=True, path_type=Path))
@click.argument("settings", nargs=-1)
@click.option("--rows", default=10**6, show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--docs", type=click.Path(path_type=Path), help="Folder of measured.json and scale.md.")
def main(annotations: Path, settings: tuple[str, ...], rows: int, workers: int, docs: Path | None) -> None:
    """Plan, and print the cost. With --docs, write the tables."""
    found = {"planned": planned(annotations, settings, rows, workers), "workers": workers, "settings": list(settings)}
    print(json.dumps(found), flush=True)
    if docs:
        keep(docs, found)


def keep(docs: Path, found: Mapping[str, Any]) -> None:
    """Store the figures of the plan and of the stages that `benchmarks/run.py` measured, and write the tables."""
    run = measured.read(docs, "run")
    stages = {line["what"]: line["ours"]["cpu"] for line in run["lines"]}
    figures = {**found, "stages": stages, "stage rows": run["about"]["rows"]}
    measured.keep(docs, "scale", "scale.md", figures, shown(figures))


def planned(annotations: Path, settings: tuple[str, ...], rows: int, workers: int) -> dict[str, float]:
    """The cost of a plan."""
    script = str(ROOT / "benchmarks" / "empty_photos.py")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, script, str(annotations), str(Path(folder) / "plan"), *settings]
        command += [f"--rows={rows}", f"--workers={workers}"]
        cost: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return cost


def shown(found: Mapping[str, Any]) -> str:
    """Two tables: the measured cost of the plan, and the estimated cost of releases of several sizes."""
    per_row = PerRow.of(found["planned"], found["stages"], found["stage rows"])
    return f"{as_measured(found)}\n\n{computed(per_row)}"


def as_measured(found: Mapping[str, Any]) -> str:
    """One line about the plan."""
    cost = found["planned"]
    cells = {
        "rows planned": f"{cost['rows']:,.0f}",
        "workers": str(found["workers"]),
        "minutes": f"{cost['seconds'] / 60:,.0f}",
        "processor ms per row": f"{1000 * cost['processor seconds'] / cost['rows']:.2f}",
        "parent, MB": f"{cost['peak MB']:,.0f}",
        "largest worker, MB": f"{cost['peak MB of a worker']:,.0f}",
        "plan, MB": f"{cost['plan bytes'] / 1e6:,.0f}",
        "shards": f"{cost['shards']:,.0f}",
    }
    return table(list(cells), [list(cells.values())])


def computed(per_row: PerRow) -> str:
    """One line per size of release."""
    head = ["rows", "plan, core hours", "render, core hours", "validate, core hours", f"hours on {NODE} cores", "size"]
    return table(head, [_line(per_row, rows) for rows in SIZES])


def _line(per_row: PerRow, rows: int) -> list[str]:
    hours = [rows * seconds / 3600 for seconds in (per_row.plan, per_row.render, per_row.validate)]
    figures = [f"{value:.2g}" if value < 100 else f"{value:,.0f}" for value in (*hours, sum(hours) / NODE)]
    return [f"{rows:,}", *figures, f"{rows * per_row.bytes / 1e9:,.0f} GB"]


if __name__ == "__main__":
    main()
