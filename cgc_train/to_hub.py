"""Uploads checkpoints to the Hub in the background during training, with one commit per checkpoint.

If an upload fails, a warning is printed, and the upload is retried with the next checkpoint. When a stopped run
resumes, it uploads the checkpoints that are not on the Hub yet. The commit of a checkpoint includes its state file, so
a checkpoint counts as uploaded if the Hub has this file.
"""

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile
from transformers import TrainerCallback

from cgc_data.common.errors import PushError
from cgc_data.common.hub_client import attempts, connect, explained
from cgc_data.common.progress import say
from cgc_data.hub.gate import check_names
from cgc_data.release.paths import without_paths
from cgc_train.protocols import TrainerState
from cgc_train.recipe import Recipe
from cgc_train.run import Run

FOLDER = "to-hub"  # subfolder of a run with links to checkpoints that are not uploaded yet
STATE = "trainer_state.json"
# This file contains local paths and is not needed to resume.
LEFT_OUT = ("training_args.bin",)
# Files that a repository can contain before its first checkpoint.
OURS = {".gitattributes", ".gitignore", "README.md", "recipe.yaml"}


class CheckpointsToHub(TrainerCallback):  # type: ignore[misc]
    """Uploads every checkpoint of a run to `hub.repo`, in the background."""

    def __init__(self, run: Run) -> None:
        self.run, self.settings = run, run.recipe.hub
        self.uploads = ThreadPoolExecutor(1, thread_name_prefix="to-hub")
        self.pending: list[Future[None]] = []

    def on_train_begin(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Upload the checkpoints that were not uploaded before the run was stopped."""
        if state.is_world_process_zero:
            for checkpoint in self.run.checkpoints():
                keep(self.run.folder, checkpoint)
            self._upload()

    def on_save(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Upload a new checkpoint."""
        if state.is_world_process_zero:
            keep(self.run.folder, self.run.folder / f"checkpoint-{state.global_step}")
            self._upload()

    def on_train_end(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Wait until the running uploads end, and retry failed uploads once."""
        if state.is_world_process_zero:
            self.close()
            self._kept_are_uploaded()

    def close(self) -> None:
        """Wait for the running uploads."""
        self.uploads.shutdown(wait=True)

    def _upload(self) -> None:
        self.pending.append(self.uploads.submit(self._kept_are_uploaded))

    def _kept_are_uploaded(self) -> None:
        try:
            upload(self.run.folder, self.run.recipe)
        except PushError as error:
            say(f"warning: a checkpoint was not uploaded ({error}); the next upload retries it")


def prepare(recipe: Recipe) -> None:
    """Create the Hub repository of a recipe if it does not exist.

    Raises PushError if the login lacks permission, or if the repository already contains files, but no run.
    """
    repo, api = str(recipe.hub.repo), connect()
    if not is_there(repo):
        with explained(repo, api.endpoint):
            for attempt in attempts():
                with attempt:
                    api.create_repo(repo, private=recipe.hub.private, exist_ok=True)


def is_there(repo: str) -> bool:
    """Whether the repository exists.

    The function also checks, without writing anything, that this login can write to the repository or create it.

    Raises PushError if the login is missing or lacks permission. Also raises PushError if the repository already
    contains files, but no run.
    """
    check_names(repo, None)
    api = connect()
    with explained(repo, api.endpoint):
        for attempt in attempts():
            with attempt:
                found, account = _known(api, repo), api.whoami()
    if _role(account) == "read":
        raise PushError(f"{repo}: this token is read-only; use one with write access")
    if not found and repo.partition("/")[0] not in _names(account):
        raise PushError(
            f"{repo}: does not exist, and {account['name']} is not a member of its organization; choose another"
        )
    return found


def _role(account: Mapping[str, Any]) -> str | None:
    """The role of a token, as the Hub reports it: read, write, or fineGrained."""
    token = account.get("auth", {}).get("accessToken", {})
    return token.get("role") if isinstance(token, dict) else None


def _names(account: Mapping[str, Any]) -> set[str]:
    return {account["name"], *(organization["name"] for organization in account.get("orgs", ()))}


def _known(api: HfApi, repo: str) -> bool:
    try:
        api.repo_info(repo)
    except RepositoryNotFoundError:
        return False
    paths = {file.path for file in api.list_repo_tree(repo) if isinstance(file, RepoFile)}
    if (strangers := paths - OURS) and "recipe.yaml" not in paths:
        raise PushError(
            f"{repo}: contains {min(strangers)}, but not the checkpoints of a run; choose an empty repository"
        )
    return True


def keep(run: Path, checkpoint: Path) -> None:
    """Hard-link the files of a checkpoint, so that they can be uploaded even if the trainer deletes the checkpoint."""
    kept, partial = run / FOLDER / checkpoint.name, run / FOLDER / f"{checkpoint.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(checkpoint, partial, copy_function=link, ignore=lambda *_: LEFT_OUT)
    partial.rename(kept)


def link(source: str, target: str) -> None:
    """Hard-link a file, or copy it if the file system does not support hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def upload(run: Path, recipe: Recipe) -> None:
    """Upload every linked checkpoint that the Hub does not have yet, with one commit per checkpoint. The links of a
    checkpoint are deleted once the Hub has it.

    Raises PushError if the Hub cannot be reached or refuses an upload.
    """
    repo, api = str(recipe.hub.repo), connect()
    kept = sorted(path for path in (run / FOLDER).glob("checkpoint-*") if path.suffix != ".partial")
    for checkpoint in kept:
        with explained(repo, api.endpoint):
            for attempt in attempts():
                with attempt:
                    if not api.file_exists(repo, f"{checkpoint.name}/{STATE}"):
                        _commit(api, repo, checkpoint, recipe)
        shutil.rmtree(checkpoint)


def _commit(api: HfApi, repo: str, checkpoint: Path, recipe: Recipe) -> None:
    public = yaml.safe_dump(without_paths(recipe.model_dump(mode="json")), sort_keys=False)
    files = [path for path in sorted(checkpoint.rglob("*")) if path.is_file()]
    additions = [
        CommitOperationAdd(f"{checkpoint.name}/{path.relative_to(checkpoint).as_posix()}", path) for path in files
    ]
    additions.append(CommitOperationAdd("recipe.yaml", public.encode()))
    api.create_commit(repo, additions, commit_message=checkpoint.name)
