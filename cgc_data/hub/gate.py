"""Checks names, hashes, and licenses before anything is uploaded.

The checks do not need the Hub. If a check fails, nothing is uploaded.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias, cast

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from cgc_data.common.errors import LicenseError, PushError, ReleaseError
from cgc_data.licenses import LicensePolicy, allowed, license_class
from cgc_data.look.documents import DOCUMENTS
from cgc_data.release.manifest import Manifest
from cgc_data.release.paths import without_paths
from cgc_data.release.read import Release
from cgc_data.tasks import task_of

Contents: TypeAlias = dict[str, Path | bytes]  # files and their content, by path in a repository

_TAG = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def check_names(repo_id: str, tag: str | None) -> None:
    """Raise PushError if `repo_id` does not have the form ORG/NAME, or if `tag` is given but does not have the form
    vX.Y.Z.
    """
    if tag is not None and not _TAG.fullmatch(tag):
        raise PushError(f"--tag {tag}: a version tag has the form vX.Y.Z, such as v1.0.0")
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PushError(f"{repo_id}: not a repository name ({str(error).splitlines()[0]}); write ORG/NAME") from None
    if repo_id.count("/") != 1:
        raise PushError(f"{repo_id}: not a repository name; write ORG/NAME (your user name may be the ORG)")


def check_private(repo_id: str, is_private: bool | None) -> None:
    """Raise PushError if an existing repository that must be private is public."""
    if not is_private:
        raise PushError(f"{repo_id}: exists and is public; make it private in its settings, or choose another name")


def size_of(contents: Contents) -> int:
    """Total number of bytes of the files."""
    return sum(len(one) if isinstance(one, bytes) else one.stat().st_size for one in contents.values())


def next_version(tags: list[str]) -> str:
    """The version after the highest version in `tags`. Tags that do not have the form vX.Y.Z are ignored."""
    versions = [tuple(int(part) for part in match.groups()) for match in map(_TAG.fullmatch, tags) if match]
    major, minor, patch = max(versions, default=(1, 0, -1))
    return f"v{major}.{minor}.{patch + 1}"


def published_contents(release: Release, documents: Mapping[str, str]) -> Contents:
    """Map from the path of every published file to its content, in upload order. The manifest is last.

    `documents` replaces the documents in the folder, because their commands refer to the local folder. In the
    published manifest, the paths of the sources on the build machine are reduced to base names.
    """
    written = {name: text.encode() for name, text in documents.items()}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
    public = without_paths({**release.manifest, "files": {**release.manifest["files"], **hashes}})
    contents: Contents = {path: release.path(path) for path in _listed(public)}
    text = json.dumps(public, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return contents | written | {"manifest.json": text.encode()}


def published_manifest(contents: Mapping[str, Path | bytes]) -> Manifest:
    """The manifest that a push with these contents publishes."""
    return cast(Manifest, json.loads(cast(bytes, contents["manifest.json"])))


def same_release(one: Manifest, other: Manifest) -> bool:
    """Whether two published manifests belong to the same release. Documents are not compared, because they may differ
    between versions of the program.
    """
    return _without_documents(one) == _without_documents(other)


def _without_documents(manifest: Manifest) -> Manifest:
    files = {name: digest for name, digest in manifest["files"].items() if name not in DOCUMENTS}
    return {**manifest, "files": files}


def check_documents(release: Release) -> None:
    """Raise ReleaseError if a document in the folder was edited, because a push would discard the edits.

    Missing documents are ignored.
    """
    for name in DOCUMENTS:
        path, listed = release.path(name), release.manifest["files"].get(name)
        if path.exists() and listed and _sha256(path) != listed:
            raise ReleaseError(
                f"{path}: edited since the build, but a push publishes a new one for its repository and version; move "
                "the file out of the release, push, then add your text to the file on the Hub"
            )


def checked_hashes(release: Release, contents: Contents) -> dict[str, str]:
    """sha256 of each file's content. Raises ReleaseError if a file is missing or does not match the manifest."""
    listed = _listed(release.manifest)
    hashes = {}
    for path, content in contents.items():
        hashes[path] = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else _sha256(content)
        if isinstance(content, Path) and hashes[path] != listed[path]:
            raise ReleaseError(
                f"{release.folder / path}: changed since the manifest was written; build the release again"
            )
    return hashes


def check_licenses(release: Release, noncommercial: bool = False) -> None:
    """Raise LicenseError if the license of an embedded photo does not allow you to publish the photo as the views show
    it (unchanged or changed).

    Photos under non-commercial licenses are accepted only if `noncommercial` is true and the release was built to
    include them. The card of such a release forbids commercial use.
    """
    if not release.has_images:
        return
    marked = release.manifest.get("licenses") == "noncommercial"
    policy: LicensePolicy = "noncommercial" if noncommercial and marked else "permissive"
    views = Counter(_views(release))
    refused = {view: n for view, n in views.items() if not allowed(view[0], policy, windows=view[1])}
    if refused:
        raise LicenseError(f"{release.folder}: {_complaint(refused)}; {_fix(refused, noncommercial, marked)}")


def _listed(manifest: Manifest) -> dict[str, str]:
    shards = {shard["path"]: shard["sha256"] for shard in manifest["shards"]}
    others = manifest["files"]
    ranks = {"stats.json": 1, "rejected.parquet": 1} | {name: 2 + place for place, name in enumerate(DOCUMENTS)}
    return shards | dict(sorted(others.items(), key=lambda item: (ranks.get(item[0], 0), item[0])))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (OSError, ValueError) as error:  # a null byte in the path is a ValueError
        raise ReleaseError(f"{path}: not readable ({error}); build the release again") from None
    return digest.hexdigest()


def _views(release: Release) -> Iterator[tuple[str, bool]]:
    """For each photo in each view, yield the URL of the photo's license, and whether the view changes the photo (for
    example, crops it).
    """
    for row in release.rows(["contrast", "task", "views"]):
        windows = task_of(row).contrast.windows
        for view in row["views"]:
            whole = not windows and view["window"] == [0, 0, view["width"], view["height"]]
            for shown in (view, *view["parts"][1:]):
                yield shown["license_url"] or "", not whole or len(view["parts"]) > 1


def _complaint(refused: dict[tuple[str, bool], int]) -> str:
    (url, window), count = max(refused.items(), key=lambda item: item[1])
    what = "windows of photos" if window else "whole photos"
    example = f"{count} {what} under {url}" if url else f"{count} {what} without a license"
    return f"{sum(refused.values())} embedded views may not be published (first among them {example})"


def _fix(refused: dict[tuple[str, bool], int], noncommercial: bool, marked: bool) -> str:
    fix = "build with --licenses permissive, or with --images reference"
    kinds = {license_class(url) for url, _ in refused}
    if "unknown" in kinds:
        fix += ", or add each photo's license to the annotation file"
    if kinds == {"noncommercial"} and marked and not noncommercial:
        fix += ", or push with --noncommercial"
    if noncommercial and not marked:
        fix += "; --noncommercial needs a release built with --licenses noncommercial, whose card states this"
    return fix
