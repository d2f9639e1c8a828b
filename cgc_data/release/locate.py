"""Finds a release by name: in a folder, at a URL, or in a dataset on the Hub. A release on the Hub is downloaded."""

import re
from pathlib import Path

from cgc_data.common.errors import ReleaseError
from cgc_data.common.remote import url_of
from cgc_data.release.read import Release, open_release

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def locate_release(name: str, revision: str | None = None, *, setting: str = "") -> Release:
    """Open the release in the folder or at the URL `name`. Any other `name` is a dataset on the Hub, which is
    downloaded at `revision` (default: the newest).

    `setting` is the prefix of setting names in error messages. For example, if it is `data.`, messages refer to
    `data.release` and `data.revision`. Raises ReleaseError if there is no such release, or if it is unfinished, has
    another schema version, or cannot be downloaded.
    """
    if Path(name).is_dir() or url_of(name):
        return open_release(name)
    if HUB_ID.fullmatch(name):
        return open_release(_download(name, revision, setting))
    raise ReleaseError(f"{name}: no such folder; give the folder of a release, or ORG/NAME on the Hub")


def _download(repo_id: str, revision: str | None, setting: str) -> Path:
    from huggingface_hub import errors

    from cgc_data.common.hub_client import connect

    try:
        return Path(connect().snapshot_download(repo_id, repo_type="dataset", revision=revision))
    except errors.RepositoryNotFoundError:
        fault = (
            f"this token cannot access a dataset with this name on the Hub; check {setting}release, or run `hf auth "
            "login`"
        )
    except errors.RevisionNotFoundError:
        fault = f"the dataset has no revision {revision!r} on the Hub; set {setting}revision to one of its tags"
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        fault = (
            "the Hub cannot be reached, and the cache has no copy; check the connection, HF_ENDPOINT, and "
            "HF_HUB_OFFLINE"
        )
    except (OSError, RuntimeError, ValueError) as error:
        fault = (
            f"the download failed ({' '.join(str(error).split())[:200]}); run the command again, or download the "
            "dataset yourself"
        )
    raise ReleaseError(f"{repo_id}: no such folder; {fault}")
