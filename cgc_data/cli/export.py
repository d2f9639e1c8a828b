"""`cgc-data export`: write a release in the format of ms-swift, verl, EasyR1, or LLaMA-Factory."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show
from cgc_data.export import FORMATS, INSTRUCTIONS, Format, Instruction
from cgc_data.tasks import CONTRASTS


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="Target trainer.")
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True, help="New folder to write to.")
@click.option("--contrast", type=click.Choice(list(CONTRASTS)), help="Only this contrast [default: both].")
@click.option(
    "--instruction",
    type=click.Choice(INSTRUCTIONS),
    help="Answer instruction that is added to each question [default: think; for llamafactory: answer].",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help=("Folder or .zip with the photos. Required if the release stores no images."),
)
def export(
    release: Path,
    *,
    form: Format,
    folder: Path,
    contrast: str | None,
    instruction: Instruction | None,
    images: Path | None,
) -> None:
    """Convert RELEASE to the format of another trainer, with one file per split, and print the paths of the files."""
    from cgc_data.export import export_release
    from cgc_data.release.read import open_release

    files = export_release(
        open_release(release), folder, form, contrast=contrast, instruction=instruction, photos=images
    )
    for path in files:
        show(path)
