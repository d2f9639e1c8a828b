"""Does the memory of a build grow with the number of samples? Prints peaks and courses of the builds.

Usage: python benchmarks/memory.py [CONFIG.yaml] [KEY=VALUE ...] [--photos 5000] [--samples 1000 8000] [--workers 1]
       [--dry-run] [--docs docs]
With --photos, as many are painted first, and built from. Each build is a process of its own. Its resident memory is
read from /proc while it runs, that of each worker by itself: beside the peaks, the highest of each quarter of the run
is shown, since what grows is higher in the last than before. --docs keeps the figures and writes their table there.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import measured  # noqa: E402
from scripts.markdown import table  # noqa: E402

EVERY = 0.5  # seconds between two looks
QUARTERS = 4
TRAIN_SHARE = 2 / 3  # of all painted photos, those that the painter counts: the others are held out, or LVIS's alone


@dataclass
class Course:
    """Resident memory of a build in MB, of its own process and of its largest worker, look by look."""

    parent: list[float] = field(default_factory=list)
    worker: list[float] = field(default_factory=list)
    seconds: float = 0.0  # of processors, of all its processes


def main() -> None:
    """Build once a number of samples and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="a configuration and KEY=VALUE pairs; none: the embedded sample")
    parser.add_argument("--photos", type=int, help="paint so many and build from them")
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 8000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--dry-run", action="store_true", help="only plan")
    parser.add_argument("--work", type=Path, help="keep photos and releases here")
    parser.add_argument("--docs", type=Path, help="write measured.json, and the table into release.md, there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        settings = [*painted(work, options.photos), *options.settings] if options.photos else options.settings
        extra = [*settings, "--workers", str(options.workers), *(["--dry-run"] if options.dry_run else [])]
        watched(Path(folder) / "warm-up", 50, extra)
        found = {}
        for samples in options.samples:
            course = watched(work / f"release-{samples}", samples, extra)
            found[str(samples)] = figures(course, options.photos, options.workers)
            print(shown(found), flush=True)
    if options.docs:
        kept = measured.read(options.docs, "memory") | found
        measured.keep(options.docs, "memory", "release.md", kept, shown(kept))


def painted(work: Path, photos: int) -> list[str]:
    """Paint photos unless they are there; the configuration that names them."""
    from cgc_data.painter import paint

    config = work / "painted.yaml"
    if not config.exists():
        sources = paint("standard", work / "photos", photos=round(photos * TRAIN_SHARE))
        named = [
            {
                "kind": source.kind,
                "annotations": str(source.annotations),
                "images": str(source.images),
                "split": source.split,
                **({"exhaustive": True} if source.exhaustive else {}),
            }
            for source in sources
        ]
        config.write_text(yaml.safe_dump({"sources": named}), encoding="utf-8")
    return [str(config)]


def watched(out: Path, samples: int, arguments: Sequence[str]) -> Course:
    """The memory of one build over time."""
    program = "from cgc_data.cli import main; main()"
    arguments = ["build", *arguments, "--samples", str(samples), "--out", str(out)]
    before = processor_seconds()
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    course = Course()
    while process.poll() is None:
        course.parent.append(resident(process.pid))
        course.worker.append(max(map(resident, children(process.pid)), default=0.0))
        time.sleep(EVERY)
    if process.returncode:
        raise SystemExit(f"the build of {samples} samples failed; run it by hand: cgc-data {' '.join(arguments)}")
    course.seconds = processor_seconds() - before
    return course


def processor_seconds() -> float:
    """Of all processes that have ended and were started here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident(pid: int) -> float:
    """Resident memory of a process in MB; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def children(pid: int) -> Iterable[int]:
    """Processes that a process has started."""
    try:
        found = [path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # a thread ended meanwhile
        return []
    return [int(child) for text in found for child in text.split()]


def figures(course: Course, photos: int | None, workers: int) -> dict[str, Any]:
    """What is kept of a build: the highest of each quarter in MB, and seconds of processors."""
    return {
        "photos": photos,
        "workers": workers,
        "parent": quarters(course.parent),
        "worker": quarters(course.worker),
        "seconds": round(course.seconds),
    }


def quarters(course: Sequence[float]) -> list[int]:
    """The highest of each quarter."""
    step = -(-len(course) // QUARTERS)
    return [round(max(course[start : start + step])) for start in range(0, len(course), step)]


def shown(found: dict[str, Any]) -> str:
    """A line a build."""
    head = ["rows", "photos", "workers", "parent, MB by quarter", "largest worker, MB by quarter", "processor seconds"]
    return table(
        head,
        [
            [
                f"{int(samples):,}",
                f"{one['photos']:,}" if one["photos"] else "embedded",
                str(one["workers"]),
                " · ".join(map(str, one["parent"])),
                " · ".join(map(str, one["worker"])),
                f"{one['seconds']:,}",
            ]
            for samples, one in found.items()
        ],
    )


if __name__ == "__main__":
    main()
