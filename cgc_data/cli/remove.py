"""`cgc-data remove`: remove a photo from a release, and write the result as a new version."""

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
    """Write a copy of RELEASE that omits a photo and the rows that depend on it. Push the copy under a new tag."""
    from cgc_data.builder.remove import remove_photo
    from cgc_data.builder.work import explained

    with explained(out):
        removed = remove_photo(release, image_id, out, source=source)
    show(f"{out}: written without photo {image_id}; removed {removed} rows")
