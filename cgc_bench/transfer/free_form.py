"""Reads answers that are not options: words and numbers in answers to MMMU's open questions, and numbers and lists in
answers to MathVista.

`open_matches` is MMMU's own rule. MathVista's authors use a language model to extract the number or list. This module
uses rules instead, so that scoring is deterministic and needs no API key.
"""

import ast
import re
from collections.abc import Iterator, Sequence

_TAILS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
_TRIVIAL = {":", ",", ".", "!", "?", ";", "'"}
_GROUPED = re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b")
# A match that starts inside a run of digits finds nothing more than a match at the first digit, and would take
# quadratic time.
_SCIENTIFIC = re.compile(r"(?:-|(?<!\d))\d+(?:\.\d+)?[eE][+-]?\d+")
_PLAIN = re.compile(r"(?:(?:-|(?<!\d))(?:\d+\.\d+|\d+\b)|-?\.\d+)(?![eE][+-]?\d+)(?![,\d])")
_NUMBER = re.compile(r"-?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_CONCLUSION = re.compile(r"answers?\b(?:\s+is\b)?|\\boxed\{", re.IGNORECASE)
_LIST = re.compile(r"\[[^\[\]]*\]")
_MANY_DIGITS = 300

Found = str | float


def open_matches(answer: str, truths: Sequence[str]) -> bool:
    """Whether an answer to an open question of MMMU contains one of the true answers, either as text or as a number."""
    true = [value for truth in truths for value in _normal(truth)]
    words = [value for value in true if isinstance(value, str)]
    for found in _open_candidates(answer):
        if any(word in found for word in words) if isinstance(found, str) else found in true:
            return True
    return False


def _open_candidates(answer: str) -> Iterator[Found]:
    """The concluding phrase of each line, and every number in these phrases."""
    for text in _conclusions(answer.strip().strip(".").lower()):
        for part in (text, *_GROUPED.findall(text), *_SCIENTIFIC.findall(text), *_PLAIN.findall(text)):
            yield from _normal(part)


def _conclusions(text: str) -> list[str]:
    lines = text.split("\n")
    found = [*(_tail(line, _TAILS) for line in lines[:-1]), _tail(lines[-1], (*_TAILS, "="))]
    return [tail for tail in found if tail and tail not in _TRIVIAL] or [text]


def _tail(line: str, indicators: Sequence[str]) -> str:
    shortest = ""
    for indicator in indicators:
        if indicator in line:
            tail = line.rpartition(indicator)[2].strip()
            shortest = tail if not shortest or len(tail) < len(shortest) else shortest
    return shortest


def _normal(text: str) -> list[Found]:
    """The text as a number, rounded to two decimals. If the text is not a number, returns it in lowercase. A single
    character is returned twice, once with a space before it and once with a space after it. Without a space, the
    character would match inside words.
    """
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        lower = text.lower()
        return [f" {lower}", f"{lower} "] if len(lower) == 1 else [lower]


def read_integer(answer: str) -> str | None:
    """The final number in the answer as an integer, formatted like MathVista's integer answers."""
    number = _concluding_number(answer)
    return None if number is None else str(int(number))


def read_float(answer: str, decimals: int) -> str | None:
    """The final number in the answer, rounded and formatted like MathVista's decimal answers."""
    number = _concluding_number(answer)
    return None if number is None else str(round(number, decimals))


def read_list(answer: str) -> list[object] | None:
    """The last Python list in an answer."""
    written = _LIST.findall(answer)
    try:
        value = ast.literal_eval(written[-1]) if written else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _concluding_number(answer: str) -> float | None:
    """The first number after the last "answer is" or `\\boxed`.

    If there is no such number, returns the last number in the text.
    """
    concluded = list(_CONCLUSION.finditer(answer))
    after = _NUMBER.search(answer, concluded[-1].end()) if concluded else None
    if after:
        return _value(after.group())
    numbers = _NUMBER.findall(answer)
    return _value(numbers[-1]) if numbers else None


def _value(number: str) -> float | None:
    value = float(number.replace(",", "")) if len(number) <= _MANY_DIGITS else float("inf")
    return value if abs(value) < float("inf") else None
