"""Questions of the transfer tasks in one form, kept as JSON Lines beside the images, whoever published them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from cgc_bench.errors import AnnotationError

TASKS = ("mathvista", "muirbench", "mmstar", "mmmu_val", "blink")
KINDS = ("choice", "integer", "float", "list", "open")


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        index: such as `mmstar/12`.
        task: one of `TASKS`.
        group: the benchmark's own division, such as BLINK's `Jigsaw`.
        kind: `choice`, or for answers that are no option `integer`, `float`, `list`, `open`.
        question: as its authors wrote it; `<image>` or `<image 2>` stands where an image does.
        options: the options' texts; empty texts where the question itself has them.
        answers: the letter, or the true answers; any of them is right.
        decimals: of a `float`.
        marks: the numbers that `<image N>` gives to the images, in their order; empty where they have none.
        images: sha256 of each image.
        version: of the questions.
        cluster: items of one cluster share images.
        fault: what is odd about the row; empty where nothing is.
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
        """One letter an option."""
        return option_letters(len(self.options))


def option_letters(count: int) -> tuple[str, ...]:
    """A, B, ... for so many options."""
    return tuple(chr(ord("A") + place) for place in range(count))


def written(items: Iterable[Item]) -> bytes:
    """Items as JSON Lines."""
    return b"".join(json.dumps(asdict(item), ensure_ascii=False).encode() + b"\n" for item in items)


def read_items(annotations: Path, *, version: str | None = None) -> dict[str, Item]:
    """Items by index, from a prepared task's questions or from a folder that holds several such files.

    Raises AnnotationError where a file is missing, damaged, of another form, or of another version than is asked for.
    """
    files = [annotations] if not annotations.is_dir() else sorted(annotations.rglob("questions.jsonl"))
    if not files:
        raise AnnotationError(f"{annotations} holds no questions.jsonl; run `cgc-bench prepare` for the task")
    found = [item for file in files for item in _read(file)]
    if version is not None and any(item.version != version for item in found):
        raise AnnotationError(f"{annotations}: not the questions of version {version!r}")
    return {item.index: item for item in found}


def _read(file: Path) -> Iterator[Item]:
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise AnnotationError(f"cannot read {file}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            yield _item(line)
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise AnnotationError(f"{file}, line {number}: no question of ours ({error}); prepare it again") from error


def _item(line: bytes) -> Item:
    row = msgspec.json.decode(line, type=dict[str, Any])
    if {field.name for field in fields(Item)} != row.keys():
        raise ValueError("other fields")
    item = msgspec.convert(row, Item)
    if item.task not in TASKS or item.kind not in KINDS:
        raise ValueError("another task or kind")
    return item
