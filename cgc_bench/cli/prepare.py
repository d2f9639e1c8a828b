"""`cgc-bench prepare`: a benchmark's published files, checked and made into what the tasks read."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from cgc_bench.prepare.cache import Prepared

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("name", metavar="BENCHMARK")
@click.option(
    "--from",
    "source",
    type=PATH,
    help="The authors' files: folder, zip, or copy of the repository; default: the Hub.",
)
@click.option("--annotations", help="MIG-Bench: revised, original, or the annotation file itself.")
@click.option("--revision", help="Of the Hub's repository; without one, every report says that it is unpinned.")
def prepare(name: str, *, source: Path | None, annotations: str | None, revision: str | None) -> None:
    """Prepare BENCHMARK (mig, vlm2, mathvista, muirbench, mmstar, mmmu_val, blink) in the cache (CGC_CACHE says where).

    What is there already is kept.
    """
    from cgc_bench.scoring.benchmark import benchmark
    from cgc_bench.transfer.items import TASKS

    transfer = name in TASKS
    ready = _transfer(name, source, annotations, revision) if transfer else _files(name, source, annotations, revision)
    bench = benchmark("transfer" if transfer else name)
    items = bench.read_items(ready.annotations)
    title = name if transfer else bench.title
    click.echo(f"{title}, {ready.version} annotations from {ready.source}: {len(items):,} items")
    for fault, indices in bench.faults(items).items():
        click.echo(f"  {len(indices):,} stay in and count: {fault} ({', '.join(indices[:5])})")


def _files(name: str, source: Path | None, annotations: str | None, revision: str | None) -> "Prepared":
    from cgc_bench.prepare.write import layout_of
    from cgc_bench.prepare.write import prepare as prepare_benchmark

    variants = layout_of(name).variants
    variant = annotations if annotations in variants else None
    file = Path(annotations) if annotations and variant is None else None
    return prepare_benchmark(name, variant, source=source, annotations=file, revision=revision)


def _transfer(name: str, source: Path | None, annotations: str | None, revision: str | None) -> "Prepared":
    from cgc_bench.errors import PrepareError
    from cgc_bench.transfer.prepare import prepare_transfer

    if annotations:
        raise PrepareError(f"{name} takes no --annotations: its questions are in the data set")
    return prepare_transfer(name, source=source, revision=revision)
