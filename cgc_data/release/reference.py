"""Reads a release that stores no images. Views are composed on the fly from the user's own photos."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from cgc_data.release.manifest import kept_settings
from cgc_data.release.read import Release, open_release
from cgc_data.release.render import Renderer
from cgc_data.release.rows import Row
from cgc_data.sources import PhotoStore, open_photos
from cgc_data.sources.photos import SeveralPhotos

Folders: TypeAlias = Path | str | Sequence[Path | str]


def load_reference(
    release: Path | str,
    images: Folders | None = None,
    *,
    revision: str | None = None,
    contrast: str | None = None,
    split: str | None = None,
) -> Iterator[Row]:
    """Rows of a release. Their `images` contain encoded bytes ({"bytes", "path"}). These rows are equal to the rows of
    a release that stores images.

    `release` is a folder, a URL, or the name ORG/NAME of a dataset on the Hub. `revision` is the revision of the
    dataset (default: the newest). `images` is a folder or zip archive with the photos, or a list of these. For COCO,
    you can pass train2017, val2017, or the folder that contains both. If `images` is None, photos are read from the
    locations that the build used. Rows are in the order of the shards.

    Raises ReleaseError if `release` is not a finished release, and PhotoError, which names the photo, if a photo is
    missing or has changed.
    """
    from cgc_data.release.locate import locate_release  # the Hub's client is slow to import

    opened = locate_release(release, revision) if isinstance(release, str) else open_release(release)
    yield from with_images(opened, opened.rows(contrast=contrast, split=split), images)


def photo_stores(release: Release, images: Folders | None) -> dict[str, PhotoStore]:
    """The photo store of each source, by source key. `images` is as for `load_reference`. Raises PhotoError."""
    given = _opened(images) if images else None
    return {s["key"]: given or open_photos(Path(s["images"])) for s in release.manifest["sources"]}


def _opened(images: Folders) -> PhotoStore:
    if isinstance(images, Path | str):
        return open_photos(Path(images))
    return SeveralPhotos([open_photos(Path(one)) for one in images])


def with_images(release: Release, rows: Iterable[Row], images: Folders | None) -> Iterator[Row]:
    """Rows of a release with their views composed. For `images` and the errors, see `load_reference`."""
    stores = photo_stores(release, images)
    displayed = frozenset(s["key"] for s in release.manifest["sources"] if s.get("orientation") == "as_displayed")
    renderer = Renderer(stores, kept_settings(release.manifest).intra.jpeg_quality, displayed)
    for row in rows:
        yield {**row, "images": [{"bytes": renderer.view(view)[0], "path": None} for view in row["views"]]}
