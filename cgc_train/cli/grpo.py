"""`cgc-train grpo`: train a model with a recipe."""

from pathlib import Path

import rich_click as click

from cgc_train.cli.shown import show_outcome


@click.command()
@click.argument("recipe")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder of the run.  [default: runs/<recipe>]")
def grpo(recipe: str, settings: tuple[str, ...], folder: Path | None) -> None:
    """Train with RECIPE. To override its settings, append them, for example: data.release=R grpo.beta=0

    RECIPE is the name of an included recipe, or a YAML file.
    """
    from cgc_data.common.extras import need

    need("train")
    from cgc_train.console import quiet
    from cgc_train.grpo import run_grpo
    from cgc_train.recipe import load_recipe
    from cgc_train.run import default_folder

    quiet()
    chosen = load_recipe(recipe, settings)
    run = run_grpo(chosen, folder or default_folder(chosen))
    show_outcome(run)
