"""`cgc-train resume`: resume a stopped run."""

from pathlib import Path

import rich_click as click

from cgc_train.cli.shown import show_outcome


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), help=("Checkpoint to resume from, instead of the newest one.")
)
@click.option(
    "--recipe",
    help=(
        "Exit with an error unless the run was started with this recipe. Differences in some settings, such as "
        "data.release or grpo.max_steps, are ignored."
    ),
)
def resume(run: Path, checkpoint: Path | None, recipe: str | None) -> None:
    """Resume RUN from its newest intact checkpoint. On a CPU, the result is the same as without the interruption. On a
    GPU, the result can differ slightly.
    """
    from cgc_data.common.extras import need

    need("train")
    from cgc_train import grpo
    from cgc_train.console import quiet
    from cgc_train.recipe import load_recipe
    from cgc_train.run import check_same, open_run

    quiet()
    opened = open_run(run)
    if recipe:
        check_same(opened, load_recipe(recipe))
    show_outcome(grpo.resume(opened, checkpoint))
