"""Publishes a merged model. All files are uploaded in one commit. If you pass a tag, it is then set on this commit.
Existing tags never move.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import yaml
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from cgc_data.common.errors import PushError
from cgc_data.common.hub_client import attempts, connect, explained
from cgc_data.hub.gate import Contents, check_names, check_private, next_version
from cgc_data.release.paths import without_paths
from cgc_train.publish.card import card_pictures, model_card
from cgc_train.publish.merge import merge
from cgc_train.publish.results import eval_results, read_results, with_model_index
from cgc_train.run import Run

# Files that a repository can contain before its first model; any other weights belong to someone else.
HARMLESS = {".gitattributes", ".gitignore", "README.md", "recipe.yaml"}


class Target(TypedDict):
    """Keyword arguments that identify a repository when calling the Hub client."""

    repo_id: str
    repo_type: str


@dataclass(frozen=True)
class PushedModel:
    """The location of a model on the Hub."""

    repo_id: str
    url: str
    commit: str
    tag: str | None


def push_model(
    run: Run,
    repo_id: str,
    *,
    tag: str | None = None,
    private: bool = False,
    license: str = "apache-2.0",
    token: str | None = None,
    results: Sequence[str] = (),
) -> PushedModel:
    """Merge a finished run's model and publish it with its card, recipe, and curves.

    `results` lists files written by `cgc-bench score --json`, as FILE or as DATASET=FILE (see `read_results`). The
    scores in these files become metadata on the Hub.

    Raises PushError if the repository or the tag cannot be used, or if the Hub cannot be reached. Also raises the
    errors of `merge` and `model_card`. If an error is raised, no files are published, with one exception: if only
    setting the tag fails, the uploaded files stay on the Hub without the tag.
    """
    check_names(repo_id, tag)
    read_results(results, run.recipe)  # raises errors before the merge
    _check_early(repo_id, tag, private, token)
    with tempfile.TemporaryDirectory() as folder:
        contents = prepare_model(run, repo_id, Path(folder), tag=tag, license=license, results=results)
        return _publish(contents, repo_id, tag, private, token)


def prepare_model(
    run: Run, repo_id: str, folder: Path, *, tag: str | None, license: str, results: Sequence[str]
) -> Contents:
    """Prepare the files that `push_model` publishes, but publish nothing. Returns the files, keyed by path in the
    repository.

    The merged model is written to `folder`. Raises PushError if `repo_id`, `tag`, or a results file is not valid. Also
    raises the errors of `merge` and `model_card`.
    """
    check_names(repo_id, tag)
    found = read_results(results, run.recipe)
    card = model_card(run, repo_id, tag=tag, license=license, results=found)
    merged = merge(run, folder / "model")
    contents: Contents = {path.name: path for path in sorted(merged.iterdir()) if path.is_file()}
    contents |= card_pictures(run) | {"recipe.yaml": _public_recipe(run)}
    contents |= eval_results(found, f"{connect().endpoint}/{repo_id}")
    return {**contents, "README.md": _checked(with_model_index(card, repo_id.rpartition("/")[2], found)).encode()}


def _public_recipe(run: Run) -> bytes:
    """The recipe without local paths."""
    values = without_paths(run.recipe.model_dump(mode="json"))
    return yaml.safe_dump(values, sort_keys=False).encode()


def _check_early(repo_id: str, tag: str | None, private: bool, token: str | None) -> None:
    """Check the login and the repository before the merge, because merging a large model takes minutes."""
    api = connect(token)
    target: Target = {"repo_id": repo_id, "repo_type": "model"}
    with explained(repo_id, api.endpoint):
        for attempt in attempts():
            with attempt:
                api.whoami()
                if api.repo_exists(**target):
                    _check_target(api, target, tag, private)


def _publish(contents: Contents, repo_id: str, tag: str | None, private: bool, token: str | None) -> PushedModel:
    api = connect(token)
    target: Target = {"repo_id": repo_id, "repo_type": "model"}
    with explained(repo_id, api.endpoint):
        for attempt in attempts():
            with attempt:
                _prepare(api, target, tag, private)
        for attempt in attempts():
            with attempt:
                additions = [CommitOperationAdd(path, content) for path, content in contents.items()]
                commit = api.create_commit(
                    repo_id, additions, commit_message=f"Model {tag or ''}".strip(), repo_type="model"
                )
        for attempt in attempts():
            with attempt:
                if tag is not None and tag not in _tags(api, target):
                    api.create_tag(tag=tag, revision=commit.oid, exist_ok=False, **target)
    return PushedModel(repo_id, f"{api.endpoint}/{repo_id}", str(commit.oid), tag)


def _prepare(api: HfApi, target: Target, tag: str | None, private: bool) -> None:
    api.whoami()
    try:
        api.repo_info(**target)
    except RepositoryNotFoundError:
        api.create_repo(**target, private=private or None, exist_ok=True)
    _check_target(api, target, tag, private)


def _check_target(api: HfApi, target: Target, tag: str | None, private: bool) -> None:
    """Raise PushError if the repository is public although `private` is set, already has the tag, or contains files
    other than `HARMLESS` but no `recipe.yaml`, which every published run has.
    """
    if private:
        check_private(target["repo_id"], api.repo_info(**target).private)
    taken = _tags(api, target)
    if tag in taken:
        fix = f"choose the next, --tag {next_version(taken)}"
        raise PushError(f"{target['repo_id']}: version {tag} exists and is never moved; {fix}")
    present = {file.path for file in api.list_repo_tree(**target) if isinstance(file, RepoFile)}
    if (strangers := present - HARMLESS) and "recipe.yaml" not in present:
        raise PushError(
            f"{target['repo_id']}: contains {min(strangers)}, but not the model of a run; choose an empty repository"
        )


def _tags(api: HfApi, target: Target) -> list[str]:
    return [ref.name for ref in api.list_repo_refs(**target).tags]


def _checked(card: str) -> str:
    """Return the card after checking that the Hub client can parse its front matter."""
    ModelCard(card)
    return card
