"""Questions for all transfer tasks in one common form, stored as JSON Lines next to the images."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from cgc_bench.prepare.lines import Lines

TASKS = ("mathvista", "muirbench", "mmstar", "mmmu_val", "blink")
KINDS = ("choice", "integer", "float", "list", "open")


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        index: ID such as `mmstar/12`.
        task: one of `TASKS`.
        group: group within the benchmark, such as BLINK's `Jigsaw`.
        kind: `choice` if the answer is an option; otherwise `integer`, `float`, `list`, or `open`.
        question: as its authors wrote it. `<image>` or `<image 2>` marks where an image goes.
        options: text of each option; each text is empty if the options are part of the question.
        answers: the letter of the correct option. For a question without options, all answers that count as correct.
        decimals: number of decimal places if `kind` is `float`.
        marks: the number N in the placeholder `<image N>` of each image, in order; empty if placeholders have no
            numbers.
        images: sha256 of each image.
        version: version of the questions.
        cluster: ID of the group of items that share images.
        fault: what is unusual about the row; empty if nothing is unusual.
    """

    index: str
    task: str
    group: str
    kind: str
    question: str
    options: tuple[str, ...]
    answers: tuple[str, ...]
    decimals: int
    marks: tuple[int, ...]
    images: tuple[str, ...]
    version: str
    cluster: str
    fault: str

    @property
    def letters(self) -> tuple[str, ...]:
        """One letter per option."""
        return option_letters(len(self.options))


def option_letters(count: int) -> tuple[str, ...]:
    """The first `count` letters of the alphabet, as a tuple ("A", "B", ...)."""
    return tuple(chr(ord("A") + place) for place in range(count))


def _item(line: bytes) -> Item:
    row = msgspec.json.decode(line, type=dict[str, Any])
    if {field.name for field in fields(Item)} != row.keys():
        raise ValueError("other fields")
    item = msgspec.convert(row, Item)
    if item.task not in TASKS or item.kind not in KINDS:
        raise ValueError("another task or kind")
    return item


_LINES = Lines(
    "questions.jsonl",
    ("a question", "questions"),
    "`cgc-bench prepare` for the task",
    _item,
)


def read_items(annotations: Path, *, version: str | None = None) -> dict[str, Item]:
    """Items by index. Takes the same arguments as `Lines.read` and raises the same errors."""
    return _LINES.read(annotations, version)
