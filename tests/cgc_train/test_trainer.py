"""Each trap of training on several images: what would go wrong, and that it does not."""

from pathlib import Path
from shutil import rmtree
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("trl")

import torch
from huggingface_hub.utils import send_telemetry
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig

from cgc_train.callbacks import FalseEmptyWarning, IdleGroupsWarning
from cgc_train.errors import DivergedError, ModelError, RecipeError, RunError
from cgc_train.grpo import build_trainer, resume, run_grpo
from cgc_train.model import load_processor
from cgc_train.recipe.arguments import grpo_config
from cgc_train.run import Run, create_run
from cgc_train.sft import run_sft
from cgc_train.trainer import GroundingTrainer, check_padding, check_saves, collapse_images, greedy, never_sampled
from tests.cgc_train.conftest import made_recipe

IMAGE = 9


def trainer_of(values: dict[str, Any], folder: Path, **sections: dict[str, Any]) -> GroundingTrainer:
    from cgc_train import grpo

    recipe = made_recipe(values, **sections)
    arguments = grpo_config(recipe, folder)
    return build_trainer(create_run(folder, recipe), arguments, grpo._material(recipe, arguments))


def test_a_processor_that_pads_on_the_right_is_refused(tiny: Path, run_values: dict[str, Any]) -> None:
    processor = load_processor(made_recipe(run_values).model)
    assert processor.tokenizer.padding_side == "left"
    processor.tokenizer.padding_side = "right"
    with pytest.raises(ModelError, match="pads on the right"):
        check_padding(processor)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([1, IMAGE, IMAGE, IMAGE, 2], [1, IMAGE, 2]),
        ([IMAGE, IMAGE, 3, IMAGE], [IMAGE, 3, IMAGE]),
        ([1, 1, 2, 2], [1, 1, 2, 2]),
        ([], []),
    ],
)
def test_runs_of_image_tokens_become_one(ids: list[int], expected: list[int]) -> None:
    assert collapse_images(ids, IMAGE) == expected


class Engine:
    """Replaces vLLM, which needs a GPU: records its inputs."""

    def __init__(self) -> None:
        self.temperature = 1.0
        self.asked: dict[str, Any] = {}

    def generate(self, **asked: Any) -> Any:
        self.asked = asked | {"temperature": self.temperature}
        return None, [[5]] * len(asked["prompts"]), [[[0.0]]] * len(asked["prompts"]), None


@pytest.mark.parametrize(("mode", "runs"), [("colocate", 1), ("server", 4)])
def test_vllm_gets_what_each_mode_expects(mode: str, runs: int, run_values: dict[str, Any], tmp_path: Path) -> None:
    trainer = trainer_of(run_values, tmp_path / "run")
    trainer.use_vllm, trainer.vllm_mode, trainer.vllm_generation = True, mode, Engine()
    trainer._last_loaded_step = trainer.state.global_step
    token = trainer._image_pad_token_id
    path = trainer.train_dataset[0]["images"][0]
    trainer._generate_single_turn([[1, *[token] * 4, 2]], [[path]], {}, 1)
    asked = trainer.vllm_generation.asked
    assert asked["prompts"] == [[1, *[token] * runs, 2]]
    assert isinstance(asked["images"][0][0], Image.Image), "paths are opened where vLLM wants pixels"
    trainer.model.eval()
    trainer._generate_single_turn([[1]], [[path]], {}, 1)
    assert trainer.vllm_generation.asked["temperature"] == 0, "held-out rows are answered by the likeliest tokens"
    assert trainer.vllm_generation.temperature == 1


def test_tokens_that_stand_for_pixels_are_never_sampled(run_values: dict[str, Any]) -> None:
    processor = load_processor(made_recipe(run_values).model)
    tokens = processor.tokenizer.convert_tokens_to_ids(["<|vision_start|>", "<|vision_end|>", "<|image_pad|>"])
    assert set(tokens) <= set(never_sampled(processor, use_vllm=False)["suppress_tokens"])
    assert {never_sampled(processor, use_vllm=True)["logit_bias"][token] for token in tokens} == {-100.0}


def test_the_trainer_hands_that_on(run_values: dict[str, Any], tmp_path: Path) -> None:
    trainer = trainer_of(run_values, tmp_path / "run")
    suppressed = trainer.generation_config.suppress_tokens
    assert trainer.processing_class.tokenizer.convert_tokens_to_ids("<|video_pad|>") in suppressed
    assert trainer._get_train_sampler().seed == trainer.args.seed


@pytest.mark.parametrize(
    ("save", "accumulate", "per_generation", "iterations", "exact"),
    [(5, 2, 2, 1, True), (5, 1, 4, 1, False), (4, 1, 4, 1, True), (3, 2, 2, 2, False), (4, 2, 2, 2, True)],
)
def test_checkpoints_between_steps_that_share_completions_are_refused(
    save: int, accumulate: int, per_generation: int, iterations: int, exact: bool
) -> None:
    arguments = SimpleNamespace(
        save_strategy="steps",
        save_steps=save,
        gradient_accumulation_steps=accumulate,
        steps_per_generation=per_generation,
        num_iterations=iterations,
    )
    if exact:
        check_saves(arguments)
        return
    with pytest.raises(RecipeError, match="save_steps"):
        check_saves(arguments)


def test_rows_carry_paths_and_not_pixels(run_values: dict[str, Any], tmp_path: Path) -> None:
    row = trainer_of(run_values, tmp_path / "run").train_dataset[0]
    assert all(isinstance(image, str) and Path(image).is_file() for image in row["images"])


def test_the_vision_tower_is_frozen_as_the_recipe_says(run_values: dict[str, Any], tmp_path: Path) -> None:
    frozen = trainer_of(run_values, tmp_path / "frozen")
    training = {name for name, weights in frozen.model.named_parameters() if weights.requires_grad}
    assert training
    assert not [name for name in training if "visual" in name]
    whole = trainer_of(run_values, tmp_path / "whole", model={"freeze_vision": False})
    assert all(weights.requires_grad for weights in whole.model.parameters())


def test_held_out_answers_are_not_compared_with_sampling(run_values: dict[str, Any], tmp_path: Path) -> None:
    trainer = trainer_of(run_values, tmp_path / "run")
    trainer.model.eval()
    trainer._metrics["eval"] |= {"sampling/sampling_logp_difference/mean": [0.15], "reward": [1.0]}
    trainer.log({"eval_loss": 0.0})
    logged = trainer.state.log_history[-1]
    assert logged["eval_reward"] == 1.0
    assert not [name for name in logged if "sampling" in name], "vLLM answers at temperature zero, where all are one"


def test_greedy_settings_keep_the_rest() -> None:
    sampled = GenerationConfig(do_sample=True, temperature=0.7, top_p=0.9, max_new_tokens=7, suppress_tokens=[3])
    likeliest = greedy(sampled)
    assert (likeliest.do_sample, likeliest.max_new_tokens, likeliest.suppress_tokens) == (False, 7, [3])
    assert sampled.do_sample


def test_a_loss_that_is_no_number_stops_the_run(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl import GRPOTrainer

    monkeypatch.setattr(GRPOTrainer, "training_step", lambda *_: torch.tensor(float("nan")))
    with pytest.raises(DivergedError, match="loss of step 1 is nan"):
        run_grpo(made_recipe(run_values), tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists(), "broken weights must not be saved"


def test_a_gradient_that_is_not_finite_stops_the_run(run_values: dict[str, Any], tmp_path: Path) -> None:
    trainer = trainer_of(run_values, tmp_path / "run")
    with pytest.raises(DivergedError, match="the gradient of step 0 is inf"):
        trainer.log({"loss": 0.1, "grad_norm": float("inf")})


@pytest.mark.parametrize("value", [5e19, float("nan"), float("-inf")])
def test_weights_that_cannot_learn_any_more_are_not_saved(
    value: float, run_values: dict[str, Any], tmp_path: Path
) -> None:
    trainer = trainer_of(run_values, tmp_path / "run")
    weight = next(p for name, p in trainer.model.named_parameters() if p.requires_grad and "norm" in name)
    with torch.no_grad():
        weight[0] = value
    with pytest.raises(DivergedError, match=r"norm.* is not finite or exceeds 1e\+08"):
        trainer._save_checkpoint(trainer.model, None)
    assert not list((tmp_path / "run").glob("checkpoint-*"))


def test_sampling_from_weights_that_overflow_is_one_line(run_values: dict[str, Any], tmp_path: Path) -> None:
    recipe = made_recipe(run_values, data={"held_out_every": 0})
    trainer = trainer_of(run_values, tmp_path / "run", data={"held_out_every": 0})
    assert recipe.data.held_out_every == 0
    with torch.no_grad():
        for weight in trainer.model.parameters():
            weight.mul_(1e20)
    with pytest.raises(DivergedError, match="output probabilities are not finite"):
        trainer.train()


def test_a_checkpoint_with_broken_weights_is_passed_over(
    run_values: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_grpo(made_recipe(run_values), tmp_path / "run")
    rmtree(run.model_folder)
    file = run.folder / "checkpoint-2" / "model.safetensors"
    weights = load_file(file)
    name = next(iter(weights))
    save_file(weights | {name: torch.full_like(weights[name], 5e19)}, file, metadata={"format": "pt"})
    assert resume(run).finished
    said = capsys.readouterr().err
    assert f"checkpoint-2 is skipped, because its weight {name}" in said
    assert "resuming from checkpoint-1" in said


def test_a_recipe_for_gpus_is_refused_where_there_are_none(run_values: dict[str, Any], tmp_path: Path) -> None:
    for train in (run_grpo, run_sft):
        with pytest.raises(RunError, match="needs GPUs with 80 GB, and this machine has no GPU"):
            train(made_recipe({**run_values, "gpu_memory_gb": 80}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_processes_that_read_different_releases_are_stopped(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgc_train.grpo.gather_object", lambda own: [*own, "the rows of another process"])
    with pytest.raises(RunError, match="read different rows"):
        run_grpo(made_recipe(run_values), tmp_path / "run")


def test_a_rising_share_of_empty_answers_is_warned_of(
    run_values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    warning = FalseEmptyWarning(made_recipe(run_values))
    state = SimpleNamespace(global_step=3, is_world_process_zero=True)
    for share in (0.05, 0.15, 0.3, 0.6):
        warning.on_log(None, state, None, {"contrast/false_empty": share})
    assert capsys.readouterr().err.count("learning to always answer []") == 1


def test_groups_that_teach_nothing_for_long_are_warned_of_once(
    run_values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def said(shares: list[float]) -> str:
        warning = IdleGroupsWarning(made_recipe(run_values))
        for step, share in enumerate(shares):
            state = SimpleNamespace(global_step=step, is_world_process_zero=True)
            warning.on_log(None, state, None, {"contrast/zero_variance": share})
        return capsys.readouterr().err

    assert said([0.9] * 9) == ""
    assert said([0.9, 0.5] * 10) == ""
    assert said([0.2] * 5 + [0.9] * 30).count("step 13: in 83% of the recent groups") == 1


@pytest.mark.parametrize("begin", ["grpo", "sft"])
def test_no_usage_is_counted_over_the_network(
    begin: str, run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the Hub's client was imported before the run began, and has read its variables."""
    asked: list[bool] = []
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.utils._telemetry._start_telemetry_thread", lambda: asked.append(True))
    send_telemetry("trl/before")
    assert asked == [True]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "taken").touch()  # no run begins here, and that is found out after the ping was turned off
    with pytest.raises(RunError, match="is not empty"):
        {"grpo": run_grpo, "sft": run_sft}[begin](made_recipe(run_values), tmp_path / "run")
    send_telemetry("trl/during")
    assert asked == [True]


def test_every_row_shows_an_image(run_values: dict[str, Any], tmp_path: Path) -> None:
    """A process that has images while another has none would wait for it forever under ZeRO-3."""
    for shown in (True, False):
        trainer = trainer_of(run_values, tmp_path / str(shown), data={"distractor_images": shown})
        assert all(trainer.train_dataset["images"])


def test_an_open_run_is_what_was_created(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    assert isinstance(run, Run)
    assert not run.finished
