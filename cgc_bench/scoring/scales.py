"""Finds boxes in a text and checks their scale. Even a correct box counts as wrong if it is not on the requested
scale.
"""

import re
from collections.abc import Iterator

_NUMBER = r"\s*(\d{1,9}(?:\.\d{1,30})?)\s*"
_BOX = re.compile(rf"[\[(]{_NUMBER},{_NUMBER}(?:\)\s*)?,(?:\s*\()?{_NUMBER},{_NUMBER}[\])]")


def in_unit_scale(text: str) -> bool:
    """Whether every box in a text uses fractions of the image's sides (0-1) although the prompt requests 0-1000."""
    boxes = list(boxes_in(text))
    return bool(boxes) and all(max(box) <= 1 and any(number % 1 for number in box) for box in boxes)


def boxes_in(text: str) -> Iterator[tuple[float, float, float, float]]:
    """Every box written as `[a, b, c, d]`, `(a, b, c, d)`, or `(a, b), (c, d)`, on any scale."""
    for match in _BOX.finditer(text):
        x1, y1, x2, y2 = map(float, match.groups())
        yield x1, y1, x2, y2
