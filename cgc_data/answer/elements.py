"""Read the list inside an answer: from JSON text to objects, naming every fault.

The JSON comes from a model, so deep nesting, huge numbers, repeated keys, and text that cannot be encoded all occur.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

from cgc_data.answer.objects import Object, in_order, in_range
from cgc_data.answer.violations import Violation
from cgc_data.geometry import THOUSAND

MAX_DEPTH = 16
# More than any image contains. Further entries are counted but not checked, so that time stays bounded.
MAX_ENTRIES = 1000
_MAX_DIGITS = 18
_KEYS = {"img_idx", "bbox_2d", "label"}
# An unclosed string is one token up to the end: retrying from each later quote would be quadratic.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_TRAILING = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*"?)|,(?=\s*[\]}])', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonObject(tuple[tuple[str, Any], ...]):
    """A JSON object as pairs in the order written, so that repeated keys are detected."""


@dataclass(frozen=True)
class Elements:
    """A list as read: the number of entries, the well-formed entries, and the faults of all other entries."""

    count: int
    objects: tuple[Object, ...]
    violations: tuple[Violation, ...]
    pixel_scale: bool


def decode_json(text: str, *, integral_floats: bool = False) -> Any:
    """Value of a JSON text. Objects become `JsonObject`; integers are truncated to 19 characters (which are always out
    of range).

    With `integral_floats` a number such as 120.0 becomes an integer.

    Raises:
        ValueError: the text is not JSON, contains NaN or Infinity, or nests deeper than `MAX_DEPTH`.
    """
    if not _is_shallow(text):
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    try:
        return json.loads(
            text,
            object_pairs_hook=JsonObject,
            parse_int=_bounded_int,
            parse_float=_integral if integral_floats else float,
            parse_constant=_refuse,
        )
    except RecursionError as error:
        raise ValueError("the call stack is too deep to read nested JSON") from error


def _is_shallow(text: str) -> bool:
    depth = 0
    for token in _TOKEN.finditer(text):
        bracket = token.group()
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > MAX_DEPTH:
            return False
    return True


def _bounded_int(digits: str) -> int:
    return int(digits[: _MAX_DIGITS + 1])


def _integral(digits: str) -> float:
    number = float(digits)
    return int(number) if number.is_integer() else number


def without_trailing_commas(text: str) -> str:
    """JSON text without trailing commas."""
    return _TRAILING.sub(lambda found: found.group(1) or "", text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def read_elements(values: list[Any], num_images: int) -> Elements:
    """Check every entry of a decoded list against the strict format."""
    found: list[Object] = []
    violations: list[Violation] = []
    for value in values[:MAX_ENTRIES]:
        faults = list(_faults(value, num_images))
        violations.extend(faults)
        if not faults:
            entry = dict(value)
            found.append(Object(entry["img_idx"], entry["bbox_2d"], entry["label"]))
    if len(set(found)) < len(found):
        violations.append(Violation.DUPLICATE)
    if len(values) > MAX_ENTRIES:
        violations.append(Violation.TOO_MANY)
    return Elements(len(values), tuple(found), distinct(violations), any(map(is_pixel_scale, values[:MAX_ENTRIES])))


def distinct(violations: list[Violation]) -> tuple[Violation, ...]:
    """Each violation once, in the order of first appearance."""
    return tuple(dict.fromkeys(violations))


def is_pixel_scale(value: Any) -> bool:
    """Whether an entry's box has four numbers, one of them above 1000."""
    box = dict(value).get("bbox_2d") if isinstance(value, JsonObject) else None
    return are_numbers(box, 4) and any(number > THOUSAND for number in box)


def are_numbers(values: Any, count: int, types: tuple[type, ...] = (int, float)) -> TypeGuard[list[float]]:
    """Whether `values` is a list of `count` values of exactly these types (a bool is not an int)."""
    return isinstance(values, list) and len(values) == count and all(type(value) in types for value in values)


def is_encodable(text: str) -> bool:
    """Whether `text` has no lone surrogate, which JSON can escape but UTF-8 cannot encode."""
    return not _SURROGATE.search(text)


def _faults(value: Any, num_images: int) -> Iterator[Violation]:
    if not isinstance(value, JsonObject):
        yield Violation.NOT_AN_OBJECT
        return
    entry = dict(value)
    if len(entry) < len(value):
        yield Violation.KEY_REPEATED
    if entry.keys() - _KEYS:
        yield Violation.KEY_UNKNOWN
    if _KEYS - entry.keys():
        yield Violation.KEY_MISSING
        return
    yield from _img_idx_faults(entry["img_idx"], num_images)
    yield from _bbox_faults(entry["bbox_2d"])
    yield from _label_faults(entry["label"])


def _img_idx_faults(value: Any, num_images: int) -> Iterator[Violation]:
    if type(value) is not int:
        yield Violation.IMG_IDX_TYPE
    elif not 1 <= value <= num_images:
        yield Violation.IMG_IDX_RANGE


def _bbox_faults(value: Any) -> Iterator[Violation]:
    if not are_numbers(value, 4, (int,)):
        yield Violation.BBOX_TYPE
        return
    if not in_range(value):
        yield Violation.BBOX_RANGE
    if not in_order(value):
        yield Violation.BBOX_ORDER


def _label_faults(value: Any) -> Iterator[Violation]:
    if not isinstance(value, str) or not is_encodable(value):
        yield Violation.LABEL_TYPE
    elif not value.strip():
        yield Violation.LABEL_EMPTY
