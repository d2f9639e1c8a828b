"""`cgc-train ablate`: write the recipes of an ablation study and a script that runs them, or print the results."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show


@click.command()
@click.argument("recipe", required=False)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--over", help="Comma-separated switches, such as no-source,no-kl,loss:dr_grpo.")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="New folder for the recipes and run.sh.")
@click.option("--list", "list_switches", is_flag=True, help="List all switches and the settings that they change.")
@click.option(
    "--table",
    "of",
    type=click.Path(path_type=Path),
    help="Print the results of all evaluated runs in this ablation folder.",
)
def ablate(
    recipe: str | None,
    settings: tuple[str, ...],
    over: str | None,
    folder: Path | None,
    list_switches: bool,
    of: Path | None,
) -> None:
    """Write RECIPE as the baseline and, for each switch in --over, a copy with that switch applied. Also write a script
    that checks and runs the baseline and all copies.

    Settings that you write as KEY=VALUE change the baseline and all copies.
    """
    from cgc_train import ablate as ablation
    from cgc_train.recipe import load_recipe

    if list_switches:
        for name, switch in ablation.all_switches().items():
            show(f"{name:16} {', '.join(switch.settings):60} {switch.meaning}")
        return
    if of:
        show(ablation.table(of))
        return
    if not (recipe and over and folder):
        raise click.UsageError("RECIPE, --over, and --to are required.")
    names = [name.strip() for name in over.split(",") if name.strip()]
    paths = ablation.write_ablation(load_recipe(recipe, settings), names, folder)
    show(f"{len(paths)} recipes in {folder / 'recipes'}; to run them: {folder / 'run.sh'}")
