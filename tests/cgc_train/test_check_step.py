"""The trial step of `check`: what stands in for the recipe, how it is launched, and what is reported."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from click.testing import CliRunner

from cgc_train.check import run_checks
from cgc_train.check.batch import arguments
from cgc_train.check.context import Context, Unchecked
from cgc_train.check.stand_in import launch_words, stand_in
from cgc_train.check.step import check_step, first_error, take_step
from cgc_train.cli import cli
from cgc_train.recipe import LORA_TARGETS, load_recipe, recipe_names
from tests.cgc_train.conftest import made_recipe

DEEPSPEED = pytest.mark.skipif(find_spec("deepspeed") is None, reason="DeepSpeed is not installed; `make engines` is")
SECONDS = 240.0


def shared(values: dict[str, Any], file: str = "ddp", **sections: Any) -> Any:
    """A recipe for two GPUs under a launch file."""
    return made_recipe({**values, "accelerate": file, "gpus": 2, "gpu_memory_gb": 80}, **sections)


@pytest.mark.parametrize("name", recipe_names())
def test_the_stand_in_is_the_recipe_but_for_its_size(name: str, tiny: Path) -> None:
    recipe = load_recipe(name)
    small = stand_in(recipe, tiny)
    grpo = {key: value for key, value in small.grpo.items() if key != "ddp_backend"}  # it asks for processes
    config = arguments(small.model_copy(update={"gpus": 2, "grpo": grpo}))
    assert (config.max_steps, config.use_vllm, config.num_generations) == (1, False, 2)
    assert small.model.quantize is None
    assert small.reward == recipe.reward
    kept = ("beta", "loss_type", "gradient_checkpointing", "ddp_find_unused_parameters", "learning_rate")
    assert {key: small.grpo.get(key) for key in kept} == {key: recipe.grpo.get(key) for key in kept}
    assert (small.model.lora is None) == (recipe.model.lora is None)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [(r".*language_model.*\.q_proj", r".*language_model.*\.q_proj"), (r".*layers\.35\..*q_proj", LORA_TARGETS)],
)
def test_adapters_go_where_the_tiny_model_has_layers(targets: str, expected: str, tiny: Path) -> None:
    recipe = load_recipe("qwen3-vl-8b-lora", [f"model.lora.targets={targets}"])
    lora = stand_in(recipe, tiny).model.lora
    assert lora
    assert lora.targets == expected


@pytest.mark.parametrize(("file", "expected"), [("ddp", "torch.distributed.run"), ("zero3", "zero3.yaml")])
def test_the_launch_is_that_of_the_file(file: str, expected: str) -> None:
    words = launch_words(file, 2)
    assert any(expected in word for word in words)
    assert "2" in words or "--nproc-per-node=2" in words


@pytest.mark.parametrize(
    ("output", "error"),
    [
        (
            "warning\n[rank1]: Traceback\n[rank1]: ValueError: no such thing\nE ChildFailedError:\n",
            "ValueError: no such thing",
        ),
        ("torch.OutOfMemoryError: too much\nmore", "torch.OutOfMemoryError: too much"),
        ("deepspeed.runtime.config.DeepSpeedConfigError: bad\n", "deepspeed.runtime.config.DeepSpeedConfigError: bad"),
        ("one\nkilled\n", "killed"),
        ("", ""),
    ],
)
def test_the_first_error_is_told(output: str, error: str) -> None:
    assert first_error(output) == error


def test_no_step_is_taken_where_there_is_no_gpu_to_save_or_none_is_asked_for(run_values: dict[str, Any]) -> None:
    assert check_step(Context(made_recipe(run_values), step_seconds=SECONDS)).status == "ok"
    with pytest.raises(Unchecked, match="skipped"):
        check_step(Context(shared(run_values)))


def test_a_step_that_takes_too_long_is_ended_and_not_passed(run_values: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Unchecked, match=r"did not finish in 0.5 s; to allow more time, set --step-seconds"):
        take_step(shared(run_values), 2, tmp_path, 0.5, "qwen3_vl")


def test_without_deepspeed_its_step_is_not_passed(run_values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    monkeypatch.setattr("cgc_train.check.step.find_spec", lambda name: None)
    with pytest.raises(Unchecked, match="deepspeed is not installed"):
        check_step(Context(shared(run_values, "zero3"), step_seconds=SECONDS))


@pytest.mark.slow
@pytest.mark.parametrize(
    "file", ["ddp", "fsdp2", pytest.param("zero2", marks=DEEPSPEED), pytest.param("zero3", marks=DEEPSPEED)]
)
def test_a_sound_recipe_takes_its_step(file: str, run_values: dict[str, Any]) -> None:
    found = next(one for one in run_checks(shared(run_values, file), step_seconds=SECONDS) if one.check == "step")
    assert (found.status, found.message) == (
        "ok",
        f"a trial step of a tiny model with {file}, 2 processes: held-out answers, a step, a checkpoint, and a model "
        "were written",
    )


@pytest.mark.slow
def test_a_recipe_that_every_other_check_passes_and_the_step_does_not(
    run_values: dict[str, Any], tmp_path: Path
) -> None:
    """A schedule without what it needs is found out when the optimizer is made."""
    grpo = {**run_values["grpo"], "lr_scheduler_type": "cosine_with_min_lr", "max_completion_length": 400}
    recipe = shared(run_values, grpo=grpo)
    findings = {found.check: found for found in run_checks(recipe, step_seconds=SECONDS)}
    assert findings.pop("step").line == (
        "a trial step of a tiny model with ddp, 2 processes: ValueError: One of min_lr or min_lr_rate should be set "
        "through the `lr_scheduler_kwargs`; correct the recipe, or set accelerate to another launch file"
    )
    assert not [found for found in findings.values() if found.status == "failed"]


def test_the_command_leaves_the_step_out_on_request(run_values: dict[str, Any], tmp_path: Path) -> None:
    import yaml

    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({**run_values, "accelerate": "ddp", "gpus": 2}))
    result = CliRunner().invoke(cli, ["check", str(path), "--step-seconds", "0", "--to", str(tmp_path)])
    assert "a trial step of a tiny model with ddp: skipped" in result.output
