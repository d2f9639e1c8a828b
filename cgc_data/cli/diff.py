"""`cgc-data diff`: print what changed between two releases."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from cgc_data.common.progress import show

if TYPE_CHECKING:
    from cgc_data.look.difference import Changes, Difference

HEADS = (
    *("task", "rows before", "rows after", "added", "removed", "changed"),
    *("photos added", "photos removed", "photos under another license"),
)
ALWAYS = 3  # columns that are shown even if every count is zero


@click.command()
@click.argument("before", metavar="R1", type=click.Path(path_type=Path))
@click.argument("after", metavar="R2", type=click.Path(path_type=Path))
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help=("Print JSON, which also contains the ids of the rows and the names of the photos."),
)
def diff(before: Path, after: Path, as_json: bool) -> None:
    """Compare releases R1 and R2, and print how many rows and photos were added, removed, or changed in each task.

    Rows are compared by content. A row counts as changed if the same question about the same images has a different
    answer or id, or is in another split.
    """
    from cgc_data.look.difference import difference

    found = difference(before, after)
    if as_json:
        show(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    elif found.none:
        show(f"no difference: both releases have the same {found.total.after:,} rows with the same ground truth")
    else:
        _print(found)


def _print(found: "Difference") -> None:
    from rich.table import Table

    from cgc_data.common.tables import PlainConsole

    rows = [*_rows(found.tasks.items()), *_rows([("all", found.total)])]
    table = Table()
    shown = [place for place in range(len(HEADS)) if place < ALWAYS or any(row[place] != "0" for row in rows)]
    for place in shown:
        table.add_column(HEADS[place], justify="right" if place else "left", no_wrap=not place)
    for cells in rows:
        table.add_row(*(cells[place] for place in shown), end_section=cells is rows[-2])
    PlainConsole().print(table)


def _rows(counted: Iterable[tuple[str, "Changes"]]) -> Iterator[list[str]]:
    for name, changes in counted:
        yield [name, *(f"{count:,}" for count in astuple(changes))]
