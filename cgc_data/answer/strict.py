"""A fast parser for answer lists in the strict format, which is the format that a trained model writes.

The parser accepts only lists that are certainly valid. For any other text, the parser returns None, and `elements` then
parses the list and names its faults.
"""

from typing import Annotated, TypeAlias

import msgspec

from cgc_data.answer.objects import Object, well_formed
from cgc_data.geometry import THOUSAND

MOST = 100  # entries; longer lists are not worth a short way
QUOTES = 8  # per entry: three keys and a label. Repeated and unknown keys have more.
_Coordinate: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=THOUSAND)]


class _Entry(msgspec.Struct, frozen=True, gc=False):
    img_idx: Annotated[int, msgspec.Meta(ge=1)]
    bbox_2d: tuple[_Coordinate, _Coordinate, _Coordinate, _Coordinate]
    label: str


_DECODER = msgspec.json.Decoder(list[_Entry])


def read_strictly(text: str, num_images: int) -> tuple[Object, ...] | None:
    """The objects of a JSON list that is certainly valid; None for any other text."""
    if "\\" in text:  # an escape can hide a quote or a key
        return None
    try:
        entries = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    count = len(entries)
    if count > MOST or text.count('"') != QUOTES * count:
        return None
    for entry in entries:
        x1, y1, x2, y2 = entry.bbox_2d
        if x1 >= x2 or y1 >= y2 or entry.img_idx > num_images or not entry.label.strip():
            return None
    objects = tuple([well_formed(entry.img_idx, entry.bbox_2d, entry.label) for entry in entries])
    return objects if len({entry.bbox_2d for entry in entries}) == count or len(set(objects)) == count else None
