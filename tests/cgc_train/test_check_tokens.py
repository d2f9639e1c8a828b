"""Token counts by arithmetic are those of the processor, and the estimate lies above."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_data.answer import ANSWER_FORM, THINK_INSTRUCTION, build_messages, with_thinking
from cgc_train.check.tokens import estimate, image_tokens, prompt_tokens

# Counted once with Qwen's own vocabulary.
GENUINE = {
    "Where is the dog?": 5,
    ANSWER_FORM: 88,
    THINK_INSTRUCTION: 30,
    '[{"img_idx": 2, "bbox_2d": [120, 88, 430, 512], "label": "dog"}]': 40,
    "Image 3 shows no bicycle.": 7,
    "[]": 1,
    "café 狗在哪里": 5,
}


@pytest.mark.parametrize(
    ("width", "height", "tokens"), [(640, 640, 400), (640, 480, 300), (32, 32, 1), (64, 64, 4), (256, 256, 64)]
)
def test_one_token_is_32_by_32_pixels(width: int, height: int, tokens: int) -> None:
    assert image_tokens(width, height, 32) == tokens


@pytest.mark.parametrize(("text", "tokens"), GENUINE.items(), ids=[text[:12] for text in GENUINE])
def test_the_estimate_lies_above_the_genuine_count_but_not_far(text: str, tokens: int) -> None:
    assert tokens <= estimate(text) <= 4 * tokens


@given(st.text(), st.text())
def test_the_estimate_of_more_text_is_no_less(first: str, second: str) -> None:
    assert max(estimate(first), estimate(second)) <= estimate(first + second) <= estimate(first) + estimate(second)


@pytest.mark.parametrize(
    "sizes",
    [[(64, 64)], [(64, 64), (96, 64)], [(256, 256), (32, 32), (128, 224), (64, 96)]],
    ids=["one image", "two", "four of different sizes"],
)
@pytest.mark.parametrize("think", [True, False])
def test_a_prompt_is_as_long_as_the_processor_makes_it(tiny: Path, sizes: list[tuple[int, int]], think: bool) -> None:
    pytest.importorskip("transformers")
    from PIL import Image

    from cgc_train.model import load_processor
    from cgc_train.recipe import ModelSettings

    processor = load_processor(ModelSettings(name=str(tiny)))
    messages = with_thinking(build_messages(f"Where is the dog? {ANSWER_FORM}", len(sizes)), require_think=think)
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    images = [Image.new("RGB", size) for size in sizes]
    expanded = processor(images=[images], text=[text], return_tensors="pt")["input_ids"]
    assert prompt_tokens(messages, sizes, 32, processor) == expanded.shape[1]
    assert prompt_tokens(messages, sizes, 32, None) > sum(image_tokens(*size, 32) for size in sizes)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    from cgc_train.tiny import write_tiny

    return write_tiny(tmp_path_factory.mktemp("tiny") / "model")
