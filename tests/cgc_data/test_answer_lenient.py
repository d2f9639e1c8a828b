"""The forgiving reading takes other forms, within limits."""

import sys

import pytest

from cgc_data.answer import (
    Object,
    read_answer,
    read_lenient,
    read_list,
)
from cgc_data.common.errors import ConfigError
from tests.cgc_data.responses import DOG, DOG_OBJECT, entry, wrapped


@pytest.mark.parametrize(
    "text",
    [
        f"[{DOG}]",
        DOG,
        wrapped(DOG),
        f"<answer>\n{DOG}",
        f"The dog is here:\n```json\n[{DOG}]\n```\nDone.",
        f"```json\n[{DOG}]",
        f"<think>a</think>I see it. [{DOG}]",
        f"<answer>[]</answer> No, wait. <answer>[{DOG}]</answer>",
        "[{'img_idx': 2, 'bbox_2d': [120, 88, 430, 512], 'label': 'dog',}]",
        '[{"img_idx": 2.0, "bbox_2d": [119.6, 88.4, 430.0, 511.5], "label": "dog", "score": 0.9}]',
        f"[{DOG[:-1]}",
    ],
)
def test_lenient_reads_other_forms(text: str) -> None:
    reading = read_lenient(text, 3)
    assert reading.readable
    assert reading.objects == (DOG_OBJECT,)
    assert not reading.valid
    assert reading.violations == read_answer(text, 3).violations


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("There is no dog.", None),
        ("", None),
        (f"<think>[{DOG}]", None),
        (f"<think>[{DOG}]</think>", None),
        ("<think>a</think>[]", 0),
        (wrapped(f"[{entry(img_idx='4')}]"), 0),
        (wrapped(f"[{entry(img_idx='1.5')}]"), 0),
        (wrapped(f"[{entry(img_idx='true')}]"), 0),
        (wrapped(f"[{entry(img_idx='1e999')}]"), 0),
        (wrapped(f"[{entry(bbox_2d='[0, 0, 1e999, 1]')}]"), 0),
        (wrapped(f"[{entry(bbox_2d='[0.1, 0.1, 0.2, 0.2]')}]"), 0),
        (wrapped(f"[{entry(bbox_2d='[0, 0, 1280, 720]')}]"), 0),
    ],
)
def test_lenient_has_limits(text: str, found: int | None) -> None:
    reading = read_lenient(text, 3)
    assert (len(reading.objects) if reading.readable else None) == found


def test_lenient_needs_no_label() -> None:
    reading = read_lenient('[{"img_idx": 1, "bbox_2d": [1, 2, 3, 4]}, {"label": "dog"}]', 3)
    assert reading.objects == (Object(1, (1, 2, 3, 4), ""),)
    assert reading.elements == 2


def test_lenient_names_the_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "json_repair", None)
    with pytest.raises(ConfigError, match="pip install json-repair"):
        read_lenient("[]", 1)
    assert read_list("[]", 1).empty
