"""Time per row of planning over annotation files of any size; photos are empty files, so tasks that read them find none.

Usage: python benchmarks/planning.py instances_train2017.json [--rows 10000] [--profile FILE] [KEY=VALUE ...]
Tasks whose planners need pixels make no row here: give them the share 0, such as tasks.intra/region=0. The time is that
of this process alone, without the reading of annotations.
"""

import cProfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import rich_click as click

from cgc_data.cli.build import resolve
from cgc_data.config import BuildConfig
from cgc_data.index.build import build_index
from cgc_data.plan.build import make_plan


class _Image(msgspec.Struct):
    """What is read of an image record."""

    coco_url: str = ""
    file_name: str = ""


class _Listed(msgspec.Struct):
    """What is read of an annotation file."""

    images: list[_Image]


@click.command(help=__doc__)
@click.argument("annotations", type=click.Path(exists=True, path_type=Path))
@click.argument("settings", nargs=-1)
@click.option("--rows", default=10_000, show_default=True)
@click.option("--profile", type=click.Path(path_type=Path), help="Write a profile that pstats reads.")
def main(annotations: Path, settings: tuple[str, ...], rows: int, profile: Path | None) -> None:
    """Plan and print rows, seconds, and milliseconds a row."""
    with tempfile.TemporaryDirectory() as folder:
        photos, cache = Path(folder) / "photos", Path(folder) / "cache"
        for path in (photos, cache):
            path.mkdir()
        for name in _names(annotations):
            (photos / name).touch()
        flags = {"coco": (f"{annotations}:{photos}",), "bbox_format": None, "orientation": None, "exhaustive": False}
        _plan(resolve((*settings, f"samples={rows}"), flags), cache, profile)


def _names(annotations: Path) -> Iterator[str]:
    listed = msgspec.json.decode(annotations.read_bytes(), type=_Listed)
    return ((image.file_name or image.coco_url).rpartition("/")[2] for image in listed.images)


def _plan(config: BuildConfig, cache: Path, profile: Path | None) -> None:
    index = build_index(config, cache)
    make_plan(index, config.model_copy(update={"samples": 20}), cache, cache, 1)  # facts of photos, imports
    profiler, start = cProfile.Profile(), time.process_time()
    if profile:
        profiler.enable()
    plan = make_plan(index, config, cache, cache, 1)
    if profile:
        profiler.disable()
        profiler.dump_stats(profile)
    seconds, made = time.process_time() - start, sum(plan.tasks.values())
    for task, rows in sorted(plan.tasks.items()):
        print(f"{task:<20} {rows:>9,} rows")
    print(f"{made:,} rows in {seconds:.1f} s: {1000 * seconds / made:.2f} ms a row")
    print("\n".join(plan.notes))


if __name__ == "__main__":
    main()
