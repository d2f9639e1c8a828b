"""The reader names every departure from the strict form, and counts what it cannot use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_data.answer import (
    Violation,
    parse_strict,
    read_answer,
    read_lenient,
)
from tests.cgc_data.responses import DOG, DOG_OBJECT, Reader, entry, messy_text, wrapped


@pytest.mark.parametrize(
    "text",
    [
        wrapped(f"[{DOG}]"),
        wrapped("[]"),
        f"  \n{wrapped('[]')}\n\n",
        wrapped(f"\n[\n {DOG}\n]\n"),
        wrapped("[]", "1 < 2 and [maybe] {this} ```json"),
        wrapped("[]", f"[{DOG}]"),
    ],
)
def test_valid_form(text: str) -> None:
    assert parse_strict(text, 3).violations == ()


@pytest.mark.parametrize(
    ("text", "codes", "found"),
    [
        ("<answer>[]</answer>", "think_missing", 0),
        ("", "think_missing answer_missing json_invalid", None),
        (f"[{DOG}]", "think_missing answer_missing", 1),
        (f"```json\n[{DOG}]\n```", "think_missing answer_missing fenced", 1),
        (f"<think>a</think>[{DOG}]", "answer_missing", 1),
        (f"<think>a</think><answer>[{DOG}]", "answer_unclosed", 1),
        (f"<think>a</think>[{DOG}]</answer>", "answer_unopened", 1),
        (f"a</think><answer>[{DOG}]</answer>", "think_unopened", 1),
        (f"<think>a<answer>[{DOG}]</answer>", "think_unclosed", None),
        (f"<think>a [{DOG}]", "think_unclosed answer_missing", None),
        ("<think></think><answer>[]</answer>", "think_empty", 0),
        ("<think> \n.\u200b </think><answer>[]</answer>", "think_empty", 0),
        (wrapped(f"```json\n[{DOG}]\n```"), "fenced", 1),
        (wrapped(f"```\n[{DOG}]```"), "fenced", 1),
        (wrapped("[]") + " Done.", "text_outside", 0),
        ("So: " + wrapped("[]"), "text_outside", 0),
        ("\u3000" + wrapped("[]"), "text_outside", 0),
        ("<think>a</think> so <answer>[]</answer>", "text_outside", 0),
        ("<answer>[]</answer><think>a</think>", "tags_out_of_order json_invalid", None),
        (f"<think>a<answer>[{DOG}]</answer></think>", "tags_out_of_order json_invalid", None),
        (f"<think>a</think><answer>[{DOG}]</answer><answer>[]</answer>", "answer_repeated", None),
        (f"<think>a</think><think>b</think><answer>[{DOG}]</answer>", "think_repeated", 1),
        (f"<think>a</think><answer>[{DOG}]</answer><think>b", "think_repeated", None),
        (f"<think>a</think><answer>[{DOG}]</answer><think>b</think>", "think_repeated json_invalid", None),
        (f"<think><answer>[]</answer></think><answer>[{DOG}]</answer>", "answer_repeated", 1),
        ("<think>a</think></answer>[]<answer>", "tags_out_of_order", None),
        (f"<THINK>a</THINK><answer>[{DOG}]</answer>", "think_missing", 1),
        ("<think>a</think>\uff1canswer\uff1e[]\uff1c/answer\uff1e", "answer_missing json_invalid", None),
    ],
)
def test_tags(text: str, codes: str, found: int | None) -> None:
    reading = read_answer(text, 3)
    assert list(map(str, reading.violations)) == codes.split()
    assert (len(reading.objects) if reading.readable else None) == found
    assert parse_strict(text, 3).violations == reading.violations


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("<answer>[]</answer>", ""),
        ("<think>\n\n</think>\n\n<answer>[]</answer>", ""),
        (wrapped("[]"), ""),
        ("a</think><answer>[]</answer>", "think_unopened"),
        ("<think>a<answer>[]</answer>", "think_unclosed"),
        ("[]", "answer_missing"),
    ],
)
def test_thinking_need_not_be_required(text: str, codes: str) -> None:
    assert list(map(str, read_answer(text, 3, require_think=False).violations)) == codes.split()


def test_template_may_open_the_thinking() -> None:
    text = f"It is left.</think><answer>[{DOG}]</answer>"
    assert read_answer(text, 3, prefix="<think>\n").valid
    assert read_lenient(text, 3, prefix="<think>\n").valid
    assert not read_answer(f"It is left. [{DOG}]", 3, prefix="<think>").readable


@pytest.mark.parametrize("read", [read_answer, read_lenient])
@given(reasoning=messy_text, missing_tags=st.booleans())
def test_thinking_is_never_read(read: Reader, reasoning: str, missing_tags: bool) -> None:
    for tag in ("<think>", "</think>"):
        reasoning = reasoning.replace(tag, "")
    answer = f"[{DOG}]" if missing_tags else f"<answer>[{DOG}]</answer>"
    assert read(f"<think>{reasoning}</think>{answer}", 3).objects == (DOG_OBJECT,)
    assert not read(f"<think>{reasoning}", 3).readable
    assert not read(f"<think>{reasoning}</think>", 3).readable


@pytest.mark.parametrize(
    ("answer", "codes"),
    [
        ("", "json_invalid"),
        ("There is no dog.", "json_invalid"),
        (f"[{DOG}", "json_invalid"),
        (f"[{DOG},]", "json_invalid"),
        (f"[{DOG}] [{DOG}]", "json_invalid"),
        ("['dog']", "json_invalid"),
        ("[NaN]", "json_invalid"),
        ("[-Infinity]", "json_invalid"),
        ("[\uff11]", "json_invalid"),
        ("[1_000]", "json_invalid"),
        ("[0x10]", "json_invalid"),
        ("[+1]", "json_invalid"),
        ("[012]", "json_invalid"),
        ("\ufeff[]", "json_invalid"),
        ("\u00a0[]", "json_invalid"),
        ("[" * 17 + "]" * 17, "json_invalid"),
        ("```json\n```json\n[]\n```\n```", "fenced json_invalid"),
        ("``` ```", "fenced json_invalid"),
        ("```", "json_invalid"),
        (DOG, "not_a_list"),
        ("{}", "not_a_list"),
        ("null", "not_a_list"),
        ('"[]"', "not_a_list"),
        ("0", "not_a_list"),
    ],
)
def test_unreadable_lists(answer: str, codes: str) -> None:
    reading = read_answer(wrapped(answer), 3)
    assert list(map(str, reading.violations)) == codes.split()
    assert (reading.readable, reading.elements, reading.objects, reading.empty) == (False, 0, (), False)


@pytest.mark.parametrize(
    ("element", "codes"),
    [
        ("[120, 88, 430, 512]", "not_an_object"),
        ("null", "not_an_object"),
        (f"[{DOG}]", "not_an_object"),
        ("[" * 15 + "]" * 15, "not_an_object"),
        ("{}", "key_missing"),
        ('{"bbox_2d": [1, 2, 3, 4], "label": "dog"}', "key_missing"),
        ('{"img_idx": 1, "bbox": [1, 2, 3, 4], "label": "dog"}', "key_unknown key_missing"),
        (entry(more=', "score": 0.9'), "key_unknown"),
        (entry(more=', "label": "dog"'), "key_repeated"),
        (entry(more=', "img_\\u0069dx": 1'), "key_repeated"),
        (entry(more=', "l\u0430bel": "dog"'), "key_unknown"),  # Cyrillic a
        (entry(img_idx="true"), "img_idx_type"),
        (entry(img_idx="1.0"), "img_idx_type"),
        (entry(img_idx="1e0"), "img_idx_type"),
        (entry(img_idx='"1"'), "img_idx_type"),
        (entry(img_idx="null"), "img_idx_type"),
        (entry(img_idx="0"), "img_idx_range"),
        (entry(img_idx="-0"), "img_idx_range"),
        (entry(img_idx="-1"), "img_idx_range"),
        (entry(img_idx="4"), "img_idx_range"),
        (entry(img_idx="9" * 5000), "img_idx_range"),
        (entry(img_idx="-" + "9" * 5000), "img_idx_range"),
        (entry(bbox_2d="null"), "bbox_type"),
        (entry(bbox_2d='"1 2 3 4"'), "bbox_type"),
        (entry(bbox_2d="[1, 2, 3]"), "bbox_type"),
        (entry(bbox_2d="[1, 2, 3, 4, 5]"), "bbox_type"),
        (entry(bbox_2d="[[1, 2, 3, 4]]"), "bbox_type"),
        (entry(bbox_2d="[1, 2, 3, 4.0]"), "bbox_type"),
        (entry(bbox_2d="[false, 2, 3, 4]"), "bbox_type"),
        (entry(bbox_2d='{"x": 1}'), "bbox_type"),
        (entry(bbox_2d="[1, 2, 3, 1001]"), "bbox_range"),
        (entry(bbox_2d="[-1, 2, 3, 4]"), "bbox_range"),
        (entry(bbox_2d=f"[1, 2, 3, {'9' * 5000}]"), "bbox_range"),
        (entry(bbox_2d="[3, 2, 3, 4]"), "bbox_order"),
        (entry(bbox_2d="[1, 5, 3, 4]"), "bbox_order"),
        (entry(bbox_2d="[2000, 5, 3, 4]"), "bbox_range bbox_order"),
        (entry(label="null"), "label_type"),
        (entry(label='["dog"]'), "label_type"),
        (entry(label='"\\ud800"'), "label_type"),
        (entry(label='"\udc00"'), "label_type"),
        (entry(label='""'), "label_empty"),
        (entry(label='" \\n"'), "label_empty"),
        (entry(img_idx="9", bbox_2d="[]", label="1"), "img_idx_range bbox_type label_type"),
        (DOG, "duplicate"),
    ],
)
def test_malformed_elements_count_and_match_nothing(element: str, codes: str) -> None:
    reading = read_answer(wrapped(f"[{DOG}, {element}]"), 3)
    assert list(map(str, reading.violations)) == codes.split()
    assert reading.elements == 2
    assert set(reading.objects) == {DOG_OBJECT}
    assert len(reading.objects) == (2 if codes == "duplicate" else 1)


def test_limits_of_what_is_valid() -> None:
    elements = [entry("3", "[0, 0, 1000, 1000]"), entry("1", "[-0, 0, 1, 1]"), entry(label='"\\ud83d\\udc15 \\u00e9"')]
    reading = read_answer(wrapped(f"[{', '.join(elements)}]"), 3)
    assert reading.valid
    assert [item.img_idx for item in reading.objects] == [3, 1, 2]
    assert reading.objects[2].label == "\U0001f415 é"


def test_each_violation_is_reported_once() -> None:
    reading = read_answer(wrapped(f"[{', '.join(['{}'] * 1000)}]"), 3)
    assert reading.violations == (Violation.KEY_MISSING,)
    assert reading.elements == 1000


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ("[10, 20, 1280, 720]", True),
        ("[10.5, 20, 1280.5, 720]", True),
        ("[10, 20, 1000, 720]", False),
        ("[10, 20, 1280]", False),
        ('"1280"', False),
    ],
)
def test_pixel_scale_is_noticed(box: str, expected: bool) -> None:
    assert read_answer(wrapped(f"[{DOG}, {entry(bbox_2d=box)}]"), 3).pixel_scale is expected
