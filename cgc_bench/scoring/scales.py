"""Boxes in a text, and whether they are on another scale than the one asked for: right ones that score as wrong."""

import re
from collections.abc import Iterator

_NUMBER = r"\s*(\d{1,9}(?:\.\d{1,30})?)\s*"
_BOX = re.compile(rf"[\[(]{_NUMBER},{_NUMBER}(?:\)\s*)?,(?:\s*\()?{_NUMBER},{_NUMBER}[\])]")


def in_unit_scale(text: str) -> bool:
    """Whether every box of a text is in shares of the image's sides, 0-1, where 0-1000 is asked for."""
    boxes = list(boxes_in(text))
    return bool(boxes) and all(max(box) <= 1 and any(number % 1 for number in box) for box in boxes)


def boxes_in(text: str) -> Iterator[tuple[float, float, float, float]]:
    """Every box that a text writes as `[a, b, c, d]`, `(a, b, c, d)`, or `(a, b), (c, d)`, on whatever scale."""
    for match in _BOX.finditer(text):
        x1, y1, x2, y2 = map(float, match.groups())
        yield x1, y1, x2, y2
