"""Does the memory of a build grow with the number of samples? Prints peaks and courses of the builds.

Usage: python benchmarks/memory.py [CONFIG.yaml] [--samples 1000 8000] [--workers 1] [--dry-run]
Each build is a process of its own. Its resident memory is read from /proc while it runs, that of each worker by itself:
beside the peaks, the highest of each quarter of the run is shown, since what grows is higher in the last than before.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

EVERY = 0.5  # seconds between two looks
QUARTERS = 4


@dataclass
class Course:
    """Resident memory of a build in MB, of its own process and of its largest worker, look by look."""

    parent: list[float] = field(default_factory=list)
    worker: list[float] = field(default_factory=list)


def main() -> None:
    """Build once a number of samples and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="a configuration and KEY=VALUE pairs; none: the embedded sample")
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 8000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--dry-run", action="store_true", help="only plan")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        extra = ["--workers", str(options.workers), *(["--dry-run"] if options.dry_run else [])]
        watched(Path(folder) / "warm-up", 50, [*options.settings, *extra])
        for samples in options.samples:
            course = watched(Path(folder) / str(samples), samples, [*options.settings, *extra])
            parent, worker = _quarters(course.parent), _quarters(course.worker)
            print(f"{samples:>8} samples  parent {parent}  worker {worker}", flush=True)


def watched(out: Path, samples: int, arguments: list[str]) -> Course:
    """The memory of one build over time."""
    program = "from cgc_data.cli import main; main()"
    arguments = ["build", *arguments, "--samples", str(samples), "--out", str(out)]
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
    return course


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


def _quarters(course: list[float]) -> str:
    """The peak, and the highest of each quarter."""
    step = -(-len(course) // QUARTERS)
    highest = [max(course[start : start + step]) for start in range(0, len(course), step)]
    return f"{max(course):.0f} MB ({' '.join(f'{value:.0f}' for value in highest)})"


if __name__ == "__main__":
    main()
