"""Does the peak memory of a build grow with the number of samples? Prints the peak of each build and the ratios.

Usage: python benchmarks/memory.py [--coco ANN.json:IMAGES] [--samples 1000 8000]
Each build is a process of its own with one worker; the peak is the operating system's figure for that process.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Build once a number of samples and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", action="append", default=[], help="source; none: the embedded sample")
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 8000])
    options = parser.parse_args()
    sources = [part for source in options.coco for part in ("--coco", source)]
    with tempfile.TemporaryDirectory() as folder:
        peak(Path(folder) / "warm-up", 50, sources)
        peaks = {samples: peak(Path(folder) / str(samples), samples, sources) for samples in options.samples}
    first = peaks[options.samples[0]]
    for samples, megabytes in peaks.items():
        print(f"{samples:>8} samples {megabytes:>8.0f} MB  x {megabytes / first:.2f}")


def peak(out: Path, samples: int, sources: list[str]) -> float:
    """Peak resident memory of one build, in MB."""
    program = "from cgc_data.cli import main; main()"
    arguments = ["build", *sources, "--samples", str(samples), "--workers", "1", "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the build of {samples} samples failed; run it by hand: cgc-data {' '.join(arguments)}")
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
