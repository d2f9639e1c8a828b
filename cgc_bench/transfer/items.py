"""Questions of all transfer tasks in one form, stored as JSON Lines next to the images."""

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
        index: ID such as `mmstar/12`.
        task: one of `TASKS`.
        group: group within the benchmark, such as BLINK's `Jigsaw`.
        kind: `choice`, or `integer`, `float`, `list`, `open` for answers that are not options.
        question: as written by its authors; `<image>` or `<image 2>` marks the place of an image.
        options: texts of the options; empty texts if the question itself contains them.
        answers: the letter, or the true answers, any of which is correct.
        decimals: number of decimals of a `float`.
        marks: numbers that `<image N>` gives to the images, in order; empty if they have none.
        images: sha256 of each image.
        version: version of the questions.
        cluster: items in a cluster share images.
        fault: what is unusual about the row; empty if nothing is.
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
    """A, B, ... for the given number of options."""
    return tuple(chr(ord("A") + place) for place in range(count))


def written(items: Iterable[Item]) -> bytes:
    """Items as JSON Lines."""
    return b"".join(json.dumps(asdict(item), ensure_ascii=False).encode() + b"\n" for item in items)


def read_items(annotations: Path, *, version: str | None = None) -> dict[str, Item]:
    """Items by index, from a prepared task's questions or from a folder with several such files.

    Raises AnnotationError if a file is missing, damaged, in another format, or of another version than requested.
    """
    files = [annotations] if not annotations.is_dir() else sorted(annotations.rglob("questions.jsonl"))
    if not files:
        raise AnnotationError(f"{annotations} contains no questions.jsonl; run `cgc-bench prepare` for the task")
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
            raise AnnotationError(f"{file}, line {number}: not a question ({error}); prepare it again") from error


def _item(line: bytes) -> Item:
    row = msgspec.json.decode(line, type=dict[str, Any])
    if {field.name for field in fields(Item)} != row.keys():
        raise ValueError("other fields")
    item = msgspec.convert(row, Item)
    if item.task not in TASKS or item.kind not in KINDS:
        raise ValueError("another task or kind")
    return item
