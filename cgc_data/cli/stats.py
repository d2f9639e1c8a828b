"""`cgc-data stats`: print the statistics of a release as tables or JSON."""

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.table import Table
from rich.text import Text

from cgc_data.common.progress import show
from cgc_data.common.tables import PlainConsole
from cgc_data.release.schema import SPLITS
from cgc_data.release.stats import Histogram, Stats

if TYPE_CHECKING:
    from cgc_data.plan.asked import Compared

MOST_LABELS = 20


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def stats(release: Path, as_json: bool) -> None:
    """Print statistics of RELEASE: rows by task, split, and category; sizes of boxes; positions of targets; licenses of
    photos.
    """
    from cgc_data.look.stats import release_stats
    from cgc_data.plan.asked import Made, asked_of, compare
    from cgc_data.release.read import open_release

    opened = open_release(release)
    counts = release_stats(opened.batches())
    if as_json:
        show(json.dumps(counts, indent=2, ensure_ascii=False))
        return
    console = PlainConsole()
    title = Text.assemble((opened.name, "bold"), f": {counts['total']:,} rows, {counts['photos']['distinct']:,} photos")
    console.print(title)
    for table in tables(counts):
        console.print(table)
    if config := asked_of(opened.manifest["config"]):
        console.print(_compared(compare(config, Made.of(counts))))


def tables(counts: Stats) -> Iterable[Table]:
    """Tables of the statistics from `release_stats`, in display order."""
    from cgc_data.look.card import license_name

    splits = [s for s in SPLITS if s in counts["by_split"]]
    rows = [(task, *(c.get(s, 0) for s in splits), sum(c.values())) for task, c in counts["by_task_and_split"].items()]
    yield _table("Rows per task", ("task", *splits, "total"), rows)
    labels = list(counts["by_label"].items())
    shown = [(label, c["rows"], c["absent"], c["objects"]) for label, c in labels[:MOST_LABELS]]
    yield _table(f"Categories ({len(labels)})", ("category", "rows", "absent", "objects"), shown)
    yield _grouped("Images per row", counts["by_num_images"])
    yield _grouped("Objects per answer", counts["by_num_objects"])
    for contrast, sizes in counts["target_position"].items():
        yield _positions(contrast, sizes)
    yield _histogram("Area of a box, as a fraction of the view", counts["box_area_share"])
    yield _histogram("Shorter side of a box, in pixels", counts["box_short_side_px"])
    yield _table("Distractors", ("kind", "rows"), counts["by_distractors"].items())
    yield _table("Evidence of absence", ("warrant", "views"), counts["by_warrant"].items())
    licenses = [(license_name(entry["url"]), entry["photos"], entry["views"]) for entry in counts["licenses"]]
    yield _table("Licenses", ("license", "photos", "views"), licenses)


def _compared(shares: Iterable["Compared"]) -> Table:
    rows = [(share.what, f"{share.asked:.1%}", f"{share.made:.1%}") for share in shares]
    return _table("Shares asked and made", ("of", "asked", "made"), rows)


def _grouped(title: str, kinds: dict[str, dict[str, int]]) -> Table:
    values = sorted({int(value) for counts in kinds.values() for value in counts})
    rows = [(kind, *(counts.get(str(value), 0) for value in values)) for kind, counts in kinds.items()]
    return _table(title, ("", *map(str, values)), rows)


def _positions(contrast: str, sizes: dict[str, list[int]]) -> Table:
    most = max(map(len, sizes.values()))
    rows = [(f"{n} images", *counts, *[""] * (most - len(counts))) for n, counts in sizes.items()]
    return _table(f"Position of the targets, {contrast}", ("", *(str(i + 1) for i in range(most))), rows)


def _histogram(title: str, histogram: Histogram) -> Table:
    bins = [f"{low:g} to {high:g}" for low, high in pairwise(histogram["edges"])]
    return _table(title, ("", *histogram["counts"]), zip(bins, *histogram["counts"].values(), strict=True))


def _table(title: str, heads: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    return table
