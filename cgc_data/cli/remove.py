"""`cgc-data remove`: write a new version of a release without a photo."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option(
    "--image-id", type=int, required=True, help=("Id of the photo in its source, as listed in the `views` of a row.")
)
@click.option("--source", help="Key of the source, if two sources use the same id for different photos.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the new version.")
def remove(release: Path, image_id: int, source: str | None, out: Path) -> None:
    """Write RELEASE without a photo and without the rows that depend on it. Push the result under a new tag."""
    from cgc_data.builder.remove import remove_photo
    from cgc_data.builder.work import explained

    with explained(out):
        removed = remove_photo(release, image_id, out, source=source)
    show(f"{out}: written without photo {image_id}; removed {removed} rows")
