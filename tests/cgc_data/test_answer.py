"""What is asked for and what is written have one form."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from cgc_data.answer import (
    ANSWER_FORM,
    Object,
    build_messages,
    format_answer,
    format_response,
    read_answer,
    read_lenient,
    read_list,
    with_thinking,
)
from tests.cgc_data.responses import DOG, DOG_OBJECT, objects


@pytest.mark.parametrize("mode", ["release", "thinking", "native"])
def test_prompt_is_as_recorded(mode: str, snapshot: SnapshotAssertion) -> None:
    messages = build_messages(f"Where is the dog? {ANSWER_FORM}", 3)
    if mode != "release":
        messages = with_thinking(messages, require_think=mode == "thinking")
    assert json.dumps(messages, indent=1) == snapshot


def test_images_stand_between_their_numbers() -> None:
    ((message),) = build_messages("Where?", 2)
    shown = "".join("<image>" if part["type"] == "image" else part["text"] for part in message["content"])
    assert shown == "Image 1: <image>\nImage 2: <image>\nWhere?"
    assert all(part.keys() == {"type", "text"} for part in message["content"])


@pytest.mark.parametrize("stated", ["from 1", "0 to 1000", "img_idx", "bbox_2d", "label", "[]"])
def test_answer_form_states_the_contract(stated: str) -> None:
    assert stated in ANSWER_FORM


def test_thinking_is_added_to_a_copy() -> None:
    messages = [{"role": "system", "content": "Be brief."}, *build_messages("Where?", 1)]
    before = json.dumps(messages)
    asked = with_thinking(messages)
    assert json.dumps(messages) == before
    assert asked[0] == messages[0]
    assert asked[1]["content"][:-1] == messages[1]["content"]
    assert "<think>" in asked[1]["content"][-1]["text"]
    plain = with_thinking([{"role": "user", "content": "Where?"}], require_think=False)
    assert plain[0]["content"][0] == {"type": "text", "text": "Where?"}
    assert "<think>" not in plain[0]["content"][-1]["text"]


def test_answer_is_written_in_one_way(snapshot: SnapshotAssertion) -> None:
    found = [
        Object(2, (5, 5, 9, 9), "café table"),
        Object(1, (700, 20, 900, 80), "dog"),
        Object(1, (10, 20, 90, 80), "dog"),
        Object(1, (500, 10, 600, 80), 'the "big" dog'),
    ]
    assert format_answer(found) == format_answer(found[::-1]) == snapshot
    assert format_answer([]) == "[]"
    assert format_answer([DOG_OBJECT]) == f"[{DOG}]"


@given(st.lists(objects, max_size=8, unique=True))
@example([Object(1, (0, 0, 1, 1), "```"), Object(1, (0, 0, 1, 1), '"[{')])
def test_what_is_written_is_read(found: list[Object]) -> None:
    reading = read_answer(format_response(found, "because"), 6)
    assert reading.valid
    assert sorted(map(repr, reading.objects)) == sorted(map(repr, found))
    assert format_answer(reading.objects) == format_answer(found)
    assert read_list(format_answer(found), 6).objects == reading.objects
    assert read_lenient(format_response(found, "because"), 6) == reading
    assert reading.empty == (not found)


def test_object_takes_lists_and_other_integers() -> None:
    import numpy as np

    item = Object(np.int64(2), list(np.array([120, 88, 430, 512])), "dog")  # type: ignore[arg-type]
    assert item == DOG_OBJECT
    assert format_answer([item]) == f"[{DOG}]"


@pytest.mark.parametrize(
    ("img_idx", "box"),
    [(0, (0, 0, 1, 1)), (1, (0, 0, 1001, 1)), (1, (-1, 0, 1, 1)), (1, (5, 0, 5, 1)), (1, (0, 5, 1, 4)), (1, (0, 0, 1))],
)
def test_object_is_always_well_formed(img_idx: int, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError):
        Object(img_idx, box, "dog")


def test_object_refuses_floats() -> None:
    with pytest.raises(TypeError):
        Object(1, (0.0, 0, 1, 1), "dog")  # type: ignore[arg-type]
