"""Documents that accompany the rows of a release: dataset card, license, and Croissant metadata.

In a local release, the commands and links in the documents refer to the release folder. When you push the release,
these documents are rewritten for the repository and version.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import jinja2

from cgc_data.common.errors import ReleaseError
from cgc_data.look.card import render_card, render_license
from cgc_data.look.croissant import croissant
from cgc_data.look.difference import Difference
from cgc_data.look.metadata import LICENSE_FILE
from cgc_data.release.manifest import Manifest
from cgc_data.release.read import Release
from cgc_data.release.stats import Stats, renamed

CARD, CROISSANT = "README.md", "croissant.json"
DOCUMENTS = (CROISSANT, LICENSE_FILE, CARD)


def documents(
    manifest: Manifest,
    stats: Stats,
    *,
    repo_id: str | None = None,
    tag: str | None = None,
    changes: Difference | None = None,
) -> dict[str, str]:
    """The text of each document by its file name.

    The documents describe the dataset `repo_id` at the revision `tag`, or the local folder if `repo_id` is None.
    """
    described = croissant(manifest, stats, repo_id=repo_id, tag=tag)
    return {
        CROISSANT: json.dumps(described, indent=1, ensure_ascii=False) + "\n",
        LICENSE_FILE: render_license(manifest, stats),
        CARD: render_card(manifest, stats, repo_id=repo_id, tag=tag, changes=changes),
    }


def published_documents(
    release: Release, repo_id: str, tag: str | None, *, changes: Difference | None = None
) -> dict[str, str]:
    """Documents of a finished release, written for the Hub dataset to which it is pushed.

    Raises ReleaseError if stats.json or the manifest lacks required values.
    """
    path = release.path("stats.json")
    with drawn_from(path):
        stats = renamed(json.loads(_content(path)))
        return documents(release.manifest, cast(Stats, stats), repo_id=repo_id, tag=tag, changes=changes)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read ({error.strerror}); build or download the release again") from None


@contextmanager
def drawn_from(path: Path) -> Iterator[None]:
    """Raise a ReleaseError that names `path` if a value that the documents need is missing or malformed."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, jinja2.TemplateError) as error:
        raise ReleaseError(
            f"{path}: cannot be used for the card ({error!r:.200}); build or download the release again"
        ) from None
