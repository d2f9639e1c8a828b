"""The release a recipe names: a folder, or a version of a data set on the Hub, with its views where it stores none."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from cgc_data.errors import PhotoError, ReleaseError
from cgc_data.reference import with_images
from cgc_data.release.read import Release, open_release
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import DataSettings

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def find_release(settings: DataSettings) -> Release:
    """The release of a recipe's `data`, downloaded first where it is on the Hub.

    Raises ReleaseError where there is none, it is unfinished, of another schema version, or cannot be downloaded.
    """
    name = settings.release
    if Path(name).is_dir():
        return open_release(name)
    if HUB_ID.fullmatch(name):
        return open_release(_download(name, settings.revision))
    raise ReleaseError(f"{name}: no such folder; give the folder of a release, or ORG/NAME on the Hub")


def picked(release: Release, ids: Collection[str], photos: str | None) -> Iterator[dict[str, Any]]:
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


def _download(repo_id: str, revision: str | None) -> Path:
    from huggingface_hub import errors

    from cgc_data.hub.client import connect

    try:
        return Path(connect().snapshot_download(repo_id, repo_type="dataset", revision=revision))
    except errors.RepositoryNotFoundError:
        fault = "the Hub has no such data set for this login; check data.release, or run `hf auth login`"
    except errors.RevisionNotFoundError:
        fault = f"on the Hub it has no revision {revision!r}; set data.revision to one of its tags"
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        fault = "the Hub is not reached and the cache has no copy; check the connection, HF_ENDPOINT, HF_HUB_OFFLINE"
    except (OSError, RuntimeError, ValueError) as error:
        fault = f"it cannot be downloaded ({' '.join(str(error).split())[:200]}); run it again, or download it yourself"
    raise ReleaseError(f"{repo_id}: no such folder; {fault}")
