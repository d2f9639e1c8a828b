"""`cgc-bench floors`: print the scores of trivial answers, which ignore the images."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show
from cgc_data.common.tables import PlainConsole


@click.command()
@click.argument("task")
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    required=True,
    help=(
        "Annotation file of the benchmark, or the folder that contains it. For contrast: folder or Hub id of the "
        "release."
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def floors(task: str, *, annotations: Path, as_json: bool) -> None:
    """Print the scores of trivial answers to the benchmark TASK (mig, vlm2, contrast, transfer, or refcoco). Trivial
    answers ignore the images. These scores are a floor: a useful model must exceed them.
    """
    import json

    from cgc_bench.scoring.benchmark import benchmark
    from cgc_bench.scoring.summary import floor_table, versions
    from cgc_bench.scoring.tables import floors_tables

    bench = benchmark(task)
    items = bench.read_items(annotations)
    found = {name: floor_table(bench, items, list(items), name) for name in bench.floors}
    if as_json:
        show(json.dumps({"task": bench.name, "annotations": versions(items), "floors": found}, indent=1))
        return
    console = PlainConsole()
    console.print(f"{bench.title}, {versions(items)} annotations, {len(items):,} items")
    for table in floors_tables(bench, found, console.width):
        console.print(table)
    if bench.chance:
        show(bench.chance)
