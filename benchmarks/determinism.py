"""Tests that three builds write the same bytes: one with 1 worker, one with 2 workers, and one that is killed and
resumed three times.

Usage: python benchmarks/determinism.py --coco ANN.json:IMAGES [--samples 5000] [--seed 0]

Each kill sends SIGKILL to the process group, after a random fraction of the time that the build with 1 worker took.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> int:
    """Build with 1 worker, with 2 workers, and with interruptions. Returns 1 if any byte differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", action="append", default=[], help="source; default: the embedded sample")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0, help="seed for the random times at which a build is killed")
    options = parser.parse_args()
    arguments = ["--samples", str(options.samples), *(part for source in options.coco for part in ("--coco", source))]
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        one = digest(build(Path(folder) / "one" / "release", [*arguments, "--workers", "1"]))
        took = time.monotonic() - started
        two = digest(build(Path(folder) / "two" / "release", [*arguments, "--workers", "2"]))
        killed = Path(folder) / "killed" / "release"
        moments = random.Random(options.seed)
        for _ in range(3):
            delay = took * moments.uniform(0.1, 0.5)
            kill_after(killed, [*arguments, "--workers", "2"], delay)
            shards = len(list(killed.rglob("*-of-*.parquet")))
            written = (killed / "manifest.json").exists()
            print(f"killed after {delay:.0f} s: {shards} shards written, manifest written: {written}")
        resumed = digest(build(killed, [*arguments, "--workers", "2"]))
    print(f"1 worker   {one}\n2 workers  {two}\nresumed    {resumed}")
    return 0 if one == two == resumed else 1


def command(out: Path, arguments: list[str]) -> list[str]:
    """The build command, run by the current Python interpreter."""
    return [sys.executable, "-c", "from cgc_data.cli import main; main()", "build", *arguments, "--out", str(out)]


def build(out: Path, arguments: list[str]) -> Path:
    """Run a build without interrupting it, and return its folder."""
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(command(out, arguments), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return out


def kill_after(out: Path, arguments: list[str], seconds: float) -> None:
    """Start a build. If it is still running after `seconds`, kill it and all of its workers."""
    out.parent.mkdir(parents=True, exist_ok=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command(out, arguments), start_new_session=True, **quiet)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def digest(release: Path) -> str:
    """One sha256 over the names and bytes of all shards, the card, the statistics, and the plots."""
    total = hashlib.sha256()
    for path in sorted(p for p in release.rglob("*") if p.is_file() and p.name != "manifest.json"):
        total.update(str(path.relative_to(release)).encode())
        total.update(path.read_bytes())
    return total.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
