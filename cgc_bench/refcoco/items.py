"""Referring expressions of RefCOCO, RefCOCO+, and RefCOCOg.

Each expression is one item, stored as a JSON line next to the images.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from cgc_bench.prepare.lines import Lines

FILE = "expressions.jsonl"
TASKS = ("val", "testA", "testB", "plus_val", "plus_testA", "plus_testB", "g_val", "g_test")


@dataclass(frozen=True)
class Item:
    """One expression with the box of the object that it describes.

    Attributes:
        index: the task, the object ID, and the position among the object's expressions, such as `plus_testA/1234/0`.
        task: one of `TASKS`.
        expression: as written by its author.
        box: x1, y1, x2, y2, from 0 to 1000 along each side of the image, not rounded.
        images: sha256 of the image.
        file_name: file name of the photo in COCO.
        version: version of the expressions.
        cluster: ID shared by all items about the same photo.
        fault: what is unusual about the box; empty if nothing is unusual.
    """

    index: str
    task: str
    expression: str
    box: tuple[float, float, float, float]
    images: tuple[str, ...]
    file_name: str
    version: str
    cluster: str
    fault: str


_LINES = Lines(
    FILE,
    ("an expression", "expressions"),
    "`cgc-bench prepare refcoco`",
    msgspec.json.Decoder(Item).decode,
)


def read_items(annotations: Path, *, version: str | None = None) -> dict[str, Item]:
    """Items by index. Takes the same arguments as `Lines.read` and raises the same errors."""
    return _LINES.read(annotations, version)
