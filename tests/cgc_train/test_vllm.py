"""What vLLM is started with and sent: limits of images, and of adapters in bfloat16 base plus adapter, rounded once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("trl")

import torch
from safetensors.torch import load_file
from trl.generation import vllm_generation
from trl.generation.vllm_generation import VLLMGeneration

from cgc_train import grpo
from cgc_train.publish import merge
from cgc_train.recipe import Recipe
from cgc_train.recipe.arguments import grpo_config
from cgc_train.run import create_run, open_run
from cgc_train.trainer import GroundingTrainer
from tests.cgc_train.conftest import made_recipe

STEPS = 50
Weights = dict[str, torch.Tensor]


class Engine:
    """Replaces vLLM, which is not under test: keeps its settings and what it is sent."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.weights: Weights = {}
        self.times = self.images_forgotten = 0
        runner = SimpleNamespace(model_runner=SimpleNamespace(model=self))
        executor = SimpleNamespace(driver_worker=runner)
        self.llm_engine = SimpleNamespace(model_executor=executor, reset_encoder_cache=self.reset_encoder_cache)

    def load_weights(self, weights: list[tuple[str, torch.Tensor]]) -> None:
        self.weights |= {name: weight.clone() for name, weight in weights}

    def reset_prefix_cache(self) -> None:
        self.times += 1

    def reset_encoder_cache(self) -> None:
        self.images_forgotten += 1


@pytest.fixture
def trainer(run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GroundingTrainer:
    """A trainer of adapters over a bfloat16 base, with an engine in its process."""
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):  # TRL sets them for vLLM
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(vllm_generation, "is_vllm_available", lambda: True)
    monkeypatch.setattr(vllm_generation, "LLM", Engine, raising=False)
    monkeypatch.setattr(VLLMGeneration, "generate", answer)
    recipe = recipe_of(run_values)
    arguments = grpo_config(recipe, tmp_path / "run")
    material = grpo._material(recipe, arguments)
    return grpo.build_trainer(create_run(tmp_path / "run", recipe), arguments, material)


def recipe_of(values: dict[str, Any]) -> Recipe:
    """Adapters that learn fast, so that merging them changes every layer."""
    sent = {"use_vllm": True, "max_steps": STEPS, "save_steps": STEPS, "log_completions": False, "learning_rate": 1e-2}
    small = {"per_device_train_batch_size": 2, "logging_steps": STEPS, "vllm_importance_sampling_correction": False}
    model = {"dtype": "bfloat16", "lora": {"rank": 4, "alpha": 8}}
    return made_recipe(values, model=model, grpo={**sent, **small}, data={"held_out_rows": 2, "held_out_every": STEPS})


def answer(self: VLLMGeneration, prompts: list[list[int]], **_: Any) -> Any:
    """A well-formed completion and a malformed one, so that there is something to learn."""
    texts = ["<think>seen</think><answer>[]</answer><|im_end|>", "nothing<|im_end|>"]
    completions = [self.processing_class.tokenizer(texts[place % 2])["input_ids"] for place in range(len(prompts))]
    return None, completions, [[[0.0]] * len(completion) for completion in completions], None


def test_vllm_computes_in_the_recipes_type_and_reserves_room_for_its_images(trainer: GroundingTrainer) -> None:
    settings = trainer.vllm_generation.llm.settings
    assert settings["dtype"] == "bfloat16", "by itself it takes half precision for the float32 of the folder"
    assert settings["limit_mm_per_prompt"] == {"image": 4, "video": 0}, "the most images of a row"
    assert settings["mm_processor_kwargs"]["size"]["longest_edge"] == 4096, "the pixels that the recipe allows"
    assert vllm_generation.LLM is Engine, "TRL itself is left as it was"


def test_adapters_over_a_bfloat16_base(trainer: GroundingTrainer, tiny: Path, tmp_path: Path) -> None:
    trainer.train()
    trainer.save_model(str(tmp_path / "run" / "model"))
    base = {name: weight.bfloat16() for name, weight in load_file(tiny / "model.safetensors").items()}
    adapter = load_file(tmp_path / "run" / "model" / "adapter_model.safetensors")
    sent = trainer.vllm_generation.llm
    assert sent.times == STEPS + 1, "once a step, and for the last held-out answers"
    assert sent.images_forgotten == sent.times, "the vision tower may have learned too"

    now = dict(trainer.model.get_base_model().named_parameters())
    for name, weight in base.items():
        found = now.get(name, now.get(name.replace(".weight", ".base_layer.weight")))
        assert torch.equal(found.detach(), weight), f"{name} of the base has changed"

    adapted = 0
    for name, weight in base.items():
        first, second = (adapter.get(f"base_model.model.{name.removesuffix('weight')}lora_{k}.weight") for k in "AB")
        if first is None or second is None:
            assert torch.equal(sent.weights[name], weight)
            continue
        expected = weight.float() + (second.float() @ first.float()) * (8 / 4)
        assert first.dtype == second.dtype == torch.float32, "the adapters themselves are not rounded"
        assert torch.equal(sent.weights[name], expected.bfloat16()), f"{name} is not base plus adapter, rounded once"
        adapted += int((sent.weights[name] != weight).any())
    assert adapted == 14, "every projection of two layers has learned"

    merged = load_file(merge(open_run(tmp_path / "run"), tmp_path / "merged") / "model.safetensors")
    assert merged.keys() == base.keys()
    assert all(torch.equal(merged[name], sent.weights[name]) for name in merged), "merged, the policy that answered"
