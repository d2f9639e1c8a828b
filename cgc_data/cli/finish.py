"""`cgc-data finish`: turn a planned and rendered folder into a release."""

import os
from pathlib import Path

import rich_click as click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Number of processes that verify shards.",
)
def finish(folder: Path, workers: int) -> None:
    """Finish a release whose shards are all rendered: write its statistics, card, and, last, its manifest.

    If shards are missing, the error names them and the command that renders them. Photos and annotations must not have
    changed since `cgc-data plan`.
    """
    from cgc_data.builder.finishing import finish_release
    from cgc_data.cli.build import show_built

    show_built(finish_release(folder, workers=workers))
