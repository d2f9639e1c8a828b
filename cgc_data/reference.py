"""Rows of a release that stores no images, with the views composed on the fly from the user's own photos."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cgc_data.release.read import open_release
from cgc_data.render import Renderer
from cgc_data.sources import open_photos


def load_reference(
    release: Path | str,
    images: Path | str | None = None,
    *,
    contrast: str | None = None,
    split: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows of a release with `images` as encoded bytes ({"bytes", "path"}), the same as an embedding release holds.

    `images` is a folder or zip that holds the photos of every source (for COCO: the folder above train2017 and
    val2017, or one of them); None takes the places the release was built from. Rows come in the order of the shards.

    Raises ReleaseError for a folder that is no finished release, PhotoError that names a missing or changed photo.
    """
    opened = open_release(release)
    stores = {source["key"]: open_photos(Path(images or source["images"])) for source in opened.manifest["sources"]}
    quality = opened.manifest["config"]["intra"]["jpeg_quality"]
    renderer = Renderer(stores, quality)
    for row in opened.rows(contrast=contrast, split=split):
        yield {**row, "images": compose(row["views"], renderer)}


def compose(views: Sequence[dict[str, Any]], renderer: Renderer) -> list[dict[str, Any]]:
    """Encoded images of a row's views, in their order."""
    return [{"bytes": renderer.view(view)[0], "path": None} for view in views]
