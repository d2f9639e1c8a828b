"""`cgc-data download`: download the official archives of COCO 2017 or LVIS v1."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import say, show
from cgc_data.download import DATASETS


@click.command()
@click.argument("name", metavar="|".join(DATASETS), type=click.Choice(list(DATASETS)))
@click.option("--to", required=True, type=click.Path(path_type=Path), help="Folder for the archives.")
@click.option(
    "--base-url", envvar="CGC_DATA_BASE_URL", help=("Download from this mirror instead of the official servers.")
)
def download(name: str, to: Path, base_url: str | None) -> None:
    """Download official archives and verify them. An interrupted download resumes.

    Photo archives stay zipped, because builds read them in place.
    """
    from cgc_data.download import download as fetch_dataset

    result = fetch_dataset(name, to, base_url=base_url, on_event=say)
    if result.missing_photos:
        split = result.missing_photos.stem
        show(f"cgc-data download coco-{split} --to {to}")
    show(result.build_command)
