"""Parses the JSON list in an answer into objects, and names every fault in the list.

The JSON comes from a model, so it can contain deep nesting, huge numbers, repeated keys, and text that cannot be
encoded in UTF-8.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

from cgc_data.answer.objects import Object, in_order, in_range, is_box
from cgc_data.answer.violations import Violation
from cgc_data.geometry import THOUSAND

MAX_DEPTH = 16
# Larger than any real list of boxes. Entries after this number are counted but not checked, so that time is bounded.
MAX_ENTRIES = 1000
_MAX_DIGITS = 18
_KEYS = {"img_idx", "bbox_2d", "label"}
# An unclosed string is one token up to the end: retrying from each later quote would be quadratic.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_TRAILING = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*"?)|,(?=\s*[\]}])', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonObject(tuple[tuple[str, Any], ...]):
    """A JSON object as a list of key-value pairs in their original order, so that repeated keys can be detected."""


@dataclass(frozen=True)
class Elements:
    """A parsed answer list: the number of entries, the well-formed entries, and the faults of all other entries."""

    count: int
    objects: tuple[Object, ...]
    violations: tuple[Violation, ...]
    pixel_scale: bool


def decode_json(text: str, *, integral_floats: bool = False) -> Any:
    """Decode a JSON text.

    Objects become `JsonObject`. Only the first 19 characters of an integer are read. An integer that is this long is
    always out of range. With `integral_floats`, a number such as 120.0 becomes an integer.

    Raises:
        ValueError: the text is not JSON, contains NaN or Infinity, or is nested deeper than `MAX_DEPTH`.
    """
    if not _is_shallow(text):
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if text.startswith("\ufeff"):
        raise ValueError("the text begins with a byte order mark")
    try:
        return (_WITH_INTEGRAL_FLOATS if integral_floats else _PLAIN).decode(text)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply to be parsed here: the call stack is nearly full") from error


def _is_shallow(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return True
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


_DECODERS = tuple(
    json.JSONDecoder(
        object_pairs_hook=JsonObject, parse_int=_bounded_int, parse_float=parse_float, parse_constant=_refuse
    )
    for parse_float in (float, _integral)
)
_PLAIN, _WITH_INTEGRAL_FLOATS = _DECODERS


def read_elements(values: list[Any], num_images: int) -> Elements:
    """Check every entry of a decoded list against the strict format."""
    found: list[Object] = []
    violations: list[Violation] = []
    pixel_scale = False
    for value in values[:MAX_ENTRIES]:
        faults = _faults(value, num_images)
        if not faults:
            entry = dict(value)
            found.append(Object(entry["img_idx"], entry["bbox_2d"], entry["label"]))
            continue
        violations.extend(faults)
        pixel_scale = pixel_scale or is_pixel_scale(value)  # an entry without faults has no number above 1000
    if len(set(found)) < len(found):
        violations.append(Violation.DUPLICATE)
    if len(values) > MAX_ENTRIES:
        violations.append(Violation.TOO_MANY)
    return Elements(len(values), tuple(found), distinct(violations), pixel_scale)


def distinct(violations: list[Violation]) -> tuple[Violation, ...]:
    """The distinct violations, in the order in which they first appear."""
    return tuple(dict.fromkeys(violations))


def is_pixel_scale(value: Any) -> bool:
    """Whether an entry's box consists of four numbers, at least one of which is above 1000."""
    box = dict(value).get("bbox_2d") if isinstance(value, JsonObject) else None
    return are_numbers(box, 4) and any(number > THOUSAND for number in box)


def are_numbers(values: Any, count: int, types: tuple[type, ...] = (int, float)) -> TypeGuard[list[float]]:
    """Whether `values` is a list of `count` values whose types are all in `types` (a bool does not count as an int)."""
    return isinstance(values, list) and len(values) == count and {*map(type, values)}.issubset(types)


def is_encodable(text: str) -> bool:
    """Whether `text` can be encoded in UTF-8. JSON escapes can produce lone surrogates, which UTF-8 cannot encode."""
    return text.isascii() or not _SURROGATE.search(text)


def _faults(value: Any, num_images: int) -> tuple[Violation, ...]:
    if not isinstance(value, JsonObject):
        return (Violation.NOT_AN_OBJECT,)
    entry = dict(value)
    faults: tuple[Violation, ...] = ()
    if len(entry) < len(value):
        faults = (Violation.KEY_REPEATED,)
    if entry.keys() != _KEYS:
        faults += (Violation.KEY_UNKNOWN,) if entry.keys() - _KEYS else ()
        if _KEYS - entry.keys():
            return (*faults, Violation.KEY_MISSING)
    faults += _img_idx_faults(entry["img_idx"], num_images)
    return faults + _bbox_faults(entry["bbox_2d"]) + _label_faults(entry["label"])


def _img_idx_faults(value: Any, num_images: int) -> tuple[Violation, ...]:
    if type(value) is not int:
        return (Violation.IMG_IDX_TYPE,)
    return () if 1 <= value <= num_images else (Violation.IMG_IDX_RANGE,)


def _bbox_faults(value: Any) -> tuple[Violation, ...]:
    if not are_numbers(value, 4, (int,)):
        return (Violation.BBOX_TYPE,)
    if is_box(value):
        return ()
    out_of_range = () if in_range(value) else (Violation.BBOX_RANGE,)
    return out_of_range if in_order(value) else (*out_of_range, Violation.BBOX_ORDER)


def _label_faults(value: Any) -> tuple[Violation, ...]:
    if not isinstance(value, str) or not is_encodable(value):
        return (Violation.LABEL_TYPE,)
    return () if value.strip() else (Violation.LABEL_EMPTY,)
