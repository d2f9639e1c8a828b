"""Reads items of MIG-Bench from one of the two published annotation files, or from another file with the same
structure.

The two published versions are recognized by their sha256. Any other file is marked as an unknown version. Scores on
different versions are not comparable.
"""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypedDict, TypeGuard

from cgc_bench.errors import AnnotationError
from cgc_bench.prepare.versions import files_sha256, with_digest
from cgc_data.common.text import decode
from cgc_data.metrics.clusters import photo_clusters

Box: TypeAlias = tuple[float, float, float, float]

SHA256 = {
    "revised": "69aea94deef1bd2a9f5e117068b7a325a82bc9c0d11881f98f29338fbe779791",
    "original": "8f6e8fce3720dc6e17462533426d455463cda38b441edc2d70d65afa15681300",
}
# File name of the prepared annotations.
KEPT = "items.json"
TASKS = (
    "diff",
    "view_diff",
    "common_object",
    "object_tracking",
    "multi_view",
    "region",
    "refer_grounding",
    "group_grounding",
    "reasoning",
    "correspondence",
)

_REFERENCE = re.compile(r"\((\d{1,4}),(\d{1,4})\),\((\d{1,4}),(\d{1,4})\)")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_TARGET = re.compile(rf"It is in the ({'|'.join(_ORDINALS)}) image")
_IMAGE = re.compile(rf"\b(?:(\d)th|({'|'.join(_ORDINALS)})) image\b|\bimage-(\d)\b", re.IGNORECASE)
_NUMBERED = re.compile(r"\b\dth image")


class Row(TypedDict, total=False):
    """An entry of an annotation file. `task`, `question`, `images`, and `answer` are always present."""

    task: str
    question: str
    images: list[str]
    answer: list[float]
    additional_info: str
    need_format: bool


@dataclass(frozen=True)
class Item:
    """One question with one ground-truth box.

    Attributes:
        index: position in the annotation file, from 0.
        task: one of `TASKS`.
        images: paths as written in the file.
        question: as written in the file, without an answer format.
        box: ground-truth box x1, y1, x2, y2, from 0 to `scale` along each side of the image. It can be faulty; see
            `fault`.
        scale: coordinate of the image's right and bottom edges: 1000 (revised) or 1 (original).
        version: `revised`, `original`, or `unknown version (boxes 0-N)` followed by a digest, where N is 1000 or 1.
        cluster: ID of the group of items that share photos.
        names_image: whether the question states which image contains the box.
        target_image: 1-based number of the image that contains the box. None if the question already names the image,
            or if the file does not contain the number.
        reference: box that the question gives for the first image, as integers 0-1000; None if the question gives no
            box.
        need_format: the value of `need_format` in the file.
        fault: what is wrong with the ground-truth box; empty if it is valid. The scores include items with a faulty
            box, as in the authors' script.
        named_image: 1-based number of the image that the question names; None if no number can be read from the
            question.
        sizes: width and height in pixels of the displayed images, if known.
    """

    index: str
    task: str
    images: tuple[str, ...]
    question: str
    box: Box
    scale: int
    version: str
    cluster: str
    names_image: bool
    target_image: int | None
    reference: tuple[int, int, int, int] | None
    need_format: bool
    fault: str
    named_image: int | None = None
    sizes: tuple[tuple[int, int], ...] = ()


def read_items(annotations: Path, *, version: str | None = None) -> dict[str, Item]:
    """Items of an annotation file, keyed by index, in the order of the file.

    Args:
        annotations: `MIG_data.json`, `revised_MIG_bench.json`, or another file with the same structure. Can also be a
            folder that contains one of the two published files, or a folder of prepared files.
        version: `revised` or `original` to require that version; None to accept any.

    Raises:
        AnnotationError: the file is missing, damaged, in another format, or of another version.
    """
    annotations = annotation_file(annotations, version)
    raw = _read_bytes(annotations)
    rows = _rows(raw, annotations)
    boxes = [_checked(row, place, annotations) for place, row in enumerate(rows)]
    found, scale = _version(raw, boxes)
    if version is not None and found != version:
        raise AnnotationError(f"{annotations} is of {found}, not the {version} annotations (known by their sha256)")
    clusters = photo_clusters([row["images"] for row in rows])
    return {
        str(place): _item(place, row, box, cluster, found, scale)
        for place, (row, box, cluster) in enumerate(zip(rows, boxes, clusters, strict=True))
    }


def annotation_file(place: Path, version: str | None = None) -> Path:
    """The annotation file at the given path. If the path is a folder, the result is the prepared file in the folder. If
    the folder has no prepared file, the result is the published file of the given version, or of either version if
    `version` is None.

    Raises AnnotationError if the folder contains none of these files, or more than one candidate.
    """
    if not place.is_dir():
        return place
    prepared = [path for path in (place / KEPT, place / "annotations" / KEPT) if path.is_file()]
    wanted = {sha256 for name, sha256 in SHA256.items() if version in (None, name)}
    found = prepared or [path for path in sorted(place.glob("*.json")) if files_sha256(path) in wanted]
    if len(found) != 1:
        held = ", ".join(path.name for path in found) or "none of the published annotation files"
        raise AnnotationError(f"{place} contains {held}: name the annotation file itself")
    return found[0]


def _read_bytes(annotations: Path) -> bytes:
    try:
        return annotations.read_bytes()
    except OSError as error:
        raise AnnotationError(f"the annotations {annotations} cannot be read: {error.strerror}") from error


def _rows(raw: bytes, annotations: Path) -> list[Row]:
    try:
        rows = json.loads(decode(raw, annotations, AnnotationError))
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{annotations} is not a JSON file: fetch it again ({error})") from error
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise AnnotationError(f"{annotations} is not a list of MIG-Bench items")
    return rows


def _checked(row: Row, place: int, annotations: Path) -> Box:
    """Check all fields of a row, and return its box."""
    images, box = row.get("images"), row.get("answer")
    if row.get("task") not in TASKS:
        raise AnnotationError(f"{annotations}, item {place}: {row.get('task')!r} is not a task of MIG-Bench")
    if not isinstance(row.get("question"), str):
        raise AnnotationError(f"{annotations}, item {place}: the question is not a string")
    if not isinstance(images, list) or not images or not all(isinstance(path, str) for path in images):
        raise AnnotationError(f"{annotations}, item {place}: `images` is not a list of paths")
    if not _are_numbers(box) or len(box) != 4:
        raise AnnotationError(f"{annotations}, item {place}: `answer` is not a box of four numbers")
    x1, y1, x2, y2 = box
    return x1, y1, x2, y2


def _are_numbers(values: Any) -> TypeGuard[list[float]]:
    return isinstance(values, list) and all(type(value) in (int, float) and math.isfinite(value) for value in values)


def _version(raw: bytes, boxes: list[Box]) -> tuple[str, int]:
    digest = hashlib.sha256(raw).hexdigest()
    known = next((name for name, sha256 in SHA256.items() if sha256 == digest), None)
    scale = 1000 if all(type(value) is int for box in boxes for value in box) else 1
    return known or with_digest(f"unknown version (boxes 0-{scale})", raw), scale


def _item(place: int, row: Row, box: Box, cluster: str, version: str, scale: int) -> Item:
    task, question = row["task"], row["question"]
    target = _TARGET.search(str(row.get("additional_info", ""))) if task == "group_grounding" else None
    reference = _REFERENCE.search(question)
    return Item(
        index=str(place),
        task=task,
        images=tuple(row["images"]),
        question=question,
        box=box,
        scale=scale,
        version=version,
        cluster=cluster,
        names_image=_names_image(task, question),
        named_image=_named_image(question, len(row["images"])) if _names_image(task, question) else None,
        target_image=_ORDINALS.index(target.group(1)) + 1 if target else None,
        reference=_reference_box(reference) if reference else None,
        need_format=bool(row.get("need_format")),
        fault=_fault(box, scale),
    )


def _names_image(task: str, question: str) -> bool:
    return task != "group_grounding" and (task != "diff" or bool(_NUMBERED.search(question)))


def _named_image(question: str, images: int) -> int | None:
    """1-based number of the last image that the question names. Questions name the source image first, and the image
    with the ground-truth box last.
    """
    named = list(_IMAGE.finditer(question))
    if not named:
        return 1 if "source image" in question else None
    nth, word, numbered = named[-1].groups()
    number = _ORDINALS.index(word) + 1 if word else int(nth or numbered)
    return number if number <= images else None


def _reference_box(match: re.Match[str]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = map(int, match.groups())
    return x1, y1, x2, y2


def _fault(box: Box, scale: int) -> str:
    x1, y1, x2, y2 = box
    if x1 >= x2 or y1 >= y2:
        return "empty or inverted box"
    return "" if min(box) >= 0 and max(box) <= scale else f"box outside 0-{scale}"
