"""`cgc-train ablate`: one recipe a switch, all else equal, a script that runs them, and the table of what came out."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cgc_train.ablate import all_switches, table, varied, write_ablation
from cgc_train.cli import cli
from cgc_train.errors import RecipeError, RunError
from cgc_train.recipe import load_recipe

NAMES = ["no-source", "no-kl", "loss:dr_grpo"]


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("inter-only", {"data.contrasts": ["inter"]}),
        ("intra-only", {"data.contrasts": ["intra"]}),
        ("decoupled-only", {"data.distractors": ["decoupled", "views"]}),
        ("no-distractors", {"data.distractor_images": False}),
        ("no-source", {"reward.source_aware": False}),
        ("no-setwise", {"reward.set_wise": False}),
        ("no-format", {"reward.format": 0}),
        ("no-think", {"prompt.think": False}),
        ("no-kl", {"grpo.beta": 0}),
        ("easy-first", {"data.curriculum": "easy_first"}),
        ("kl:0.1", {"grpo.beta": 0.1}),
        ("loss:grpo", {"grpo.loss_type": "grpo", "grpo.importance_sampling_level": "token"}),
        ("loss:cispo", {"grpo.loss_type": "cispo", "grpo.importance_sampling_level": "token"}),
        ("loss:gspo", {"grpo.loss_type": "grpo", "grpo.importance_sampling_level": "sequence"}),
    ],
)
@pytest.mark.parametrize("recipe", ["tiny-cpu", "qwen3-vl-8b-lora"])
def test_a_switch_changes_its_settings_and_nothing_else(recipe: str, name: str, changed: dict[str, Any]) -> None:
    baseline = load_recipe(recipe)
    before, after = _flat(baseline), _flat(varied(baseline, name))
    assert after.pop("name") == f"{before.pop('name')}-{name.replace(':', '-')}"
    assert {key: value for key, value in after.items() if before.get(key) != value} == changed
    assert before.keys() <= after.keys()


@pytest.mark.parametrize("name", [name for name in all_switches() if name != "loss:dapo"])
def test_trl_takes_every_switch(name: str) -> None:
    pytest.importorskip("trl")
    from cgc_train.check.batch import arguments

    assert arguments(varied(load_recipe("qwen3-vl-8b-full"), name)).num_generations == 8


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-sorce", "did you mean 'no-source'"),
        ("loss:grop", "did you mean 'loss:grpo'"),
        ("kl:much", "such as kl:0.04"),
        ("kl:-1", "such as kl:0.04"),
        ("kl:nan", "such as kl:0.04"),
        ("", "there are inter-only"),
        ("loss:dapo", "already has these settings"),
        ("kl:0.01", "already has these settings"),
    ],
)
def test_what_is_no_ablation_of_the_recipe_is_refused(name: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        varied(load_recipe("tiny-cpu"), name)


@pytest.mark.parametrize("beta", ["02026-99-9901", None, [], 10**400])
def test_a_weight_that_is_no_number_is_another_than_any_number(beta: Any) -> None:
    """Without TRL, a recipe's keys of `grpo` are taken as they are."""
    recipe = load_recipe("tiny-cpu")
    odd = recipe.model_copy(update={"grpo": recipe.grpo | {"beta": beta}})
    assert varied(odd, "no-kl").grpo["beta"] == 0


@pytest.mark.parametrize("beta", [0, 0.0, "0e-3"])
def test_a_weight_that_yaml_takes_for_text_is_that_weight(beta: Any) -> None:
    recipe = load_recipe("tiny-cpu")
    same = recipe.model_copy(update={"grpo": recipe.grpo | {"beta": beta}})
    with pytest.raises(RecipeError, match="already has these settings"):
        varied(same, "no-kl")


def test_every_recipe_is_written_and_loads(tmp_path: Path) -> None:
    paths = write_ablation(load_recipe("tiny-cpu"), NAMES, tmp_path / "new")
    assert [path.stem for path in paths] == ["baseline", "no-source", "no-kl", "loss-dr_grpo"]
    assert load_recipe(str(paths[0])) == load_recipe("tiny-cpu")
    assert load_recipe(str(paths[1])) == varied(load_recipe("tiny-cpu"), "no-source")


@pytest.mark.parametrize("taken", ["folder", "file"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    target = tmp_path / "out"
    if taken == "folder":
        target.mkdir()
        (target / "mine").touch()
    else:
        target.touch()
    with pytest.raises(RecipeError, match="not overwritten"):
        write_ablation(load_recipe("tiny-cpu"), NAMES, target)
    assert not (target / "recipes").exists()


def test_a_switch_named_twice_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'no-kl' is listed twice; list it once"):
        write_ablation(load_recipe("tiny-cpu"), ["no-kl", "no-source", "no-kl"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_script_checks_all_first_passes_over_what_is_done_and_goes_on_with_what_was_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    write_ablation(load_recipe("tiny-cpu"), NAMES, folder)
    (folder / "runs" / "no-source" / "model").mkdir(parents=True)
    (folder / "runs" / "no-source" / "model" / "model.safetensors").touch()
    (folder / "runs" / "no-kl").mkdir()
    calls, done = _run_script(folder, tmp_path)
    assert [call[0] for call in calls] == ["check"] * 4 + ["grpo", "resume", "grpo", "ablate"]
    assert [Path(call[1]).stem for call in calls[:4]] == ["baseline", "no-source", "no-kl", "loss-dr_grpo"]
    assert calls[4][1:] == [str(folder / "recipes/baseline.yaml"), "--to", str(folder / "runs/baseline")]
    assert calls[5][1:] == [str(folder / "runs/no-kl")]
    assert calls[6][1:] == [str(folder / "recipes/loss-dr_grpo.yaml"), "--to", str(folder / "runs/loss-dr_grpo")]
    assert "no-source: done" in done.stdout
    assert done.returncode == 0


def test_a_check_that_fails_ends_the_script_before_anything_runs(tmp_path: Path) -> None:
    write_ablation(load_recipe("tiny-cpu"), NAMES, tmp_path / "out")
    calls, done = _run_script(tmp_path / "out", tmp_path, fails="check")
    assert done.returncode != 0
    assert [call[0] for call in calls] == ["check"]


@pytest.mark.parametrize(
    ("recipe", "launch"),
    [
        ("tiny-cpu", '    cgc-train grpo "$here'),
        ("qwen3-vl-8b-full", '--accelerate zero3)" --num_processes 8 -m cgc_train grpo "$here'),
        ("qwen3-vl-8b-lora-1gpu", '--accelerate ddp)" --num_processes 1 -m cgc_train grpo "$here'),
    ],
)
def test_the_script_launches_as_the_recipe_is_launched(tmp_path: Path, recipe: str, launch: str) -> None:
    write_ablation(load_recipe(recipe), ["no-kl"], tmp_path / "out")
    assert launch in (tmp_path / "out" / "run.sh").read_text()


def test_the_table_has_a_line_a_run_the_baseline_first(tmp_path: Path) -> None:
    for name, value in (("no-kl", 0.5), ("baseline", 0.625), ("no-source", None)):
        estimate = {"value": value, "low": 0.25, "high": 0.75, "n": 8}
        nothing = {"value": None, "low": None, "high": None, "n": 0}
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        few = {"value": 1.0, "low": None, "high": None, "n": 1}
        found = {"acc@0.5": estimate, "leakage": nothing, "format": few}
        (run / "held_out.json").write_text(json.dumps({"step": 3, "metrics": {"all": found}}))
    assert table(tmp_path).splitlines() == [
        "| run | acc@0.5 | format |",
        "| --- | --- | --- |",
        "| baseline | 62.5 [25.0, 75.0], n=8 | 100.0, n=1 |",
        "| no-kl | 50.0 [25.0, 75.0], n=8 | 100.0, n=1 |",
        "| no-source |  | 100.0, n=1 |",
    ]


def test_a_folder_without_results_has_no_table(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has been evaluated"):
        table(tmp_path)


def test_the_command_writes_lists_and_wants_all_it_needs(tmp_path: Path) -> None:
    runner = CliRunner()
    given = ["ablate", "tiny-cpu", "grpo.beta=0.5", "--over", "no-source, no-kl", "--to", str(tmp_path / "out")]
    done = runner.invoke(cli, given, catch_exceptions=False)
    assert "3 recipes" in done.output
    assert load_recipe(str(tmp_path / "out/recipes/no-source.yaml")).grpo["beta"] == 0.5
    listed = runner.invoke(cli, ["ablate", "--list"], catch_exceptions=False).output
    assert [line.split()[0] for line in listed.splitlines()] == list(all_switches())
    assert runner.invoke(cli, ["ablate", "tiny-cpu", "--over", "no-kl"]).exit_code != 0


def _flat(recipe: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in recipe.model_dump().items():
        flat |= {f"{key}.{inner}": v for inner, v in value.items()} if isinstance(value, dict) else {key: value}
    return flat


def _run_script(folder: Path, place: Path, fails: str = "") -> tuple[list[list[str]], Any]:
    """Run run.sh with a `cgc-train` that only notes how it is called, and fails at one command."""
    log, command = place / "calls", place / "bin" / "cgc-train"
    command.parent.mkdir()
    command.write_text(f'#!/usr/bin/env bash\nprintf "%s\\t" "$@" >> {log}\necho >> {log}\n[ "$1" != "{fails}" ]\n')
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [folder / "run.sh"], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    return [line.rstrip("\t").split("\t") for line in log.read_text().splitlines()], done
