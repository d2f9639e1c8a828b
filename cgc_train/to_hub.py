"""Checkpoints to the Hub while training goes on: each one in a commit of its own, in the background.

An upload that fails is a warning and is tried again with the next checkpoint; what a stopped run has not uploaded is
uploaded when it is resumed. A checkpoint counts as there if its state is, which is in the same commit as the rest.
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

FOLDER = "to-hub"  # of a run: links to checkpoints that are not uploaded yet
STATE = "trainer_state.json"
# Holds paths of the machine, and is not needed to resume.
LEFT_OUT = ("training_args.bin",)
# What a repository may hold before its first checkpoint.
OURS = {".gitattributes", ".gitignore", "README.md", "recipe.yaml"}


class CheckpointsToHub(TrainerCallback):  # type: ignore[misc]
    """Uploads every checkpoint of a run to `hub.repo`; the repository is made, and the login tried, before training."""

    def __init__(self, run: Run) -> None:
        self.run, self.settings = run, run.recipe.hub
        self.uploads = ThreadPoolExecutor(1, thread_name_prefix="to-hub")
        self.pending: list[Future[None]] = []

    def on_train_begin(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Upload what a run that was stopped has left."""
        if state.is_world_process_zero:
            for checkpoint in self.run.checkpoints():
                keep(self.run.folder, checkpoint)
            self._upload()

    def on_save(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """A checkpoint is there."""
        if state.is_world_process_zero:
            keep(self.run.folder, self.run.folder / f"checkpoint-{state.global_step}")
            self._upload()

    def on_train_end(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Wait for uploads, and try once more what failed."""
        if state.is_world_process_zero:
            self.close()
            self._kept_are_uploaded()

    def close(self) -> None:
        """Wait for the uploads that have begun."""
        self.uploads.shutdown(wait=True)

    def _upload(self) -> None:
        self.pending.append(self.uploads.submit(self._kept_are_uploaded))

    def _kept_are_uploaded(self) -> None:
        try:
            upload(self.run.folder, self.run.recipe)
        except PushError as error:
            say(f"warning: a checkpoint was not uploaded, and is tried again with the next one: {error}")


def prepare(recipe: Recipe) -> None:
    """Make the repository of a recipe. Raises PushError where the login may not, or it holds something else."""
    repo, api = str(recipe.hub.repo), connect()
    if not is_there(repo):
        with explained(repo, api.endpoint):
            for attempt in attempts():
                with attempt:
                    api.create_repo(repo, private=recipe.hub.private, exist_ok=True)


def is_there(repo: str) -> bool:
    """Whether a repository exists, which this login may write to or make; nothing is written.

    Raises PushError where the login is not known or may not, or the repository holds something else.
    """
    check_names(repo, None)
    api = connect()
    with explained(repo, api.endpoint):
        for attempt in attempts():
            with attempt:
                found, account = _known(api, repo), api.whoami()
    if _role(account) == "read":
        raise PushError(f"{repo}: this token may only read; use one with write access")
    if not found and repo.partition("/")[0] not in _names(account):
        raise PushError(
            f"{repo}: does not exist, and {account['name']} is no member of its organization; choose another"
        )
    return found


def _role(account: Mapping[str, Any]) -> str | None:
    """What a token may do, as far as the Hub says: read, write, or fineGrained."""
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
        raise PushError(f"{repo}: holds {min(strangers)}, no checkpoints of ours; choose an empty repository")
    return True


def keep(run: Path, checkpoint: Path) -> None:
    """Links to a checkpoint until it is uploaded, so that it may be deleted meanwhile."""
    kept, partial = run / FOLDER / checkpoint.name, run / FOLDER / f"{checkpoint.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(checkpoint, partial, copy_function=link, ignore=lambda *_: LEFT_OUT)
    partial.rename(kept)


def link(source: str, target: str) -> None:
    """A second name of a file, or a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def upload(run: Path, recipe: Recipe) -> None:
    """Upload the checkpoints that are kept and not there yet, each in one commit, and keep them no longer.

    Raises PushError.
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
