"""Answers on another scale than the one asked for, told by name: right boxes that score as if they were wrong."""

import re

_NUMBER = r"\s*(\d{1,9}(?:\.\d{1,30})?)\s*"
_BOX = re.compile(rf"[\[(]{_NUMBER},{_NUMBER}(?:\)\s*)?,(?:\s*\()?{_NUMBER},{_NUMBER}[\])]")


def in_unit_scale(text: str) -> bool:
    """Whether every box of a text is in shares of the image's sides, 0-1, where 0-1000 is asked for."""
    boxes = [[float(number) for number in match.groups()] for match in _BOX.finditer(text)]
    return bool(boxes) and all(max(box) <= 1 and any(number % 1 for number in box) for box in boxes)
