"""Plans a release without real photos: each photo is a file that contains only its own name. The annotation file can be
as large as COCO's.

Usage: python benchmarks/empty_photos.py instances_train2017.json OUT [--rows 20000] [--workers 2] [KEY=VALUE ...]

The script assumes that every photo is undamaged and differs from all others. Tasks that need pixels cannot produce
rows. Set their share to 0, for example with tasks.intra/region=0. A second run with the same OUT finds the index in its
cache. Prints times, sizes, and the peak memory of this process and of its largest worker as JSON. Both memory figures
include what the two processes share.
"""

import inspect
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import rich_click as click

from cgc_data.cli.build import resolve  # type: ignore[attr-defined]  # where earlier versions, which this also runs, define it
from cgc_data.config import BuildConfig
from cgc_data.index.build import build_index
from cgc_data.index.facts import Facts
from cgc_data.index.photos import Photo
from cgc_data.plan import build as planning
from cgc_data.plan.build import Plan, estimated_bytes


class _Image(msgspec.Struct):
    """The fields of an image record that this script reads."""

    coco_url: str = ""
    file_name: str = ""


class _Listed(msgspec.Struct):
    """The fields of an annotation file that this script reads."""

    images: list[_Image]


@click.command(help=__doc__)
@click.argument("annotations", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("settings", nargs=-1)
@click.option("--rows", default=20_000, show_default=True)
@click.option("--workers", default=2, show_default=True)
def main(annotations: Path, out: Path, settings: tuple[str, ...], rows: int, workers: int) -> None:
    """Plan, and print the cost."""
    config = configured(annotations, out, (*settings, f"samples={rows}"))
    started, spent = time.monotonic(), processor_seconds()
    index = build_index(config, out / "cache")
    indexed = {"index seconds": time.monotonic() - started, "index processor seconds": processor_seconds() - spent}
    planning.photo_facts = all_different  # type: ignore[assignment]
    plan = planning.make_plan(index, config, out, out / "cache", **_executor(workers))
    cost = {
        **indexed,
        "rows": sum(plan.tasks.values()),
        "seconds": time.monotonic() - started,
        "processor seconds": processor_seconds() - spent,
        "peak MB": peak(),
        "peak MB of a worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        **_sizes(plan, out),
    }
    (out / "config.json").write_text(config.model_dump_json())
    print(json.dumps({name: round(value, 2) for name, value in cost.items()}))


def configured(annotations: Path, out: Path, settings: tuple[str, ...]) -> BuildConfig:
    """Return the configuration of a build. If the cache folder does not exist, create it and the placeholder photos."""
    photos, cache = out / "photos", out / "cache"
    if not cache.exists():
        photos.mkdir(parents=True)
        for name in photo_names(annotations):
            (photos / name).write_text(name)  # photos without a COCO name are identified by their bytes
        cache.mkdir()
    flags = {"coco": (f"{annotations}:{photos}",), "bbox_format": None, "orientation": None, "exhaustive": True}
    return resolve(settings, dict(flags))


def photo_names(annotations: Path) -> Iterator[str]:
    """File names of the photos that an annotation file lists."""
    listed = msgspec.json.decode(annotations.read_bytes(), type=_Listed)
    return ((image.file_name or image.coco_url).rpartition("/")[2] for image in listed.images)


def all_different(photos: list[Photo], *_: Any) -> Facts:
    """Fake facts: every photo is undamaged and differs from all others."""
    number = len(photos)
    hashes = np.random.default_rng(0).integers(2**63, size=number, dtype=np.uint64)
    sizes = np.array([(photo.width, photo.height) for photo in photos])
    return Facts(hashes, np.full(number, "JPEG"), np.ones(number, dtype=np.int64), sizes, np.full(number, ""))


def _executor(workers: int) -> dict[str, Any]:
    """Keyword arguments that tell `make_plan` how many worker processes to use.

    Earlier versions of `make_plan` take a number of workers and a function instead of an executor.
    """
    if "executor" in inspect.signature(planning.make_plan).parameters:
        from cgc_data.common.processes import Processes

        return {"executor": Processes(workers)}
    from cgc_data.builder.workers import run_tasks  # type: ignore[import-not-found, unused-ignore]

    return {"workers": workers, "run": run_tasks}


def _sizes(plan: Plan, out: Path) -> dict[str, int]:
    files = [path for path in out.glob("int*.parquet") if not path.name.startswith("part-")]
    return {
        "parts": len(list(out.glob("part-*.parquet"))),
        "shards": len(plan.shards),
        "plan bytes": sum(path.stat().st_size for path in files),
        "release bytes": estimated_bytes(plan),
    }


def processor_seconds() -> float:
    """CPU seconds used so far by this process and by the workers that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak() -> float:
    """Peak memory of this process in MB. On Linux, it is read from `/proc`, because `ru_maxrss` also covers the process
    that started this one.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
