"""The release a recipe names: a folder, or a version of a data set on the Hub, with its views where it stores none."""

from collections.abc import Collection, Iterator

from cgc_data.common.errors import PhotoError
from cgc_data.release.locate import locate_release
from cgc_data.release.read import Release
from cgc_data.release.reference import with_images
from cgc_data.release.rows import Row
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import DataSettings


def find_release(settings: DataSettings) -> Release:
    """The release of a recipe's `data`, downloaded first where it is on the Hub.

    Raises ReleaseError where there is none, it is unfinished, of another schema version, or cannot be downloaded.
    """
    return locate_release(settings.release, settings.revision, setting="data.")


def picked(release: Release, ids: Collection[str], photos: str | None) -> Iterator[Row]:
    """The rows of these ids with their images; a release that stores none has them composed from the photos.

    `photos` is the folder or zip that holds them; None: where the release was built from. Raises TrainingDataError
    where they are missing.
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
