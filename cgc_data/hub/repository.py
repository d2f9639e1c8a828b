"""A dataset repository on the Hub that contains successive releases.

Files are uploaded one by one, and then appear together in a single commit. Users of `main` see either the previous
release or the new one, never a mixture. A resumed push reuses the files that were already uploaded.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from cgc_data.common.errors import PushError
from cgc_data.common.hub_client import attempts
from cgc_data.hub.gate import check_private, next_version, same_release
from cgc_data.release.manifest import Manifest, current_manifest
from cgc_data.tasks import CONTRASTS

# files that a manually created repository may contain before its first release
_HARMLESS = {".gitattributes", ".gitignore", "README.md"}


class Repository:
    """The dataset repository `repo_id`. Its methods raise the errors of the Hub client, or PushError if the repository
    cannot accept the release.
    """

    def __init__(self, api: HfApi, repo_id: str) -> None:
        self._api = api
        self._target: Any = {"repo_id": repo_id, "repo_type": "dataset"}  # arguments that every call needs
        self.repo_id = repo_id
        self.url = f"{api.endpoint}/datasets/{repo_id}"

    def prepare(self, tag: str | None, private: bool, manifest: Manifest) -> str | None:
        """Create the repository if it is missing. Raises PushError if the repository cannot accept this version.

        Returns the tagged commit if it already contains the release that `manifest` describes, and None otherwise.
        """
        for attempt in attempts():
            with attempt:
                self._api.whoami()
        for attempt in attempts():
            with attempt:
                if not self._exists(private):
                    # None leaves the choice to the organization, whose repositories may be private by default
                    self._api.create_repo(**self._target, private=private or None, exist_ok=True)
                if commit := self._released(tag, manifest):
                    return commit
                self._refuse_strangers()
        return None

    def files(self, revision: str = "main") -> dict[str, str | None]:
        """Map from path to sha256; None for small files, which git itself stores."""
        tree = self._api.list_repo_tree(**self._target, recursive=True, revision=revision)
        return {f.path: f.lfs.sha256 if f.lfs else None for f in tree if isinstance(f, RepoFile)}

    def tags(self) -> dict[str, str]:
        """Map from tag name to commit."""
        return {ref.name: ref.target_commit for ref in self._api.list_repo_refs(**self._target).tags}

    def upload(self, path: str, content: Path | bytes) -> CommitOperationAdd:
        """Upload a file's content without making it visible. Content that the Hub already has is not sent again."""
        for attempt in attempts():
            with attempt:
                addition = CommitOperationAdd(path_in_repo=path, path_or_fileobj=content)
                self._api.preupload_lfs_files(additions=[addition], free_memory=False, **self._target)
        return addition

    def publish(
        self,
        contents: Mapping[str, Path | bytes],
        expected: Mapping[str, str],
        uploaded: dict[str, CommitOperationAdd],
        message: str,
    ) -> str:
        """Add the `expected` files to `main`, and delete the files of an earlier release that this release does not
        have. Return the id of the commit.
        """
        for attempt in attempts():
            with attempt:
                # looked up on each try, because an unanswered attempt may have succeeded, or another push may have
                # happened
                head = str(self._api.repo_info(**self._target).sha)
                present = self.files(head)
                missing = [path for path, digest in expected.items() if present.get(path) != digest]
                additions = [uploaded.pop(p) if p in uploaded else CommitOperationAdd(p, contents[p]) for p in missing]
                deletions = [CommitOperationDelete(path) for path in sorted(self._stale(present, expected, head))]
                commit = self._api.create_commit(
                    operations=[*additions, *deletions], commit_message=message, parent_commit=head, **self._target
                )
        return str(commit.oid)

    def tag(self, name: str, commit: str) -> None:
        """Tag the commit. An existing tag is never moved."""
        for attempt in attempts():
            with attempt:
                # an unanswered attempt may have succeeded
                if self.tags().get(name) != commit:
                    self._api.create_tag(tag=name, revision=commit, exist_ok=False, **self._target)

    def _exists(self, private: bool) -> bool:
        try:
            info = self._api.repo_info(**self._target)
        except RepositoryNotFoundError:
            return False
        if private:
            check_private(self.repo_id, info.private)
        return True

    def _released(self, tag: str | None, manifest: Manifest) -> str | None:
        """The commit to which the tag points, if the tag exists and contains this release. Raises PushError if the tag
        contains another release.
        """
        tags = self.tags()
        if tag is None or tag not in tags:
            return None
        if "manifest.json" in self.files(tag) and same_release(self._manifest(tag), manifest):
            return tags[tag]
        fix = f"choose the next, --tag {next_version(list(tags))}"
        raise PushError(f"{self.repo_id}: version {tag} exists with other content and is never moved; {fix}")

    def _refuse_strangers(self) -> None:
        present = self.files()
        strangers = sorted(present.keys() - _HARMLESS)
        if strangers and "manifest.json" not in present:
            raise PushError(f"{self.repo_id}: contains {strangers[0]}, not a release; choose an empty repository")

    def _stale(self, present: Mapping[str, str | None], expected: Mapping[str, str], head: str) -> set[str]:
        """Files of an earlier release that this release does not have. Files that were added by hand are not
        included.
        """
        earlier = self._manifest(head) if "manifest.json" in present else None
        listed = {*(shard["path"] for shard in earlier["shards"]), *earlier["files"]} if earlier else set()
        stale = {path for path in present if path in listed or path.split("/")[0] in CONTRASTS}
        return stale - expected.keys()

    def _manifest(self, revision: str) -> Manifest:
        with TemporaryDirectory() as folder:
            path = self._api.hf_hub_download(
                filename="manifest.json", revision=revision, local_dir=folder, **self._target
            )
            return current_manifest(cast(Manifest, json.loads(Path(path).read_bytes())))
