"""No text breaks or slows the reader."""

import sys
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgc_data.answer import (
    read_answer,
    read_lenient,
)
from tests.cgc_data.responses import DOG, Reader, messy_text, wrapped
from tests.timing import fewest_seconds

SIZE = 100_000


@settings(max_examples=300)
@given(messy_text, st.booleans(), st.integers(0, 6))
def test_reader_never_raises_and_keeps_its_promises(text: str, require_think: bool, num_images: int) -> None:
    for content in (text, wrapped(text), wrapped(f"[{text}]")):
        reading = read_answer(content, num_images, require_think=require_think)
        assert reading.readable or (reading.violations and not reading.elements and not reading.objects)
        assert len(reading.objects) <= reading.elements
        if reading.valid:
            assert len(reading.objects) == reading.elements
        assert all(item.img_idx <= num_images for item in reading.objects)
        lenient = read_lenient(content, num_images, require_think=require_think)
        assert lenient.violations == reading.violations
        assert len(lenient.objects) <= lenient.elements
        assert set(reading.objects) <= set(lenient.objects)
        if reading.valid:
            assert lenient == reading


ADVERSARIAL = {
    "opening brackets": "[" * SIZE,
    "pairs of brackets": "[]" * (SIZE // 2),
    "closing brackets": "]" * SIZE,
    "objects that never close": '{"' * (SIZE // 2),
    "nested objects": '[{"a":' * (SIZE // 6),
    "quotes": '"' * SIZE,
    "escaped quotes": '"' + '\\"' * (SIZE // 2),
    "quotes and backslashes": '"\\' * (SIZE // 2),
    "think": "<think>" * (SIZE // 7),
    "end of think": "</think>" * (SIZE // 8),
    "think and end": "<think></think>" * (SIZE // 15),
    "answer": "<answer>" * (SIZE // 8),
    "answer and end": "<answer></answer>" * (SIZE // 17),
    "half tags": "<answer" * (SIZE // 7),
    "less than": "<" * SIZE,
    "spaces": " " * SIZE,
    "wide spaces": "\u00a0" * SIZE,
    "spaces in a fence": f"```{' ' * SIZE}.",
    "fences": "```" * (SIZE // 3),
    "digits": f"[{'9' * SIZE}]",
    "digits of a float": f"[1.{'9' * SIZE}]",
    "digits of an exponent": f"[1e{'9' * SIZE}]",
    "empty objects": f"[{'{},' * (SIZE // 3)}{{}}]",
    "one key again and again": '[{"a":1' + ',"a":1' * (SIZE // 6) + "}]",
    "surrogates": '["' + "\\ud800" * (SIZE // 6) + '"]',
    "true objects": f"[{','.join([DOG] * (SIZE // len(DOG)))}]",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", [read_answer, read_lenient])
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_time_is_linear_on_adversarial_text(name: str, read: Reader) -> None:
    # A reader of quadratic time takes minutes on any of these.
    for text in (
        ADVERSARIAL[name],
        wrapped(ADVERSARIAL[name]),
        wrapped("[]", ADVERSARIAL[name].replace("think", "tkink")),
    ):
        assert fewest_seconds(partial(read, text, 3)) < 0.5


@pytest.mark.timeout(20)
def test_repair_is_bounded() -> None:
    for text in ('{"' * 2047, '["' + 'a" ' * 1300, "[" * 4095, '[{"a":' * 682):
        assert fewest_seconds(partial(read_lenient, text, 3)) < 3


def test_reader_works_deep_in_the_stack() -> None:
    def descend(depth: int) -> bool:
        return descend(depth - 1) if depth else read_answer(wrapped("[" * 9 + "]" * 9), 3).readable

    frames = 0
    frame = sys._getframe()
    while frame is not None:
        frames, frame = frames + 1, frame.f_back  # type: ignore[assignment]
    assert descend(sys.getrecursionlimit() - frames - 60)
