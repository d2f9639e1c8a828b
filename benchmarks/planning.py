"""Measures the planning time per row for each preset. The annotation file can have any size, and the photos are empty
files.

Usage: python benchmarks/planning.py instances_train2017.json [--rows 3000] [--preset paper --preset full] [--profile
       FILE] [--docs docs] [KEY=VALUE ...]

Tasks that need pixels cannot produce rows. Set their share to 0, for example with tasks.intra/region=0. The reported
time is the CPU time of this process, without the time to read and check the annotations. All photos are in the same
split and have the same file format. With --docs, the figures are written to measured.json in that folder, and their
table to release.md. The peak memory reported for a preset includes the presets planned before it.
"""

import cProfile
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import rich_click as click

from cgc_data.cli.settings import resolve
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index, build_index
from cgc_data.plan.build import part_tasks
from cgc_data.plan.ground import Division
from cgc_data.plan.part import plan_part
from cgc_data.plan.parts import divide
from cgc_data.tasks import PRESETS

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import measured  # noqa: E402
from benchmarks.empty_photos import photo_names  # noqa: E402
from scripts.markdown import table  # noqa: E402


@click.command(help=__doc__)
@click.argument("annotations", type=click.Path(exists=True, path_type=Path))
@click.argument("settings", nargs=-1)
@click.option("--rows", default=3000, show_default=True)
@click.option("--preset", "presets", multiple=True, type=click.Choice(list(PRESETS)), default=list(PRESETS))
@click.option("--profile", type=click.Path(path_type=Path), help="Write a profile for pstats.")
@click.option(
    "--docs",
    type=click.Path(path_type=Path),
    help=("Folder in which to write measured.json and the table in release.md."),
)
def main(
    annotations: Path,
    settings: tuple[str, ...],
    rows: int,
    presets: tuple[str, ...],
    profile: Path | None,
    docs: Path | None,
) -> None:
    """Plan with each preset, and print the number of rows, the seconds, and the milliseconds per row."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        photos, cache = Path(folder) / "photos", Path(folder) / "cache"
        for path in (photos, cache):
            path.mkdir()
        for name in photo_names(annotations):
            (photos / name).touch()
        flags = {"coco": (f"{annotations}:{photos}",), "bbox_format": None, "orientation": None, "exhaustive": False}
        index = build_index(resolve((), dict(flags)), cache)
        profiler = cProfile.Profile() if profile else None
        for preset in presets:
            config = resolve((*settings, f"preset={preset}", f"samples={rows}"), dict(flags))
            key = ", ".join((preset, *settings, str(rows)))
            found[key] = {"preset": preset, "settings": list(settings)} | _plan(index, config, profiler)
            print(found[key], flush=True)
        if profiler:
            profiler.dump_stats(str(profile))
    print(shown(found))
    if docs:
        kept = measured.read(docs, "planning") | found
        measured.keep(docs, "planning", "release.md", kept, shown(kept))


def _plan(index: Index, config: BuildConfig, profiler: cProfile.Profile | None) -> dict[str, Any]:
    number, start = len(index.photos), time.process_time()
    division = Division(["train"] * number, np.ones(number, dtype=np.bool_), {}, np.full(number, ""))  # type: ignore[typeddict-item]
    parts = divide(config, division.splits, division.allowed)
    divided, tasks = time.process_time(), Counter[str]()
    if profiler:
        profiler.enable()
    with tempfile.TemporaryDirectory() as folder:
        for task in part_tasks(parts, index, config, division, Path(folder)):
            tasks.update(plan_part(task).tasks)
    if profiler:
        profiler.disable()
    return {
        "photos": number,
        "rows": tasks.total(),
        "before": round(divided - start, 1),
        "seconds": round(time.process_time() - divided, 1),
        "peak": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "tasks": dict(sorted(tasks.items())),
    }


def shown(found: dict[str, Any]) -> str:
    """One line per preset and number of rows."""
    return table(
        ["preset and settings", "photos", "rows", "processor seconds", "ms per row", "peak memory, MB"],
        [
            [
                " ".join(f"`{part}`" for part in (one["preset"], *one["settings"])),
                f"{one['photos']:,}",
                f"{one['rows']:,}",
                f"{one['seconds']:,.0f}",
                f"{1000 * one['seconds'] / one['rows']:.2f}",
                f"{one['peak']:,}",
            ]
            for one in found.values()
        ],
    )


if __name__ == "__main__":
    main()
