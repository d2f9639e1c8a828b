"""Reads MIG-Bench answers only from the text after the reasoning. A box in the reasoning never counts. If the answer
follows this project's answer format, the first box counts, and the result includes the number of its image. Any other
answer is parsed with the rules of the authors' script.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypedDict, cast

from cgc_bench.mig.items import Box, Item
from cgc_bench.mig.official import NOTHING, REMEMBERED, OfficialBox, read_box
from cgc_data.answer.elements import JsonObject, are_numbers, decode_json
from cgc_data.answer.layout import read_layout, strip_fence
from cgc_data.geometry import THOUSAND


@dataclass(frozen=True)
class StrictBox:
    """The box that is read from the text after the reasoning.

    Attributes:
        read: the box, in the scale of the item.
        image: 1-based number of the box's image; 0 if the answer names no image or an image that does not exist.
    """

    read: OfficialBox
    image: int


class _Entry(TypedDict, total=False):
    bbox_2d: list[float]
    img_idx: object


_NOTHING = StrictBox(OfficialBox(NOTHING, found=False, alone=False, over=False), 0)


def read_conclusion(response: str, item: Item) -> StrictBox:
    """The first box in the answer. There is no box if the reasoning has no closing tag or if the answer is `[]`."""
    conclusion, boxed = _concluded(response)
    if conclusion is None:
        return _NOTHING
    if boxed is None:
        return StrictBox(read_box(conclusion, item.scale), 0)
    return _first(boxed[0], item, alone=len(boxed) == 1) if boxed else _NOTHING


@lru_cache(maxsize=REMEMBERED)
def _concluded(response: str) -> tuple[str | None, Sequence[_Entry] | None]:
    """The text after the reasoning, and the entries of the answer's JSON list. Entries without a box are skipped. The
    entries are None if the answer is not a JSON list of objects.
    """
    layout = read_layout(response, require_think=False)
    entries = None if layout.body is None else _entries(layout.body)
    return layout.conclusion, None if entries is None else [entry for entry in entries if _has_box(entry)]


def _entries(body: str) -> list[_Entry] | None:
    """The entries of the list in the answer, or None if the answer is not a JSON list of objects."""
    try:
        value = decode_json(strip_fence(body)[0])
    except ValueError:
        return None
    if not isinstance(value, list) or not all(isinstance(entry, JsonObject) for entry in value):
        return None
    return [cast(_Entry, dict(entry)) for entry in value]


def _has_box(entry: _Entry) -> bool:
    box = entry.get("bbox_2d")
    return are_numbers(box, 4) and all(map(math.isfinite, box))


def _first(entry: _Entry, item: Item, *, alone: bool) -> StrictBox:
    box = entry["bbox_2d"]
    over = max(box) > THOUSAND
    x1, y1, x2, y2 = box if item.scale == THOUSAND else [value / THOUSAND for value in box]
    image = entry.get("img_idx")
    if type(image) is not int or not 1 <= image <= len(item.images):
        image = 0
    return StrictBox(OfficialBox((x1, y1, x2, y2), found=True, alone=alone, over=over), image)


def in_thousandths(box: Box, scale: int) -> Box:
    """Convert a box from an item's scale to 0-1000."""
    x1, y1, x2, y2 = box if scale == THOUSAND else [value * THOUSAND for value in box]
    return x1, y1, x2, y2
