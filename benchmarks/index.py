"""Compares how much time and memory this project, pycocotools, and lvis need to index large annotation files.

Every run is a separate process. The script first reads the annotation file once, so that every run finds it in the
operating system's cache. For each method, the table shows the shortest time and the highest memory peak of all runs.
Examples:

    python benchmarks/index.py --coco instances_train2017.json --lvis lvis_v1_train.json
    python benchmarks/index.py --generator make_synthetic_full.py --scale 0.1
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import rich_click as click

Kind = Literal["coco", "lvis"]

KINDS: tuple[Kind, ...] = get_args(Kind)
FASTER, SMALLER = 8.0, 1 / 3
METHODS = {
    "reference": "COCO() or LVIS(), which store every record as a dict",
    "parsed": "this project's reader, which also computes the sha256 of the file",
    "stored": "the same reader, which also writes the columns to a cache",
    "cached": "the cached columns, read after the sha256 of the file is checked",
    "sha256": "only the file's sha256",
}


def load(method: str, kind: Kind, path: Path, cache: Path) -> Callable[[], object]:
    """Import what a method needs, and return the function to measure."""
    if method == "reference" and kind == "coco":
        from pycocotools.coco import COCO

        return lambda: COCO(path)
    if method == "reference":
        from lvis import LVIS

        return lambda: LVIS(path)
    import pyarrow as pa

    from cgc_data.sources.read import file_sha256, read_source

    pa.array([])  # imports pandas if installed: an import like the others
    if method == "sha256":
        return lambda: file_sha256(path)
    return lambda: read_source(kind, path, None if method == "parsed" else cache)


def measure(method: str, kind: Kind, path: Path, cache: Path) -> None:
    """Run one method in this process and print its figures: seconds without imports, and peak memory in MB."""
    run = load(method, kind, path, cache)
    start, cpu = time.perf_counter(), time.process_time()
    kept = run()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    del kept
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak}))


def measured(method: str, kind: str, path: Path, cache: Path) -> dict[str, float]:
    """Run one method in a separate process."""
    command = [sys.executable, __file__, "--measure", method, f"--{kind}", str(path), "--work", str(cache)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures: dict[str, float] = json.loads(output.splitlines()[-1])
    return figures


def best(runs: list[dict[str, float]]) -> dict[str, float]:
    """The shortest times and the highest memory peak.

    The shortest time is reported because other work on the machine can only make a run slower.
    """
    shortest = {name: min(run[name] for run in runs) for name in ("seconds", "cpu")}
    return {**shortest, "peak": max(run["peak"] for run in runs)}


def compare(kind: Kind, path: Path, cache: Path, repeat: int) -> bool:
    """Print a table of all methods. Returns whether this project's reader meets the limits on time and memory."""
    with path.open("rb") as file:
        while file.read(1 << 24):  # fill the page cache, so that no method pays for the disk
            pass
    print(f"\n{kind.upper()}, {path.stat().st_size / 1e6:,.0f} MB")
    for method, meaning in METHODS.items():
        print(f"  {method}: {meaning}")
    print(f"{'method':<12}{'seconds':>10}{'CPU s':>10}{'peak MB':>10}{'times faster':>15}{'share of peak':>15}")
    rounds = [{method: measured(method, kind, path, cache / str(i)) for method in METHODS} for i in range(repeat)]
    figures = {method: best([figures[method] for figures in rounds]) for method in METHODS}
    for method, now in figures.items():
        faster = figures["reference"]["seconds"] / now["seconds"]
        share = now["peak"] / figures["reference"]["peak"]
        print(
            f"{method:<12}{now['seconds']:>10.2f}{now['cpu']:>10.2f}{now['peak']:>10,.0f}{faster:>15.1f}{share:>15.2f}",
            flush=True,
        )
    return all(
        figures["reference"]["seconds"] >= FASTER * figures[method]["seconds"]
        and figures[method]["peak"] <= SMALLER * figures["reference"]["peak"]
        for method in ("parsed", "stored")
    )


def generated(generator: Path, kind: str, folder: Path, scale: float) -> Path:
    """Generate a synthetic annotation file in the format `kind`."""
    path = folder / f"{kind}.json"
    subprocess.run([sys.executable, generator, kind, path, "--scale", str(scale)], check=True)
    return path


@click.command(help=__doc__)
@click.option("--coco", type=click.Path(path_type=Path, exists=True), help="COCO instances file.")
@click.option("--lvis", type=click.Path(path_type=Path, exists=True), help="LVIS v1 file.")
@click.option(
    "--generator",
    type=click.Path(path_type=Path, exists=True),
    help="Script that generates an annotation file. It is called with `KIND OUT --scale S`.",
)
@click.option("--scale", default=1.0, show_default=True, help="Size of the generated files, relative to train2017.")
@click.option("--repeat", default=3, show_default=True, help="Runs per method.")
@click.option("--work", type=click.Path(path_type=Path), help="Folder in which to keep generated files and caches.")
@click.option(
    "--check",
    is_flag=True,
    help=(
        f"Exit with status 1 if this project's reader is less than {FASTER:g} times as fast as COCO() or LVIS(), "
        "or if its peak memory is more than a third of theirs."
    ),
)
@click.option("--measure", "method", type=click.Choice(list(METHODS)), hidden=True)
def main(
    *,
    coco: Path | None,
    lvis: Path | None,
    generator: Path | None,
    scale: float,
    repeat: int,
    work: Path | None,
    check: bool,
    method: str | None,
) -> None:
    """Compare the methods on the given files, or on generated files."""
    given: dict[Kind, Path | None] = {"coco": coco, "lvis": lvis}
    files = {kind: path for kind, path in given.items() if path}
    if method and work:
        measure(method, *next(iter(files.items())), work)
        return
    if not files and not generator:
        raise click.UsageError("give --coco or --lvis, or a --generator")
    with tempfile.TemporaryDirectory() as temporary:
        folder = work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if generator:
            files = {kind: files.get(kind) or generated(generator, kind, folder, scale) for kind in KINDS}
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            enough = [compare(kind, path, Path(cache), repeat) for kind, path in files.items()]
    if check and not all(enough):
        sys.exit(1)


if __name__ == "__main__":
    main()
