"""`cgc-data render`: render some shards of a planned release, on any machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from cgc_data.cli.executor import executor_options
from cgc_data.common.progress import show

if TYPE_CHECKING:
    from cgc_data.common.executor import Executor


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--shard",
    "shards",
    multiple=True,
    metavar="A:B",
    help="Render shards A to B - 1, counted from 0. B may exceed the number of shards. Repeatable.  [default: all]",
)
@executor_options(os.cpu_count() or 1, "Number of processes that render.")
def render(folder: Path, shards: tuple[str, ...], executor: "Executor") -> None:
    """Render shards of the release that `cgc-data plan` planned in DIR.

    You can run any number of these commands at the same time. Shards that are already rendered are verified and kept,
    so you can repeat an interrupted command.
    """
    from cgc_data.builder.rendering import render_release

    receipts = render_release(folder, shards, executor=executor)
    rows, rejected = sum(r.rows for r in receipts), sum(len(r.rejected) for r in receipts)
    show(f"{folder}: {len(receipts)} shards with {rows} rows are rendered ({rejected} rejected)")
