"""`cgc-train difficulty`: find the rows for which a model gives both good and bad answers."""

from pathlib import Path

import rich_click as click
from rich.table import Table

from cgc_data.common.progress import show
from cgc_data.common.tables import PlainConsole


@click.command()
@click.argument("recipe")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--to", "file", type=click.Path(path_type=Path), required=True, help="Output file, JSON Lines.")
@click.option("--samples", type=click.IntRange(min=2), help="Answers per row.  [default: the recipe's num_generations]")
@click.option("--limit", type=click.IntRange(min=1), help="Maximum number of rows.  [default: the recipe's data.limit]")
@click.option("--batch", type=click.IntRange(min=1), default=8, show_default=True, help="Rows per batch.")
def difficulty(
    recipe: str, settings: tuple[str, ...], *, file: Path, samples: int | None, limit: int | None, batch: int
) -> None:
    """Answer every training row several times with the model of RECIPE, and mark the rows from which the model can
    learn.

    GRPO learns nothing from a row if all answers earn the same reward. To exclude such rows from training, set
    data.keep=FILE. If the command is interrupted, run it again to resume. If you start several processes with torchrun,
    they share the work.
    """
    from cgc_data.common.extras import need

    need("train")
    from cgc_train.console import quiet
    from cgc_train.difficulty import VERDICTS, measure, verdict_shares
    from cgc_train.recipe import load_recipe

    quiet()
    measured = measure(load_recipe(recipe, settings), file, samples=samples, limit=limit, batch_size=batch)
    table = Table("task", "rows", *VERDICTS)
    for task, shares in verdict_shares(measured).items():
        table.add_row(task, f"{shares['rows']:,}", *(f"{shares[verdict]:.1%}" for verdict in VERDICTS))
    PlainConsole().print(table)
    show(f"{sum(row.kept for row in measured):,} of {len(measured):,} rows kept: data.keep={file}")
