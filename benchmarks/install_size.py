"""Measures the size of each package in a base installation, and the time and memory that `cgc-data --help` takes.

Usage: python benchmarks/install_size.py [--docs docs]

The project is installed without extras into a new virtual environment; pip itself is not counted. With --docs, the
figures are written to measured.json in that folder, and their table to performance.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypedDict

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import measured  # noqa: E402
from scripts.markdown import table  # noqa: E402

PROJECT = "cgc-grounding"
TOOLS = {"pip", "setuptools"}
# The libraries through which users meet this project
NAMED = ("click", "datasets", "huggingface-hub", "lvis", "opencv-python", "pycocotools")
SMALL = 5.0  # MB; smaller packages share one line
STARTS = 5


class Package(TypedDict):
    """An installed package: its size in MB, and the names of the packages that it requires."""

    size: float
    requires: list[str]


def main() -> None:
    """Install, measure, and print the table; with --docs, also store it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--docs", type=Path, help="folder in which to write measured.json and the table in performance.md"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(installed()))
        return
    with tempfile.TemporaryDirectory(prefix="cgc-install-") as folder:
        figures = measure(Path(folder))
    print(shown(figures))
    if options.docs:
        measured.keep(options.docs, "install_size", "performance.md", figures, shown(figures))


def measure(folder: Path) -> dict[str, Any]:
    """Install the project into an environment in this folder.

    Returns its packages, and the cost of starting `cgc-data`.
    """
    venv.create(folder / "base", with_pip=True)
    binaries = folder / "base" / "bin"
    subprocess.run([binaries / "pip", "install", "--quiet", str(ROOT)], check=True)
    listed = subprocess.run([binaries / "python", __file__, "--inside"], check=True, capture_output=True).stdout
    starts = [start([str(binaries / "cgc-data"), "--help"]) for _ in range(STARTS)]
    return {
        "packages": json.loads(listed),
        "start_seconds": min(seconds for seconds, _ in starts),
        "start_mb": min(peak for _, peak in starts),
    }


def start(command: list[str]) -> tuple[float, float]:
    """Run a command, and return its CPU time in seconds and its peak memory in MB."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def installed() -> dict[str, Package]:
    """The packages in this environment, except installers such as pip."""
    found = {plain(one.metadata["Name"]): package(one) for one in metadata.distributions()}
    return {name: found[name] for name in sorted(found) if name not in TOOLS}


def package(one: metadata.Distribution) -> Package:
    """An installed package."""
    paths = [Path(str(file.locate())) for file in one.files or ()]
    size = sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
    needs = [need for need in one.requires or () if "extra ==" not in need]
    return {"size": size, "requires": sorted({plain(re.split(r"[^\w.-]", need)[0]) for need in needs})}


def plain(name: str) -> str:
    """The normalized name of a package. Two names refer to the same package if their normalized forms are equal."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(packages: Mapping[str, Package], names: Iterable[str]) -> set[str]:
    """The packages with these names, and all packages that they require directly or indirectly."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in packages and name not in found:
            found.add(name)
            waiting += packages[name]["requires"]
    return found


def shown(figures: Mapping[str, Any]) -> str:
    """The table in Markdown, and a line below it. The line reports two figures: the total size of the libraries in
    `NAMED` and their dependencies, and the cost of starting `cgc-data`.
    """
    packages: Mapping[str, Package] = figures["packages"]
    large = sorted((n for n in packages if packages[n]["size"] >= SMALL), key=lambda name: -packages[name]["size"])
    rows = [[name, megabytes(packages, [name]), ", ".join(users(packages, name))] for name in large]
    rows.append([f"{len(packages) - len(large)} smaller packages", megabytes(packages, packages.keys() - {*large}), ""])
    rows.append(["all", megabytes(packages, packages), ""])
    floor = megabytes(packages, closure(packages, NAMED))
    names, cost = ", ".join(f"`{name}`" for name in NAMED), (figures["start_seconds"], figures["start_mb"])
    return (
        f"{table(('package', 'MB', 'required by'), rows)}\n"
        f"{names} and their dependencies: `{floor}` MB. "
        f"`cgc-data --help`: `{cost[0]:.2f}` processor seconds, `{cost[1]:.0f}` MB of memory.\n"
    )


def users(packages: Mapping[str, Package], name: str) -> list[str]:
    """The packages that require a given package. This project comes first."""
    found = [other for other in packages if name in packages[other]["requires"]]
    return sorted(found, key=lambda other: (other != PROJECT, other))


def megabytes(packages: Mapping[str, Package], names: Iterable[str]) -> str:
    """Size of these packages."""
    return f"{sum(packages[name]['size'] for name in names):.0f}"


if __name__ == "__main__":
    main()
