"""The memory plan: counted like the real model, coefficients measured again, and every suggested fix works."""

import pytest

pytest.importorskip("trl")

import torch
from transformers.models.qwen3_vl.modeling_qwen3_vl import (
    Qwen3VLForConditionalGeneration,
    Qwen3VLTextDecoderLayer,
    Qwen3VLVisionBlock,
)

from cgc_train.check import activations
from cgc_train.check.batch import arguments
from cgc_train.check.memory import MemoryPlan, memory_plan
from cgc_train.check.planned import GB, Longest
from cgc_train.check.shape import ModelShape, measure
from cgc_train.model import qwen3_vl_8b_config
from cgc_train.recipe import LORA_TARGETS, Recipe, load_recipe
from tests.cgc_train.saved import saved
from tests.cgc_train.small_model import Sizes, small_config

LONGEST = Longest(3000, 9600)
WIDTHS = [(torch.bfloat16, 2), (torch.float32, 4)]


@pytest.fixture(scope="module")
def real() -> ModelShape:
    return measure(qwen3_vl_8b_config())


def test_the_real_model_is_counted_without_its_weights(real: ModelShape) -> None:
    assert real.total == pytest.approx(8.77e9, rel=1e-3)
    assert real.vision == pytest.approx(0.58e9, rel=0.01)
    assert real.embedding == real.head == 151936 * 4096
    assert (real.layers, real.hidden, real.key_value, real.token_pixels) == (36, 4096, 1024, 32)


def test_adapters_go_to_seven_modules_of_each_layer_and_none_of_the_vision_tower(real: ModelShape) -> None:
    assert len(real.language_linears) == 7 * 36
    per_layer = 2 * 4096 * 2 + (4096 + 1024) * 2 + 3 * (4096 + 12288)
    assert real.adapter(LORA_TARGETS, 64) == 36 * 64 * per_layer
    assert real.adapter(r".*visual.*", 1) > 0  # there are modules that the pattern has to leave out


def test_a_token_of_cache_holds_keys_and_values_of_every_layer(real: ModelShape) -> None:
    assert real.cache_bytes(2) == 2 * 36 * 8 * 128 * 2


@pytest.mark.parametrize("gpus", [4, 8])
def test_zero3_divides_sixteen_bytes_a_weight(real: ModelShape, gpus: int) -> None:
    plan = _plan(real, "qwen3-vl-8b-full", f"gpus={gpus}", "model.freeze_vision=false", "grpo.beta=0")
    states = sum(_part(plan, name) for name in ("weights", "gradients", "float32 copy of trained weights", "optimizer"))
    assert states == pytest.approx(16 * real.total / gpus, rel=1e-6)


@pytest.mark.parametrize(("dtype", "width"), WIDTHS, ids=["bfloat16", "float32"])
@pytest.mark.parametrize(
    "sizes",
    [
        {"hidden_size": 256, "num_attention_heads": 4, "num_key_value_heads": 1, "intermediate_size": 512},
        {"hidden_size": 512, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 1536},
        {"hidden_size": 256, "num_attention_heads": 8, "num_key_value_heads": 2, "intermediate_size": 768},
    ],
    ids=["narrow", "wide", "many heads"],
)
def test_a_decoder_layer_saves_what_the_formula_says(sizes: Sizes, dtype: torch.dtype, width: int) -> None:
    config = small_config(text={**sizes, "head_dim": 64})
    layer = Qwen3VLTextDecoderLayer(config.text_config, 0).to(dtype)
    tokens = 128
    turn = torch.randn(1, tokens, 64, dtype=dtype)
    hidden = torch.randn(1, tokens, sizes["hidden_size"], dtype=dtype, requires_grad=True)
    held = saved(layer, hidden, position_embeddings=(turn, turn.clone()), attention_mask=None)
    # without rotary angles, one head wide: negligible in a real layer
    assert held / tokens == pytest.approx(activations.decoder_layer(measure(config), width), rel=0.03)


@pytest.mark.parametrize(("dtype", "width"), WIDTHS, ids=["bfloat16", "float32"])
@pytest.mark.parametrize(("hidden_size", "intermediate_size"), [(256, 512), (512, 512), (256, 1536)])
def test_a_vision_block_saves_what_the_formula_says(
    hidden_size: int, intermediate_size: int, dtype: torch.dtype, width: int
) -> None:
    sizes = {"hidden_size": hidden_size, "intermediate_size": intermediate_size, "num_heads": 4}
    config = small_config(vision=sizes)
    block = Qwen3VLVisionBlock(config.vision_config).to(dtype)
    patches = 256
    turn = torch.randn(patches, hidden_size // 4)
    hidden = torch.randn(patches, hidden_size, dtype=dtype, requires_grad=True)
    ends = torch.tensor([0, patches], dtype=torch.int32)
    held = saved(block, hidden, cu_seqlens=ends, position_embeddings=(turn, turn.clone()))
    # rotary angles are one head wide, for any width of the block
    assert held / patches == pytest.approx(activations.vision_block(measure(config), width), rel=0.2)


def test_a_whole_pass_saves_no_more_than_is_planned_and_not_much_less() -> None:
    config = small_config()
    shape, model = measure(config), Qwen3VLForConditionalGeneration(config)
    tokens, images = 300, 4
    side = 8  # patches
    grid = torch.tensor([[1, side, side]] * images)
    patches = images * side**2
    ids = torch.randint(0, 90, (1, tokens))
    for image in range(images):  # a word between two images
        start = image * (side**2 // 4 + 1)
        ids[0, start : start + side**2 // 4] = config.image_token_id
    kinds = (ids == config.image_token_id).int()
    given = {"pixel_values": torch.randn(patches, shape.patch_values), "image_grid_thw": grid}
    held = saved(model.model, ids, mm_token_type_ids=kinds, **given)
    planned = activations.language_model(shape, tokens, 4, checkpointing=False, lora=False)
    planned += activations.vision_tower(shape, patches, 4, checkpointing=False, trains=True)
    assert 0.5 * planned < held < planned


def test_adam_keeps_what_the_plan_says() -> None:
    config = small_config()
    shape, model = measure(config), Qwen3VLForConditionalGeneration(config)
    optimizer = torch.optim.AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    held = sum(state[key].nbytes for state in optimizer.state.values() for key in ("exp_avg", "exp_avg_sq"))
    plan = _plan(shape, "tiny-cpu")
    assert _part(plan, "optimizer") == held
    assert _part(plan, "gradients") == sum(p.grad.nbytes for p in model.parameters() if p.grad is not None)
    assert _part(plan, "weights") == sum(p.nbytes for p in model.parameters())


@pytest.mark.parametrize(
    ("recipe", "settings", "there"),
    [
        ("qwen3-vl-8b-full", [], True),
        ("qwen3-vl-8b-full", ["grpo.beta=0"], False),
        ("qwen3-vl-8b-lora", [], False),
    ],
    ids=["all weights", "without KL", "adapters are switched off"],
)
def test_the_reference_model_is_counted_where_there_is_one(
    real: ModelShape, recipe: str, settings: list[str], there: bool
) -> None:
    assert (_part(_plan(real, recipe, *settings), "reference model") > 0) == there


@pytest.mark.parametrize(
    ("recipe", "part", "mend"),
    [
        ("qwen3-vl-8b-full", "activations of the language model", "grpo.per_device_train_batch_size=1"),
        ("qwen3-vl-8b-full", "activations of the language model", "grpo.max_completion_length=256"),
        ("qwen3-vl-8b-full", "activations of the vision tower", "grpo.per_device_train_batch_size=1"),
        ("qwen3-vl-8b-full", "vLLM", "grpo.vllm_gpu_memory_utilization=0.3"),
        ("qwen3-vl-8b-full", "vLLM", "grpo.vllm_mode=server"),
        ("qwen3-vl-8b-full", "optimizer", "grpo.optim=adamw_8bit"),
        ("qwen3-vl-8b-full", "optimizer", "model.lora={}"),
        ("qwen3-vl-8b-full", "gradients", "model.lora={}"),
        ("qwen3-vl-8b-full", "reference model", "grpo.beta=0"),
        ("qwen3-vl-8b-full", "pixels of the sampled batch", "grpo.steps_per_generation=4"),
        ("qwen3-vl-8b-lora", "weights", "model.quantize=nf4 grpo.use_vllm=false"),
        ("qwen3-vl-8b-lora", "weights", "accelerate=zero3"),
        ("qwen3-vl-8b-lora", "optimizer", "model.lora.rank=16"),
        ("qwen3-vl-8b-qlora-24gb", "key-value cache", "grpo.num_generations=4 grpo.steps_per_generation=4"),
        ("qwen3-vl-8b-qlora-24gb", "reading the prompts", "grpo.num_generations=4 grpo.steps_per_generation=4"),
    ],
)
def test_a_mend_lowers_the_part_it_is_for(real: ModelShape, recipe: str, part: str, mend: str) -> None:
    before, after = _plan(real, recipe), _plan(real, recipe, *mend.split())
    assert _part(after, part) < _part(before, part)
    assert after.peak <= before.peak


def test_checkpointing_saves_most_of_the_activations(real: ModelShape) -> None:
    part = "activations of the language model"
    with_it = _part(_plan(real, "qwen3-vl-8b-full"), part)
    assert _part(_plan(real, "qwen3-vl-8b-full", "grpo.gradient_checkpointing=false"), part) > 8 * with_it


def test_sleep_frees_vllms_share_while_learning(real: ModelShape) -> None:
    awake = _plan(real, "qwen3-vl-8b-full")
    asleep = _plan(real, "qwen3-vl-8b-full", "grpo.vllm_enable_sleep_mode=true")
    assert asleep.at("sampling") == awake.at("sampling")
    assert asleep.at("learning") == awake.at("learning") - int(0.4 * 80 * GB)


def test_deepspeed_updates_weights_through_gradients_in_float32(real: ModelShape) -> None:
    short = ("gpus=1", "grpo.per_device_train_batch_size=1", "grpo.max_completion_length=8")
    zero3, zero2, ddp = (
        _plan(real, "qwen3-vl-8b-full", f"accelerate={kind}", *short) for kind in ("zero3", "zero2", "ddp")
    )
    for plan, weights in ((zero3, 10**9 + real.embedding), (zero2, real.total - real.vision)):
        assert sum(part.bytes for part in plan.parts if part.when == "learning") == 6 * weights
    assert _part(ddp, "step of the optimizer") == 0


def test_zero2_holds_all_weights_and_fsdp2_trains_in_float32(real: ModelShape) -> None:
    zero2, fsdp2 = (_plan(real, "qwen3-vl-8b-full", f"accelerate={kind}") for kind in ("zero2", "fsdp2"))
    assert _part(zero2, "weights") == 2 * real.total
    trained = real.total - real.vision
    assert _part(fsdp2, "weights") == pytest.approx((2 * real.vision + 4 * trained) / 8, rel=1e-6)


def test_ddp_gives_no_gpu_less_to_hold(real: ModelShape) -> None:
    one, eight = (_plan(real, "qwen3-vl-8b-lora", f"gpus={gpus}") for gpus in (1, 8))
    assert _part(one, "weights") == _part(eight, "weights")
    assert 2 * _part(one, "gradients") == _part(eight, "gradients")  # buckets


def test_four_bits_are_about_a_quarter_of_sixteen_but_for_the_vocabulary(real: ModelShape) -> None:
    plan = _plan(real, "qwen3-vl-8b-qlora-24gb")
    whole = 2 * (real.embedding + real.head)
    quarter = (2 * real.total - whole) / 4
    assert whole + quarter < _part(plan, "weights") < 1.1 * (whole + quarter) + 2 * real.adapter(LORA_TARGETS, 32)


def test_vllm_holds_more_samples_with_a_larger_share_or_a_shorter_length(real: ModelShape) -> None:
    def room(*settings: str) -> float:
        return _plan(real, "qwen3-vl-8b-lora", *settings).sequences or 0.0

    assert room("grpo.vllm_gpu_memory_utilization=0.5") > room() > 8
    assert room("grpo.vllm_max_model_length=2048") == pytest.approx(2 * room())
    assert room("grpo.vllm_gpu_memory_utilization=0.23") < 1


def _plan(shape: ModelShape, name: str, *settings: str) -> MemoryPlan:
    recipe: Recipe = load_recipe(name, settings)
    return memory_plan(shape, recipe, arguments(recipe), LONGEST)


def _part(plan: MemoryPlan, name: str) -> int:
    return next((part.bytes for part in plan.parts if part.name == name), 0)
