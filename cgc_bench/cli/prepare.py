"""`cgc-bench prepare`: check a benchmark's published files and convert them to the format that the lmms-eval tasks
read.
"""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("name", metavar="BENCHMARK")
@click.option(
    "--from",
    "source",
    type=PATH,
    help=(
        "Local copy of the Hub repository. Without this option, the files are downloaded. For MIG-Bench and "
        "VLM2-Bench, you can also pass a folder or zip of the authors' files."
    ),
)
@click.option(
    "--annotations",
    help="For MIG-Bench: variant of the annotations (`revised` or `original`), or an annotation file.",
)
@click.option(
    "--revision",
    help=(
        "Revision of the Hub repository. Without this option, the latest revision is used, and reports state that "
        "the revision is not pinned."
    ),
)
def prepare(name: str, *, source: Path | None, annotations: str | None, revision: str | None) -> None:
    """Prepare BENCHMARK, such as mig, vlm2, or mmstar, and store it in the cache. To move the cache, set CGC_CACHE.

    If the cache already contains the benchmark, the command reuses it, unless you pass another --revision. Files that
    you pass with --from or --annotations are always read again.
    """
    from cgc_bench.scoring.benchmark import prepared_by

    bench = prepared_by(name)
    ready = bench.prepare(name, annotations, source=source, revision=revision)
    items = bench.read_items(ready.annotations)
    title = bench.title if name == bench.name else name
    show(f"{title}, {ready.version} annotations from {ready.source}: {len(items):,} items")
    excluded = bench.excluded(ready)
    if excluded is not None:
        show(f"  list of the benchmark's photos, for cgc-data build --exclude: {excluded}")
    for fault, indices in bench.faults(items).items():
        show(f"  {len(indices):,} with unusual annotations still count: {fault} ({', '.join(indices[:5])})")
