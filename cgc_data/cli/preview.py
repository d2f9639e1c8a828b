"""`cgc-data preview`: write an HTML gallery and contact sheets of a release."""

from pathlib import Path
from typing import Any

import rich_click as click

from cgc_data.common.progress import say, show


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Output folder [default: RELEASE-preview].")
@click.option(
    "--per-task", type=click.IntRange(min=1), default=20, show_default=True, help="Maximum number of rows per task."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed for choosing the rows.")
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="Folder or .zip with the photos, if the release stores no images [default: the photos used by the build].",
)
@click.option("--sheets/--no-sheets", default=True, show_default=True, help="Also write contact sheets.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["jpeg", "webp", "png"]),
    default="jpeg",
    show_default=True,
    help="Format of sheets and images. png: images are copied unchanged, and sheets are lossless, but much larger.",
)
def preview(
    release: Path, *, folder: Path | None, per_task: int, seed: int, images: Path | None, sheets: bool, kind: Any
) -> None:
    """Write an HTML gallery of RELEASE. The gallery shows images, boxes, questions, answers, and the evidence that each
    distractor image does not show the target.
    """
    from cgc_data.builder.work import explained
    from cgc_data.look.gallery import write_gallery
    from cgc_data.release.read import open_release

    target = folder or release.parent / f"{release.name}-preview"
    with explained(target, "--to"):
        gallery = write_gallery(
            open_release(release), target, per_task=per_task, seed=seed, images=images, sheets=sheets, kind=kind
        )
    say(f"{gallery.samples} rows, {len(gallery.sheets)} contact sheets")
    show(gallery.page)
