"""Finds a recipe's release in a folder or on the Hub. If the release stores no images, this module composes them from
the photos.
"""

from collections.abc import Collection, Iterator

from cgc_data.common.errors import PhotoError
from cgc_data.release.locate import locate_release
from cgc_data.release.read import Release
from cgc_data.release.reference import with_images
from cgc_data.release.rows import Row
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import DataSettings


def find_release(settings: DataSettings) -> Release:
    """Open the release that a recipe's `data` section names. A release on the Hub is downloaded first.

    Raises ReleaseError if the release does not exist, is unfinished, has an unsupported schema version, or cannot be
    downloaded.
    """
    return locate_release(settings.release, settings.revision, setting="data.")


def picked(release: Release, ids: Collection[str], photos: str | None) -> Iterator[Row]:
    """Yield the rows with the given ids, including their images. If the release stores no images, the images are
    composed from the photos.

    `photos` is the folder or zip file with the photos. If it is None, the photos must still be where they were when the
    release was built. Raises TrainingDataError if a photo is missing or cannot be read.
    """
    rows = release.pick(ids)
    if release.has_images:
        yield from rows
        return
    try:
        yield from with_images(release, rows, photos)
    except PhotoError as error:
        raise TrainingDataError(
            f"{release.folder}: stores no images, and a photo cannot be read ({error}); set data.photos"
        ) from None
