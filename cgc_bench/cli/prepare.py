"""`cgc-bench prepare`: a benchmark's published files, checked and made into what the tasks read."""

from pathlib import Path

import rich_click as click

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("name", metavar="BENCHMARK")
@click.option("--from", "source", type=PATH, help="Folder or zip archive with the authors' files; default: the Hub.")
@click.option("--annotations", help="MIG-Bench: revised, original, or the annotation file itself.")
@click.option("--revision", help="Of the Hub's repository; without one, every report says that it is unpinned.")
def prepare(name: str, *, source: Path | None, annotations: str | None, revision: str | None) -> None:
    """Prepare BENCHMARK (mig, vlm2) in the cache (CGC_CACHE says where); what is there already is kept."""
    from cgc_bench.prepare.write import layout_of
    from cgc_bench.prepare.write import prepare as prepare_benchmark
    from cgc_bench.results import benchmark

    variants = layout_of(name).variants
    variant = annotations if annotations in variants else None
    file = Path(annotations) if annotations and variant is None else None
    ready = prepare_benchmark(name, variant, source=source, annotations=file, revision=revision)
    bench = benchmark(name)
    items = bench.read_items(ready.annotations)
    click.echo(f"{bench.title}, {ready.version} annotations from {ready.source}: {len(items):,} items")
    for fault, indices in bench.faults(items).items():
        click.echo(f"  {len(indices):,} stay in and count: {fault} ({', '.join(indices[:5])})")
