"""Every family of models: where adapters go, what is never sampled, what layers hold, and traps of experts."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
from transformers.models.qwen3_5 import modeling_qwen3_5 as dense
from transformers.models.qwen3_5_moe import modeling_qwen3_5_moe as sparse
from transformers.models.qwen3_vl_moe import modeling_qwen3_vl_moe as routed

from cgc_train.check import activations, run_checks
from cgc_train.check.shape import measure
from cgc_train.cli import cli
from cgc_train.errors import ModelError
from cgc_train.families import FAMILIES, LORA_TARGETS, VISUAL_TOKENS, targets
from cgc_train.generate import visual_token_ids
from cgc_train.grpo import resume, run_grpo
from cgc_train.model import load_config, load_processor
from cgc_train.recipe import ModelSettings
from cgc_train.reward import PromptSettings
from cgc_train.run import open_run
from cgc_train.sft import run_sft
from cgc_train.tiny import write_tiny
from tests.cgc_train.conftest import made_recipe
from tests.cgc_train.replayed import replay
from tests.cgc_train.saved import saved
from tests.test_docs import table

ROOT = Path(__file__).parents[2]
TURN = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [8, 4, 4], "mrope_interleaved": True}
TEXT = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT |= {"num_key_value_heads": 2, "head_dim": 32, "vocab_size": 100}
LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 32}
LINEAR |= {"linear_value_head_dim": 64}
EXPERTS = {"num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 64}
SHARED = {"shared_expert_intermediate_size": 96}
KINDS = ["linear_attention", "full_attention"]
LAYERS = [
    ("qwen3_5", dense.Qwen3_5DecoderLayer, 0, LINEAR),
    ("qwen3_5", dense.Qwen3_5DecoderLayer, 1, LINEAR),
    ("qwen3_5", dense.Qwen3_5DecoderLayer, 0, {**LINEAR, "linear_num_value_heads": 8, "linear_key_head_dim": 64}),
    ("qwen3_5_moe", sparse.Qwen3_5MoeDecoderLayer, 0, {**LINEAR, **EXPERTS, **SHARED}),
    ("qwen3_5_moe", sparse.Qwen3_5MoeDecoderLayer, 1, {**LINEAR, **EXPERTS, **SHARED}),
    ("qwen3_vl_moe", routed.Qwen3VLMoeTextDecoderLayer, 0, EXPERTS),
    ("qwen3_vl_moe", routed.Qwen3VLMoeTextDecoderLayer, 0, {**EXPERTS, "moe_intermediate_size": 256}),
]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folder of a tiny random model of each family."""
    folder = tmp_path_factory.mktemp("families")
    return {name: write_tiny(folder / name, family=name) for name in FAMILIES}


@pytest.fixture(params=list(FAMILIES))
def model(request: pytest.FixtureRequest, models: dict[str, Path]) -> Path:
    """Folder of the tiny random model of one family."""
    return models[request.param]


def recipe_of(
    values: dict[str, Any], folder: Path, lora: dict[str, str] | None = None, **sections: dict[str, Any]
) -> Any:
    prompt = {"prefix": "<think>" if FAMILIES[folder.name].thinking else ""}
    return made_recipe(values, model={"name": str(folder), "lora": lora}, prompt=prompt, **sections)


def test_one_pattern_finds_the_projections_of_every_family_and_nothing_else(model: Path) -> None:
    family, shape = FAMILIES[model.name], measure(load_config(ModelSettings(name=str(model))))
    ends = {name.rpartition(".")[2] for name in shape.language_linears}
    assert ends - set(family.projections) <= {"in_proj_a", "in_proj_b", "shared_expert_gate"}
    assert shape.adapter(LORA_TARGETS, 1) == shape.adapter(targets(family.projections), 1) > 0
    intended = [sum(size) for name, size in shape.language_linears.items() if name.endswith(family.projections)]
    assert shape.adapter(LORA_TARGETS, 1) == sum(intended)


def test_tokens_of_images_are_those_of_the_configuration(model: Path) -> None:
    config = AutoConfig.from_pretrained(model)
    named = {config.vision_start_token_id, config.vision_end_token_id, config.image_token_id, config.video_token_id}
    assert set(visual_token_ids(load_processor(ModelSettings(name=str(model))))) == named
    assert len(named) == len(VISUAL_TOKENS)


def test_stock_transformers_loads_a_tiny_model_and_its_words(model: Path, tiny: Path) -> None:
    _, report = AutoModelForImageTextToText.from_pretrained(model, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    text = '<think>One dog: 12.</think>\n<answer>[{"img_idx": 1, "bbox_2d": [305, 67, 849, 912]}]</answer>'
    tokenizer, usual = (AutoProcessor.from_pretrained(folder).tokenizer for folder in (model, tiny))
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer(text)["input_ids"] == usual(text)["input_ids"]


def test_a_model_passes_the_checks_of_adapters_and_template(model: Path, run_values: dict[str, Any]) -> None:
    found = {f.check: f for f in run_checks(recipe_of(run_values, model, lora={}))}
    wanted = ("model", "weights", "adapters", "processor", "template", "memory")
    assert {name: found[name].status for name in wanted} == dict.fromkeys(wanted, "ok")
    assert ("experts are not trained" in found["adapters"].line) == FAMILIES[model.name].experts


def test_a_pattern_of_another_family_is_told_with_the_right_one(models: dict[str, Path], run_values: Any) -> None:
    narrow = {"targets": targets(FAMILIES["qwen3_vl"].projections)}
    found = {f.check: f for f in run_checks(recipe_of(run_values, models["qwen3_5"], lora=narrow))}["adapters"]
    assert found.status == "warning"
    assert f"set model.lora.targets='{targets(FAMILIES['qwen3_5'].projections)}'" in found.line


@pytest.mark.parametrize(("dtype", "width"), [(torch.bfloat16, 2), (torch.float32, 4)])
@pytest.mark.parametrize(("name", "kind", "place", "own"), LAYERS)
def test_a_layer_saves_what_the_formula_says(
    name: str, kind: Any, place: int, own: dict[str, int], dtype: torch.dtype, width: int
) -> None:
    mixed = {"layer_types": KINDS} if "linear_num_key_heads" in own else {}
    config = AutoConfig.for_model(name, text_config={**TEXT, **own, **mixed, "rope_parameters": dict(TURN)})
    config._attn_implementation = "sdpa"
    layer = kind(config.text_config, place)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    tokens = 128
    wide = int(32 * config.text_config.rope_parameters.get("partial_rotary_factor", 1))
    turn = torch.randn(1, tokens, wide, dtype=dtype)
    hidden = torch.randn(1, tokens, TEXT["hidden_size"], dtype=dtype, requires_grad=True)
    held = saved(layer.to(dtype), hidden, position_embeddings=(turn, turn.clone()), attention_mask=None) / tokens
    shape = measure(config)
    linear = bool(mixed) and KINDS[place] == KINDS[0]
    planned = activations.linear_layer(shape, width) if linear else activations.attending_layer(shape, width)
    assert held == pytest.approx(planned, rel=0.03)


def test_what_generation_keeps_is_what_the_plan_says(model: Path) -> None:
    shape = measure(load_config(ModelSettings(name=str(model))))
    whole = AutoModelForImageTextToText.from_pretrained(model)
    ids = torch.randint(0, 90, (3, 40))
    with torch.no_grad():
        cache = whole(input_ids=ids, use_cache=True).past_key_values
    held = [t for layer in cache.layers for t in _tensors(vars(layer))]
    planned = 3 * (40 * shape.cache_bytes(4) + shape.state_bytes(4))
    assert sum(tensor.nbytes for tensor in held) == planned


def test_a_model_with_experts_is_sampled_from_while_and_after_it_warms_up(
    models: dict[str, Path], run_values: dict[str, Any], tmp_path: Path
) -> None:
    """TRL lets it give its routers' logits always, which no cached generation can; also in what it saves."""
    recipe = recipe_of(run_values, models["qwen3_vl_moe"], sft={"max_steps": 1})
    run = run_sft(recipe, tmp_path / "warm")
    assert not json.loads((run.model_folder / "config.json").read_text())["text_config"]["output_router_logits"]
    assert run.held_out_steps() == [0, 1]


def test_experts_are_resumed_from_a_checkpoint(
    models: dict[str, Path], run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Released weights have each expert by itself, and Trainer converts none when it loads a checkpoint."""
    monkeypatch.setattr("cgc_train.trainer.GroundingTrainer._generate_single_turn", replay)
    whole = run_grpo(recipe_of(run_values, models["qwen3_5_moe"], data={"held_out_every": 0}), tmp_path / "whole")
    copy = Path(shutil.copytree(whole.folder, tmp_path / "copy"))
    shutil.rmtree(copy / "model")
    shutil.rmtree(copy / "checkpoint-2")
    resumed = resume(open_run(copy))
    one, other, before = (
        load_file(folder / "model.safetensors")
        for folder in (whole.model_folder, resumed.model_folder, models["qwen3_5_moe"])
    )
    assert one.keys() == before.keys(), "each expert by itself"
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], before[name]) for name in one if ".experts." in name)


def test_a_switch_that_turns_thinking_on_is_named(models: dict[str, Path], tmp_path: Path) -> None:
    from cgc_train.model import check_template, opening

    processor = load_processor(ModelSettings(name=str(models["qwen3_5"])))
    assert opening(processor) == "<think>\n"
    assert opening(processor, enable_thinking=False) == "<think>\n\n</think>\n\n"
    wanted = r"set prompt.think=false, or set grpo.chat_template_kwargs='{enable_thinking: true}' and prompt.prefix"
    with pytest.raises(ModelError) as caught:
        check_template("closed", processor, PromptSettings(), {"enable_thinking": False})
    assert wanted in str(caught.value)
    check_template("closed", processor, PromptSettings(think=False), {"enable_thinking": False})


def test_other_families_are_refused(models: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"unknown model family 'qwen9'; choose from qwen3_vl, .*qwen3_5_moe"):
        write_tiny(tmp_path / "none", family="qwen9")
    with pytest.raises(ModelError, match=r"Qwen3\.5 does not support real tokens"):
        write_tiny(tmp_path / "none", family="qwen3_5", real_tokens=True)
    copy = Path(shutil.copytree(models["qwen3_vl"], tmp_path / "other"))
    (copy / "config.json").write_text(json.dumps({"model_type": "qwen2_vl"}))
    with pytest.raises(ModelError, match=r"is a qwen2_vl model; this package trains qwen3_vl, .* and qwen3_5_moe"):
        load_config(ModelSettings(name=str(copy)))


def test_the_command_writes_the_family_that_is_asked_for(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["tiny", "--family", "qwen3_5_moe", str(tmp_path / "tiny")])
    assert done.exit_code == 0, done.output
    assert AutoConfig.from_pretrained(tmp_path / "tiny").model_type == "qwen3_5_moe"


def test_the_page_lists_every_family_with_what_ran() -> None:
    rows = table(ROOT / "docs" / "recipes.md", "family")
    told = {row[1].strip("`"): row for row in rows if len(row) > 3}
    assert list(told) == list(FAMILIES)
    for name, row in told.items():
        assert row[0].strip("`") == FAMILIES[name].title
        assert set(row[2:]) == {"ran"}


def _tensors(held: dict[str, Any]) -> list[torch.Tensor]:
    """Tensors of one layer of a cache, also those by number."""
    flat = [entry for value in held.values() for entry in (value.values() if isinstance(value, dict) else [value])]
    return [entry for entry in flat if isinstance(entry, torch.Tensor)]
