"""Expressions of RefCOCO, RefCOCO+, and RefCOCOg, one item each, stored as JSON Lines next to the images."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from cgc_bench.errors import AnnotationError

FILE = "expressions.jsonl"
TASKS = ("val", "testA", "testB", "plus_val", "plus_testA", "plus_testB", "g_val", "g_test")


@dataclass(frozen=True)
class Item:
    """One expression with the box that it refers to.

    Attributes:
        index: such as `plus_testA/1234/0`: the task, the object ID, and the position among the object's expressions.
        task: one of `TASKS`.
        expression: as written by its author.
        box: x1, y1, x2, y2 in 0-1000 of the image's sides, not rounded.
        images: sha256 of the image.
        file_name: file name of the photo in COCO.
        version: version of the expressions.
        cluster: items about the same photo share a cluster.
        fault: what is unusual about the box; empty if nothing is.
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


def written(items: Iterable[Item]) -> bytes:
    """Items as JSON Lines."""
    return b"".join(json.dumps(asdict(item), ensure_ascii=False).encode() + b"\n" for item in items)


def read_items(annotations: Path, *, version: str | None = None) -> dict[str, Item]:
    """Items by index, from a prepared file of expressions or from a folder with several such files.

    Raises AnnotationError if a file is missing, damaged, in another format, or of another version than requested.
    """
    files = [annotations] if not annotations.is_dir() else sorted(annotations.rglob(FILE))
    if not files:
        raise AnnotationError(f"{annotations} contains no {FILE}; run `cgc-bench prepare refcoco`")
    found = [item for file in files for item in _read(file)]
    if version is not None and any(item.version != version for item in found):
        raise AnnotationError(f"{annotations}: not the expressions of version {version!r}")
    return {item.index: item for item in found}


def _read(file: Path) -> Iterator[Item]:
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise AnnotationError(f"cannot read {file}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            yield msgspec.json.decode(line, type=Item)
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise AnnotationError(f"{file}, line {number}: not an expression ({error}); prepare it again") from error
