"""Recipes are read strictly: every misspelled key is reported with the nearest one, and no setting has two places."""

from pathlib import Path

import pytest
import yaml

from cgc_train.errors import RecipeError
from cgc_train.recipe import Recipe, load_recipe, save_recipe
from cgc_train.recipe.arguments import grpo_config, sft_config

SMALL = {
    "name": "small",
    "accelerate": "cpu",
    "model": {"name": "model-folder", "dtype": "float32"},
    "data": {"release": "release-folder"},
    "grpo": {"learning_rate": 1e-4, "num_generations": 4, "per_device_train_batch_size": 4},
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path


def test_settings_win_over_the_file(small: Path) -> None:
    recipe = load_recipe(str(small), ["data.max_pixels=65536", "grpo.beta=0.01", "model.lora={rank: 8}"])
    assert (recipe.data.max_pixels, recipe.grpo["beta"]) == (65536, 0.01)
    assert recipe.model.lora is not None
    assert recipe.model.lora.rank == 8
    assert recipe.grpo["num_generations"] == 4, "what the settings do not name stays as in the file"


def test_a_saved_recipe_loads_as_the_same(small: Path, tmp_path: Path) -> None:
    recipe = load_recipe(str(small), ["reward.power=2"])
    save_recipe(recipe, tmp_path / "saved.yaml")
    assert load_recipe(str(tmp_path / "saved.yaml")) == recipe


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("data.max_pixel=3", "did you mean 'data.max_pixels'"),
        ("reward.mioU=2", "did you mean 'reward.miou'"),
        ("model.lora.ranc=3", "did you mean 'model.lora.rank'"),
        ("grpo.num_generation=4", "did you mean 'grpo.num_generations'"),
        ("sft.learning_rat=1", "did you mean 'sft.learning_rate'"),
        ("grpo.output_dir=x", "determined by --to"),
        ("grpo.eval_on_start=true", "determined by data.held_out_every"),
        ("grpo.reward_weights=[1, 2]", "determined by reward.miou and reward.format"),
        ("sft.max_length=10", "determined by data.max_pixels"),
        ("accelerate=zero4", "accelerate: "),
        ("data.held_out_split=train", "used both for training and for held-out rows"),
        ("model.quantize=nf4", "set lora"),
        ("model.lora={targets: lm_head}", "lm_head"),
        ("data.tasks=[locate_all]", "data.tasks: no task 'locate_all'; write inter/locate_all or intra/locate_all"),
        (
            "reward.task_weights={absent: 2}",
            "no task 'absent'; write inter/absent or intra/absent",
        ),
        ("data.contrasts=[outer]", "data.contrasts: 'outer' is not a contrast; choose from inter, intra"),
        ("data.limit", "key=value"),
        ("data.limit=[", "not valid YAML"),
    ],
)
def test_a_wrong_setting_is_told(small: Path, setting: str, says: str) -> None:
    with pytest.raises(RecipeError) as error:
        load_recipe(str(small), [setting])
    assert says in str(error.value)


def test_four_bit_weights_are_not_sent_to_vllm(small: Path) -> None:
    with pytest.raises(RecipeError, match=r"four-bit weights for vLLM; set grpo\.use_vllm=false"):
        load_recipe(str(small), ["model.lora={rank: 8}", "model.quantize=nf4", "grpo.use_vllm=true"])


@pytest.mark.parametrize(
    ("content", "says"),
    [("model: [", "not a readable YAML"), ("- a", "expected `key: value`"), ("name: x", "Field required")],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(content)
    with pytest.raises(RecipeError) as error:
        load_recipe(str(path))
    assert says in str(error.value)
    assert "wrong.yaml" in str(error.value)


def test_an_unknown_recipe_is_told_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean 'qwen3-vl-8b-lora'"):
        load_recipe("qwen3-vl-8b-loras")


def test_trl_gets_what_the_recipe_decides(small: Path, tmp_path: Path) -> None:
    recipe = load_recipe(str(small), ["reward.format=0.5", "data.held_out_every=7"])
    arguments = grpo_config(recipe, tmp_path)
    assert arguments.reward_weights == [1.0, 0.5]
    assert (arguments.eval_steps, arguments.shuffle_dataset) == (7, False)
    assert sft_config(recipe, tmp_path).max_length is None, "a length would cut image tokens"


def test_both_trainers_load_the_model_that_the_recipe_states(small: Path, tmp_path: Path) -> None:
    recipe = load_recipe(str(small), ["model.revision=abc", "model.attention=eager", "model.dtype=bfloat16"])
    stated = {"dtype": "bfloat16", "attn_implementation": "eager", "revision": "abc"}
    built = grpo_config(recipe, tmp_path, bf16=False), sft_config(recipe, tmp_path, bf16=False)
    assert [arguments.model_init_kwargs for arguments in built] == [stated, stated]


def test_what_trl_refuses_is_one_line(small: Path, tmp_path: Path) -> None:
    recipe: Recipe = load_recipe(str(small), ["grpo.num_generations=3"])
    with pytest.raises(RecipeError, match=r"^grpo: "):
        grpo_config(recipe, tmp_path)


def test_numbers_that_yaml_reads_as_text_are_numbers(small: Path, tmp_path: Path) -> None:
    assert grpo_config(load_recipe(str(small), ["grpo.learning_rate=1e-6"]), tmp_path).learning_rate == 1e-6
