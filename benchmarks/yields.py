"""Measures how many rows each task yields if it is the only task in a plan. For each task, prints the number of rows
requested and made, the number of photos that the rows show, the time per row, and why rows are missing.

Usage: python benchmarks/yields.py [--coco ANN.json:IMAGES] [--lvis ANN.json:IMAGES] [--exhaustive] [--rows 120] [--task
       inter/refer] [KEY=VALUE ...]

The script only makes plans: nothing is rendered, and only tasks that need pixels read photos. The default source is the
embedded sample.
"""

import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
import rich_click as click

from cgc_data.builder.locks import CACHE
from cgc_data.cli.settings import resolve
from cgc_data.common.errors import PlanError
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index, build_index
from cgc_data.painter.embedded import with_sources
from cgc_data.plan.build import make_plan
from cgc_data.tasks import PLANNED


@click.command(help=__doc__)
@click.argument("settings", nargs=-1)
@click.option("--coco", multiple=True)
@click.option("--lvis", multiple=True)
@click.option("--exhaustive", is_flag=True)
@click.option("--rows", default=120, show_default=True, help="Rows requested per task.")
@click.option("--task", "tasks", multiple=True, type=click.Choice(PLANNED), help="Default: all. Repeatable.")
def main(
    settings: tuple[str, ...],
    coco: tuple[str, ...],
    lvis: tuple[str, ...],
    exhaustive: bool,
    rows: int,
    tasks: tuple[str, ...],
) -> None:
    """Plan each task and print a line of figures. If rows are missing, also print why."""
    flags = {"coco": coco, "lvis": lvis, "exhaustive": exhaustive, "bbox_format": None, "orientation": None}
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / CACHE
        cache.mkdir()
        base = with_sources(resolve((*settings, f"samples={rows}"), flags), cache)
        index = build_index(base, cache)
        for task in tasks or PLANNED:
            only = {other: float(other == task) for other in PLANNED}
            _show(task, index, base.model_copy(update={"tasks": only}), cache)


def _show(task: str, index: Index, config: BuildConfig, cache: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        try:
            plan = make_plan(index, config, Path(folder), cache)
        except PlanError as error:
            print(f"{task:<20} none: {error}", flush=True)
            return
        seconds, made = time.process_time() - start, sum(plan.tasks.values())
        photos = _photos(Path(folder))
    each = 1000 * seconds / made
    print(f"{task:<20} {made:>7,} of {config.samples:,} rows, {photos:>6,} photos, {each:>7.1f} ms/row")
    causes = [rows.cause for rows in plan.made if rows.cause]
    print("".join(f"    {cause}\n" for cause in causes), end="", flush=True)


def _photos(folder: Path) -> int:
    """Number of photos that the rows of a plan show, whether as target, reference, or distractor."""
    tables = [pq.read_table(path, columns=["views"]) for path in folder.glob("*.parquet")]
    views = [view for table in tables for row in table.column("views").to_pylist() for view in row]
    return len({(part["source"], part["image_id"]) for view in views for part in view["parts"]})


if __name__ == "__main__":
    main()
