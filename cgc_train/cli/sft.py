"""`cgc-train sft`: teach a model the answer format by supervised training (warm-up)."""

from pathlib import Path

import rich_click as click

from cgc_train.cli.shown import show_outcome


@click.command()
@click.argument("recipe")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), help="Folder of the run.  [default: runs/<recipe>-sft]"
)
@click.option(
    "--until",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="R_MIOU",
    help="Stop training once the mean R_miou on held-out rows reaches this value.",
)
def sft(recipe: str, settings: tuple[str, ...], folder: Path | None, until: float | None) -> None:
    """Teach a model the answer format with supervised training. This warm-up uses RECIPE and the given overrides.

    RECIPE is the name of an included recipe, or a YAML file.

    Use this command for models that never answer in the required format. Afterward, start GRPO from the result with
    model.name=RUN/model.
    """
    from cgc_data.common.extras import need

    need("train")
    from cgc_data.release.inside import file_name
    from cgc_train.console import quiet
    from cgc_train.recipe import load_recipe
    from cgc_train.sft import run_sft

    quiet()
    chosen = load_recipe(recipe, settings)
    run = run_sft(chosen, folder or Path("runs") / file_name(f"{chosen.name}-sft"), until=until)
    show_outcome(run, f"cgc-train grpo {recipe} model.name={run.model_folder}")
