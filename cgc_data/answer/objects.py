"""One object of an answer, and the canonical text of a list of objects.

Every `Object` is well formed, so code that formats or scores objects does not need to check them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import index

from cgc_data.geometry import THOUSAND, ThousandBox


@dataclass(frozen=True)
class Object:
    """A box in one of the displayed images.

    Attributes:
        img_idx: 1-based number of the image.
        bbox_2d: x1, y1, x2, y2 as integers from 0 to 1000, relative to the size of the image, with x1 < x2 and y1 < y2.
        label: name of the object. If the lenient reader does not find a valid label, this is "".

    Raises:
        ValueError: a number is out of range or the box is empty.
        TypeError: a number is not an integer.
    """

    img_idx: int
    bbox_2d: ThousandBox
    label: str

    def __post_init__(self) -> None:
        x1, y1, x2, y2 = map(index, self.bbox_2d)
        object.__setattr__(self, "img_idx", index(self.img_idx))
        object.__setattr__(self, "bbox_2d", (x1, y1, x2, y2))
        if self.img_idx < 1 or not is_box(self.bbox_2d):
            raise ValueError(f"not a valid answer box: {self}")


def well_formed(img_idx: int, bbox_2d: ThousandBox, label: str) -> Object:
    """Create an `Object` from values that were already checked, without checking them again."""
    made = object.__new__(Object)
    made.__dict__.update(img_idx=img_idx, bbox_2d=bbox_2d, label=label)
    return made


def is_box(box: Sequence[float]) -> bool:
    """Whether all coordinates are within 0-1000, with x1 < x2 and y1 < y2."""
    x1, y1, x2, y2 = box
    return 0 <= x1 < x2 <= THOUSAND and 0 <= y1 < y2 <= THOUSAND


def in_range(box: Sequence[float]) -> bool:
    """Whether every coordinate is within 0-1000."""
    return all(0 <= value <= THOUSAND for value in box)


def in_order(box: Sequence[float]) -> bool:
    """Whether x1 < x2 and y1 < y2."""
    x1, y1, x2, y2 = box
    return x1 < x2 and y1 < y2


def _reading_order(item: Object) -> tuple[int, int, int, int, int, str]:
    x1, y1, x2, y2 = item.bbox_2d
    return item.img_idx, y1, x1, y2, x2, item.label


def format_answer(objects: Iterable[Object]) -> str:
    """Canonical JSON list of `objects`: sorted by image, then from top to bottom and left to right."""
    ordered = sorted(objects, key=_reading_order)
    entries = [{"img_idx": item.img_idx, "bbox_2d": item.bbox_2d, "label": item.label} for item in ordered]
    return json.dumps(entries, ensure_ascii=False, separators=(", ", ": "))


def format_response(objects: Iterable[Object], reasoning: str = "") -> str:
    """A complete response in the strict format. It has a think block only if `reasoning` is given."""
    thought = f"<think>{reasoning}</think>\n" if reasoning else ""
    return f"{thought}<answer>{format_answer(objects)}</answer>"
