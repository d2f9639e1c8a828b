"""`cgc-train recipes`: list the included recipes and launch files, which you can copy and customize."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show

LAUNCH_FILES = ("cpu", "ddp", "fsdp2", "zero2", "zero3", "zero3-2x8")


@click.command()
@click.argument("name", required=False)
@click.option(
    "--accelerate", "launch_file", type=click.Choice(LAUNCH_FILES), help="Print the path of this launch file."
)
def recipes(name: str | None, launch_file: str | None) -> None:
    """List the included recipes, or print the recipe NAME, as in `cgc-train recipes tiny-cpu > mine.yaml`."""
    from cgc_train.recipe import launch_path, load_recipe, recipe_names, recipe_path

    if launch_file:
        show(launch_path(launch_file))
    elif name:
        show(recipe_path(name).read_text(encoding="utf-8"), end="")
    else:
        for known in recipe_names():
            recipe = load_recipe(known)
            where = f"{recipe.gpus} x {recipe.gpu_memory_gb:g} GB" if recipe.gpu_memory_gb else "no GPU"
            show(f"{known:24} {where:12} {recipe.accelerate:6} {describe(recipe_path(known))}")


def describe(path: Path) -> str:
    """The sentence that describes a recipe, taken from the comment at the top of its file."""
    comments = (line.removeprefix("#").strip() for line in path.read_text(encoding="utf-8").splitlines())
    return next((text for text in comments if text.startswith("GRPO ")), "")
