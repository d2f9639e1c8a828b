"""Pushes a release: checks it, uploads the files that the Hub does not have, publishes them in one commit, and then
tags the commit.

The tag comes last, so that every tagged version is complete.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from huggingface_hub import CommitOperationAdd
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from cgc_data.common.hub_client import connect, explained
from cgc_data.hub.gate import (
    Contents,
    check_documents,
    check_licenses,
    check_names,
    checked_hashes,
    published_contents,
    published_manifest,
    size_of,
)
from cgc_data.hub.metadata import check_metadata
from cgc_data.hub.repository import Repository
from cgc_data.look.difference import difference
from cgc_data.look.documents import CARD, published_documents
from cgc_data.look.load import load_call
from cgc_data.release.read import Release, open_release

Event = Callable[[str], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PushResult:
    """The location of a pushed release on the Hub. `uploaded` lists the files that were sent, and `kept` lists the
    files that were already on the Hub.

    `load_example` is Python code that loads this version.
    """

    repo_id: str
    url: str
    commit: str
    tag: str | None
    uploaded: tuple[str, ...]
    kept: tuple[str, ...]
    load_example: str


@dataclass(frozen=True)
class Prepared:
    """A release that passed all checks and can be uploaded.

    `contents` maps each path in the repository to a local file, or to the bytes to upload. `hashes` maps each path to
    the sha256 of its content.
    """

    release: Release
    contents: Contents
    hashes: dict[str, str]

    @property
    def size(self) -> int:
        """Total number of bytes of the published files."""
        return size_of(self.contents)


def prepare(
    release: Path, repo_id: str, *, tag: str | None, noncommercial: bool = False, since: Path | None = None
) -> Prepared:
    """Run the checks of `push` and generate the card, without contacting the Hub. The parameters are the same as in
    `push`.

    Raises:
        ReleaseError: the folder is not a finished, unchanged release.
        LicenseError: the licenses of the photos do not allow you to publish the release.
        PushError: the name, the tag, or the card is invalid.
    """
    check_names(repo_id, tag)
    finished = open_release(release)
    check_licenses(finished, noncommercial)
    check_documents(finished)
    changes = difference(since, release) if since else None
    written = published_documents(finished, repo_id, tag, changes=changes)
    contents = published_contents(finished, written)
    check_metadata(written[CARD], contents)
    return Prepared(finished, contents, checked_hashes(finished, contents))


def push(
    release: Path,
    repo_id: str,
    *,
    tag: str | None,
    private: bool = False,
    noncommercial: bool = False,
    since: Path | None = None,
    token: str | None = None,
    on_event: Event = _log.info,
) -> PushResult:
    """Publish the release folder as a version of the dataset ORG/NAME. If the dataset does not exist, it is created.

    To resume an interrupted push, repeat the call. If the tag already contains this release, the call does nothing.
    `tag` is vX.Y.Z, or None to leave the commit untagged. `since` is the folder of an earlier release; the card then
    states what changed since that release. `token` defaults to HF_TOKEN or the stored login. `on_event` is
    called with one line of text per step; by default, the lines are logged.

    Raises:
        ReleaseError: the folder is not a finished, unchanged release.
        LicenseError: the licenses of the photos do not allow you to publish the release.
        PushError: the name, the tag, or the card is invalid; the tag exists with other content; the repository cannot
            accept the release; the login is missing; or the Hub cannot be reached.
    """
    prepared = prepare(release, repo_id, tag=tag, noncommercial=noncommercial, since=since)
    finished, contents, expected = prepared.release, prepared.contents, prepared.hashes
    example = partial(load_call, finished.manifest, repo_id)
    api = connect(token)
    with explained(repo_id, api.endpoint), _bars_on_terminals_only():
        repository = Repository(api, repo_id)
        if there := repository.prepare(tag, private, published_manifest(contents)):
            on_event(f"{repository.url} already has this release as {tag}")
            return PushResult(repo_id, repository.url, there, tag, (), tuple(expected), example(tag))
        uploaded = _upload(repository, contents, expected, on_event)
        names = tuple(uploaded)
        commit = repository.publish(contents, expected, uploaded, f"Release {tag or finished.name}")
        if tag is not None:
            repository.tag(tag, commit)
    on_event(f"published {repository.url} as {tag or commit}")
    kept = tuple(path for path in expected if path not in names)
    return PushResult(repo_id, repository.url, commit, tag, names, kept, example(tag or commit))


def _upload(
    repository: Repository, contents: Contents, expected: dict[str, str], on_event: Event
) -> dict[str, CommitOperationAdd]:
    present = repository.files()
    missing = [path for path, digest in expected.items() if present.get(path) != digest]
    uploaded = {}
    for number, path in enumerate(missing, start=1):
        uploaded[path] = repository.upload(path, contents[path])
        on_event(f"uploaded {path} ({number}/{len(missing)})")
    return uploaded


@contextmanager
def _bars_on_terminals_only() -> Iterator[None]:
    if sys.stderr.isatty() or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
