"""Checkpoints on the Hub: all of them, over any connection, and a run resumes from them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import huggingface_hub
from huggingface_hub import snapshot_download
from safetensors.torch import load_file

from cgc_data.common.errors import PushError
from cgc_train.check.context import Context
from cgc_train.check.machine import check_hub
from cgc_train.grpo import resume, run_grpo
from cgc_train.recipe import Recipe, save_recipe
from cgc_train.run import create_run, open_run
from cgc_train.to_hub import FOLDER, CheckpointsToHub, is_there, keep, prepare
from tests.cgc_train.conftest import made_recipe
from tests.hub_double import TOKEN, Fault, Hub, serve


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with serve() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        yield double


def recipe_of(run_values: dict[str, Any], repo: str = "org/steps", **sections: Any) -> Recipe:
    return made_recipe({**run_values, "hub": {"repo": repo}}, **{"data": {"held_out_every": 0}, **sections})


def test_every_checkpoint_is_on_the_hub_and_a_run_resumes_from_it(
    hub: Hub, run_values: dict[str, Any], tmp_path: Path
) -> None:
    recipe = recipe_of(run_values, grpo={"save_total_limit": 1})
    run = run_grpo(recipe, tmp_path / "run")
    files = hub.files("org/steps")
    whole = ("model.safetensors", "optimizer.pt", "trainer_state.json")
    assert {f"checkpoint-{step}/{name}" for step in (1, 2) for name in whole} <= set(files), "deleted here, kept there"
    assert not [name for name in files if "training_args" in name]
    assert str(tmp_path).encode() not in files["recipe.yaml"]
    assert hub.repos["org/steps"].private
    assert not any((run.folder / FOLDER).iterdir()), "what is uploaded is kept no longer"
    new = tmp_path / "new"
    snapshot_download("org/steps", allow_patterns=["recipe.yaml", "checkpoint-1/*"], local_dir=new, endpoint=hub.url)
    save_recipe(recipe.model_copy(update={"hub": type(recipe.hub)()}), new / "recipe.yaml")  # its folders are here
    again, final = (load_file(found.model_folder / "model.safetensors") for found in (resume(open_run(new)), run))
    assert all(again[name].equal(weight) for name, weight in final.items())


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST .*/commit/", "503"),
        Fault("POST .*/commit/", "drop"),
        Fault("POST .*/commit/", "lose"),  # it is there, and the answer is not
        Fault("HEAD .*trainer_state", "503"),
    ],
    ids=str,
)
def test_a_flaky_connection_costs_nothing(
    fault: Fault, hub: Hub, run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    callback = waiting(run_values, tmp_path)
    hub.faults.append(fault)
    callback._kept_are_uploaded()
    assert fault.times == 0
    assert hub.files("org/steps")["checkpoint-1/trainer_state.json"] == b"{}"
    assert not any((callback.run.folder / FOLDER).iterdir())


def test_what_fails_is_a_warning_and_tried_again(
    hub: Hub, run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    callback = waiting(run_values, tmp_path)
    monkeypatch.setenv("HF_TOKEN", "hf_revoked")
    callback._kept_are_uploaded()
    assert "warning: a checkpoint was not uploaded" in capsys.readouterr().err
    assert "checkpoint-1/trainer_state.json" not in hub.files("org/steps")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    callback._kept_are_uploaded()
    assert "checkpoint-1/trainer_state.json" in hub.files("org/steps")


def waiting(run_values: dict[str, Any], tmp_path: Path) -> CheckpointsToHub:
    """A run whose first checkpoint waits for its upload, and is deleted already."""
    recipe = recipe_of(run_values)
    prepare(recipe)
    run = create_run(tmp_path / "run", recipe)
    checkpoint = run.folder / "checkpoint-1"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text("{}")
    keep(run.folder, checkpoint)
    shutil.rmtree(checkpoint)
    return CheckpointsToHub(run)


@pytest.mark.parametrize(
    ("repo", "token", "said"),
    [
        ("org/steps", "hf_wrong", "the Hub rejected this token"),
        ("others/steps", TOKEN, "is not a member of its organization"),
        ("steps", TOKEN, "write ORG/NAME"),
        ("org/data", TOKEN, r"contains weights\.bin, but not the checkpoints of a run"),
    ],
)
def test_a_login_that_will_not_do_is_known_before_training(
    repo: str, token: str, said: str, hub: Hub, run_values: dict[str, Any], tmp_path: Path, monkeypatch: Any
) -> None:
    api = huggingface_hub.HfApi(endpoint=hub.url, token=TOKEN)
    api.create_repo("org/data")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="weights.bin", repo_id="org/data")
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(PushError, match=said):
        run_grpo(recipe_of(run_values, repo), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(PushError, match=said):
        check_hub(Context(recipe_of(run_values, repo)))


def test_check_writes_nothing(hub: Hub, run_values: dict[str, Any]) -> None:
    assert not is_there("org/steps")
    found = check_hub(Context(recipe_of(run_values)))
    assert (
        found.message == "checkpoints are uploaded to org/steps, which will be created as private when training starts"
    )
    assert "org/steps" not in hub.repos


@pytest.mark.parametrize(("role", "refused"), [("read", True), ("write", False), ("fineGrained", False)])
def test_a_token_that_may_only_read_is_refused(role: str, refused: bool, hub: Hub, monkeypatch: Any) -> None:
    account = {"name": "org", "orgs": [], "auth": {"accessToken": {"role": role}}}
    monkeypatch.setattr("huggingface_hub.HfApi.whoami", lambda *_: account)
    if refused:
        with pytest.raises(PushError, match="read-only"):
            is_there("org/steps")
    else:
        assert not is_there("org/steps")
