"""Releases at a URL. A release is read from a local copy, which is refreshed if the manifest has changed. A release is
written to a URL by copying a local folder there.
"""

import hashlib
from pathlib import Path

from cgc_data.common.errors import BuildError, MissingRemoteError, ReleaseError
from cgc_data.common.remote import cache_folder, download, joined, read_bytes, upload, url_of

MANIFEST = "manifest.json"


def local_release(path: Path | str) -> Path:
    """The folder itself if it is local, and otherwise a folder with a copy of the remote release.

    Raises ReleaseError if there is no finished release at the URL, and RemoteError if the URL cannot be read.
    """
    url = url_of(path)
    if url is None:
        return Path(path)
    try:
        manifest = read_bytes(joined(url, MANIFEST))
    except MissingRemoteError:
        raise ReleaseError(f"{url}: not a finished release (no {MANIFEST}); check the URL") from None
    copy = local_copy(url, manifest)
    if not (copy / MANIFEST).is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        download(url, copy)
    return copy


def local_copy(url: str, state: bytes = b"") -> Path:
    """The local folder for a copy of the release at a URL. `state` distinguishes the versions of the release."""
    digest = hashlib.sha256(url.encode() + b"\0" + state).hexdigest()[:16]
    return cache_folder() / digest / (url.rstrip("/").rpartition("/")[2] or "release")


def publish(folder: Path, url: str) -> None:
    """Copy a finished release to a URL; the manifest is copied last. Does nothing if the release is already there.

    Raises BuildError if another finished release is there, and RemoteError if the copy fails. After a RemoteError, call
    this function again to copy the rest.
    """
    try:
        there = read_bytes(joined(url, MANIFEST))
    except MissingRemoteError:
        upload(folder, url, last=MANIFEST)
        return
    if there != (folder / MANIFEST).read_bytes():
        raise BuildError(f"{url}: contains another finished release; choose another --out, or delete it")
