"""`cgc-train view`: write an HTML page about a run."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show
from cgc_train.errors import RecipeError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder of the page.  [default: RUN-view]")
@click.option(
    "--release",
    type=click.Path(path_type=Path),
    help=("Folder of the run's release, if the release was moved after training."),
)
@click.option("--steps", metavar="1,50,100", help="Steps whose responses to show.  [default: first, middle, last]")
@click.option(
    "--per-step",
    default=24,
    show_default=True,
    type=click.IntRange(1),
    help=("Maximum number of prompts to show per step."),
)
def view(run: Path, folder: Path | None, release: Path | None, steps: str | None, per_step: int) -> None:
    """Write a static HTML page about RUN. The page shows training curves, and the responses of some steps."""
    from cgc_train.run import open_run
    from cgc_train.view import write_page

    opened = open_run(run)
    to = folder or opened.folder.with_name(f"{opened.folder.name}-view")
    page = write_page(opened, to, release=release, steps=_numbers(steps), per_step=per_step)
    show(f"{page.path}: {page.answers} responses; open it in a browser")


def _numbers(text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise RecipeError(f"--steps {text}: expected numbers separated by commas, such as 1,50,100") from None
