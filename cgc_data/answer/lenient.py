"""Reads responses leniently.

The lenient reader repairs broken JSON. If a response has several answer blocks or code fences, the reader uses the last
one. It also accepts floats, and a single object that is not in a list. Lenient scores are reported next to the strict
scores, and are never used for the reward.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias

from cgc_data.answer.elements import JsonObject, are_numbers, decode_json, is_encodable, is_pixel_scale
from cgc_data.answer.layout import FENCE, Layout, read_layout, strip_fence
from cgc_data.answer.objects import Object
from cgc_data.answer.reading import Reading, read_answer
from cgc_data.common.errors import ConfigError

# json-repair takes time quadratic in the length of bad text: about half a second for this many characters.
MAX_REPAIRED = 4096

Repair: TypeAlias = Callable[[str], str]


def read_lenient(text: str, num_images: int, *, require_think: bool = True, prefix: str = "") -> Reading:
    """Read a response leniently. Takes the same arguments as `read_answer`, and returns the same type.

    Like the strict reader, this reader ignores text inside the think block. `violations` still lists the violations of
    the strict format. The numbers of a box are rounded. Keys other than `img_idx`, `bbox_2d`, and `label` are ignored.
    A missing or invalid label becomes "". Broken JSON of more than `MAX_REPAIRED` characters counts as unreadable.

    Raises:
        ConfigError: the package json-repair is not installed.
    """
    repair = _load_repair()
    strict = read_answer(text, num_images, require_think=require_think, prefix=prefix)
    value = _decode(read_layout(prefix + text, require_think=require_think), repair)
    values = [value] if isinstance(value, JsonObject) else value
    if not isinstance(values, list):
        return replace(strict, readable=False, elements=0, objects=(), pixel_scale=False)
    objects = tuple(item for item in (_object(value, num_images) for value in values) if item is not None)
    scale = any(map(is_pixel_scale, values))
    return replace(strict, readable=True, elements=len(values), objects=objects, pixel_scale=scale)


def _load_repair() -> Repair:
    try:
        from json_repair import repair_json
    except ImportError as error:
        message = "the lenient score needs the package json-repair; run: pip install json-repair"
        raise ConfigError(message) from error
    repair: Repair = repair_json
    return repair


def _narrow(conclusion: str) -> str:
    """The content of the last non-empty code fence in the last answer block, or the whole block if every fence is empty
    or missing.

    If there is no answer block, all of `conclusion` counts as the block.
    """
    block = conclusion.rpartition("<answer>")[2].partition("</answer>")[0]
    fenced = [part for part in block.split(FENCE)[1::2] if part.strip()]
    return fenced[-1].strip().removeprefix("json") if fenced else block


def _decode(layout: Layout, repair: Repair) -> Any:
    # An answer block that the strict reading accepts is used unchanged, because a label may contain a fence.
    texts = [] if layout.body is None else [strip_fence(layout.body)[0]]
    texts += [] if layout.conclusion is None else [_narrow(layout.conclusion)]
    for text in texts:
        with suppress(ValueError):
            return decode_json(text)
    return _repaired(texts[-1], repair) if texts and len(texts[-1]) <= MAX_REPAIRED else None


def _repaired(text: str, repair: Repair) -> Any:
    try:
        # The repaired value is written and parsed again, so that the same limits apply to numbers and nesting.
        return decode_json(repair(text))
    except Exception:  # json-repair can raise any error for text that its rules do not cover
        return None


def _object(value: Any, num_images: int) -> Object | None:
    entry = dict(value) if isinstance(value, JsonObject) else {}
    numbers, label = [entry.get("img_idx")], entry.get("label", "")
    box = entry.get("bbox_2d")
    if not are_numbers(numbers, 1) or not are_numbers(box, 4) or not all(map(math.isfinite, numbers + box)):
        return None
    img_idx = int(numbers[0])
    if img_idx != numbers[0] or img_idx > num_images:
        return None
    x1, y1, x2, y2 = (math.floor(number + 0.5) for number in box)
    try:
        return Object(img_idx, (x1, y1, x2, y2), label if isinstance(label, str) and is_encodable(label) else "")
    except ValueError:
        return None
