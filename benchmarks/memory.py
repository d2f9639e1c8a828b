"""Tests whether the memory of a build grows with the number of samples. For each build, prints the peak memory in each
quarter of its running time.

Usage: python benchmarks/memory.py [CONFIG.yaml] [KEY=VALUE ...] [--photos 5000] [--samples 1000 8000] [--workers 1]
       [--dry-run] [--docs docs]

With --photos, the script first paints the given number of photos, and the builds use them. Each build is a separate
process. Its resident memory is read from /proc while it runs, separately for the main process and each worker. If
memory keeps growing, the last quarter has the highest peak. With --docs, the figures are written to measured.json in
that folder, and their table to release.md.
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

EVERY = 0.5  # seconds between two readings
QUARTERS = 4
TRAIN_SHARE = 2 / 3  # share of painted photos that the painter counts: the others are held out, or are only in LVIS


@dataclass
class Course:
    """The resident memory of a build, in MB, at each reading: one list for the main process, and one for the largest
    worker.
    """

    parent: list[float] = field(default_factory=list)
    worker: list[float] = field(default_factory=list)
    seconds: float = 0.0  # processor seconds of all processes of the build


def main() -> None:
    """Build once for each number of samples, and print one line per build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "settings", nargs="*", help="configuration file and KEY=VALUE settings; default: the embedded sample"
    )
    parser.add_argument("--photos", type=int, help="number of photos to paint; the builds use these photos")
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 8000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--dry-run", action="store_true", help="only plan")
    parser.add_argument("--work", type=Path, help="folder for photos and releases")
    parser.add_argument("--docs", type=Path, help="folder in which to write measured.json and the table in release.md")
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
    """Paint photos unless they exist. Returns a list with one entry: the path of a configuration that uses these photos
    as sources.
    """
    from cgc_data.painter import paint

    config = work / "painted.yaml"
    if not config.exists():
        sources = paint("standard", work / "photos", photos=round(photos * TRAIN_SHARE))
        named = [
            {
                "kind": source.kind,
                "annotations": str(source.annotations),
                "images": str(source.images),
                "orientation": "as_stored",  # a few painted photos are stored rotated
                "split": source.split,
                **({"exhaustive": True} if source.exhaustive else {}),
            }
            for source in sources
        ]
        config.write_text(yaml.safe_dump({"sources": named}), encoding="utf-8")
    return [str(config)]


def watched(out: Path, samples: int, arguments: Sequence[str]) -> Course:
    """Run a build and record its memory over time."""
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
        raise SystemExit(
            f"the build of {samples} samples failed; to see the error, run: cgc-data {' '.join(arguments)}"
        )
    course.seconds = processor_seconds() - before
    return course


def processor_seconds() -> float:
    """Processor seconds of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident(pid: int) -> float:
    """Resident memory of a process in MB; 0 if the process no longer exists."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def children(pid: int) -> Iterable[int]:
    """Child processes of a process."""
    try:
        found = [path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # a thread ended in the meantime
        return []
    return [int(child) for text in found for child in text.split()]


def figures(course: Course, photos: int | None, workers: int) -> dict[str, Any]:
    """What the benchmark stores about a build: the memory peak of each quarter in MB, and the processor seconds."""
    return {
        "photos": photos,
        "workers": workers,
        "parent": quarters(course.parent),
        "worker": quarters(course.worker),
        "seconds": round(course.seconds),
    }


def quarters(course: Sequence[float]) -> list[int]:
    """The peak of each quarter."""
    step = -(-len(course) // QUARTERS)
    return [round(max(course[start : start + step])) for start in range(0, len(course), step)]


def shown(found: dict[str, Any]) -> str:
    """One line per build."""
    head = [
        "rows",
        "photos",
        "workers",
        "peak MB of the parent process in each quarter of the build",
        "peak MB of the largest worker in each quarter of the build",
        "processor seconds",
    ]
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
