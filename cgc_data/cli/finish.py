"""`cgc-data finish`: turn a planned and rendered folder into a release."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from cgc_data.cli.executor import executor_options

if TYPE_CHECKING:
    from cgc_data.common.executor import Executor


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@executor_options(os.cpu_count() or 1, "Number of processes that verify shards.")
def finish(folder: Path, executor: "Executor") -> None:
    """Finish a release whose shards are all rendered: write its statistics, its card, and finally its manifest.

    If shards are missing, the error message lists them and the command that renders them. Photos and annotations must
    not have changed since `cgc-data plan`.
    """
    from cgc_data.builder.finishing import finish_release
    from cgc_data.cli.build import show_built

    show_built(finish_release(folder, executor=executor))
