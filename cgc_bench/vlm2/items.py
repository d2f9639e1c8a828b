"""Reads the items of VLM2-Bench from its question files, `jsonl/{gc,oc,pc}/vanilla/*.jsonl` in the unpacked archive.

The authors do not publish a checksum, so reports always state that the version is not pinned. The digest in the
version distinguishes different copies of the files.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from cgc_bench.errors import AnnotationError
from cgc_bench.prepare.versions import with_digest
from cgc_data.common.text import decode
from cgc_data.metrics.clusters import photo_clusters

# Kind of answer of each subtask, and the folder of its images under the archive's root.
SUBTASKS = {
    "gc_mat": ("pair", "data/gc/processed"),
    "gc_trk": ("pair", "data/gc/processed"),
    "oc_cpr": ("statement", "data/oc/original_obj"),
    "oc_cnt": ("count", "data/oc/original_obj"),
    "oc_grp": ("choice", "data/oc/original_obj"),
    "pc_cpr": ("statement", "data/pc/image/picks_face"),
    "pc_cnt": ("count", "data/pc/image/picks_face"),
    "pc_grp": ("choice", "data/pc/image/picks_face"),
}
VERSION = "unpinned"
# Number of images that the authors' counting script assumes if the file does not state the number.
DEFAULT_LENGTH = 2


class Row(TypedDict, total=False):
    """A line of a question file. `q_id`, `question`, `images`, and `gt_answer` are always present."""

    q_id: str | int
    question: str
    images: list[str]
    gt_answer: str | int
    image_seq_len: int
    image_seq: list[str]


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        index: `SUBTASK/PLACE`. PLACE is the 0-based position in the subtask's file.
        task: a key of `SUBTASKS`.
        kind: `pair` (the answer is only T or F), `statement` (T or F can be in a sentence), `count`, or `choice`.
        q_id: as in the file.
        question: as in the file.
        answer: the correct answer, which is `T`, `F`, a number, or a choice such as `(A) ...`.
        images: paths relative to the subtask's image folder.
        length: number of images, used to score counting questions; `DEFAULT_LENGTH` if the file does not state it.
        pair: key shared by the two items of a pair; empty if the item is not in a pair.
        side: `p` if the item's statement is the true one of the pair, `n` if it is the false one; empty if the item is
            not in a pair.
        version: `VERSION` with a digest of the question file.
        cluster: ID shared by all items that share photos or belong to the same pair.
        fault: what is unusual about the annotation; empty if nothing is unusual.
    """

    index: str
    task: str
    kind: str
    q_id: str
    question: str
    answer: str | int
    images: tuple[str, ...]
    length: int
    pair: str
    side: str
    version: str
    cluster: str
    fault: str


def read_items(annotations: Path, *, version: str | None = None) -> dict[str, Item]:
    """Items, keyed by index. `annotations` is the folder of the unpacked archive, the `jsonl` folder in it, or a single
    question file.

    Raises:
        AnnotationError: no question file exists, a file is damaged or in another format, or `version` is neither None
            nor `VERSION`.
    """
    if version not in (None, VERSION):
        raise AnnotationError(f"there is no version {version!r} of VLM2-Bench; the only version is {VERSION!r}")
    contents = {task: (file, _read_bytes(file)) for task, file in question_files(annotations).items()}
    versions = {task: with_digest(VERSION, content) for task, (_, content) in contents.items()}
    rows = [entry for task, (file, content) in contents.items() for entry in _rows(task, file, content)]
    pairs = [_pair(task, row) for task, _, row in rows]
    linked = [_links(task, row, pair) for (task, _, row), (pair, _) in zip(rows, pairs, strict=True)]
    clusters = photo_clusters(linked)
    entries = zip(rows, pairs, clusters, strict=True)
    items = [_item(*row, *pair, cluster, versions[row[0]]) for row, pair, cluster in entries]
    return {item.index: item for item in items}


def question_files(annotations: Path) -> dict[str, Path]:
    """The question files by subtask. If `annotations` is a file, returns only this file. Raises AnnotationError."""
    if annotations.is_file():
        if annotations.stem not in SUBTASKS:
            raise AnnotationError(f"{annotations} is not named after a subtask: {', '.join(SUBTASKS)}")
        return {annotations.stem: annotations}
    roots = (annotations / "jsonl", annotations / "vlm2-bench" / "jsonl", annotations)
    for root in roots:
        names = {task: root / task.partition("_")[0] / "vanilla" / f"{task}.jsonl" for task in SUBTASKS}
        found = {task: file for task, file in names.items() if file.is_file()}
        if found:
            return found
    raise AnnotationError(f"{annotations} contains no question file such as jsonl/gc/vanilla/gc_mat.jsonl")


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise AnnotationError(f"cannot read {file}: {error.strerror}") from error


def _rows(task: str, file: Path, content: bytes) -> Iterator[tuple[str, int, Row]]:
    written = [(number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    for place, (number, line) in enumerate(written):
        try:
            row = json.loads(decode(line, f"{file}, line {number}", AnnotationError))
        except (ValueError, RecursionError) as error:
            raise AnnotationError(f"{file}, line {number}: not JSON ({error})") from error
        fault = _form_fault(task, row)
        if fault:
            raise AnnotationError(f"{file}, line {number}: {fault}")
        yield task, place, row


def _form_fault(task: str, row: Any) -> str:
    """Why a row is not a valid item; empty if it is valid."""
    if not isinstance(row, dict) or not isinstance(row.get("question"), str) or "q_id" not in row:
        return "the row does not contain both a `q_id` and a `question` string"
    images, answer = row.get("images"), row.get("gt_answer")
    if not isinstance(images, list) or not images or not all(isinstance(path, str) for path in images):
        return "`images` is not a list of paths"
    if SUBTASKS[task][0] == "count":
        return "" if type(answer) is int else "`gt_answer` is not a whole number"
    return "" if isinstance(answer, str) and answer.strip() else "`gt_answer` is not a string"


def _pair(task: str, row: Row) -> tuple[str, str]:
    """The key of the row's pair, and the row's side (`p` or `n`). Both are empty if the row is not in a pair.

    For the kind `statement`, IDs have the form `NAME_p` or `NAME_n`. In `pc_cpr`, they can also have the prefix `tf_`.
    A row with any other ID is not in a pair, as in the authors' code.
    """
    kind, q_id = SUBTASKS[task][0], str(row["q_id"])
    if kind == "pair":
        return f"{task}/{q_id}", {"T": "p", "F": "n"}.get(str(row["gt_answer"]), "")
    if kind != "statement":
        return "", ""
    name, _, side = (q_id.removeprefix("tf_") if task == "pc_cpr" else q_id).partition("_")
    return (f"{task}/{name}", side) if side in ("p", "n") else ("", "")


def _links(task: str, row: Row, pair: str) -> list[str]:
    folder = SUBTASKS[task][1]
    return [*(f"{folder}/{path}" for path in row["images"]), *([f"pair {pair}"] if pair else [])]


def _item(task: str, place: int, row: Row, pair: str, side: str, cluster: str, version: str) -> Item:
    kind = SUBTASKS[task][0]
    length = _length(row)
    return Item(
        index=f"{task}/{place}",
        task=task,
        kind=kind,
        q_id=str(row["q_id"]),
        question=row["question"],
        answer=row["gt_answer"],
        images=tuple(row["images"]),
        length=length or DEFAULT_LENGTH,
        pair=pair,
        side=side,
        version=version,
        cluster=cluster,
        fault=_fault(kind, side, length, len(row["images"])),
    )


def _length(row: Row) -> int:
    """The number of images that the row states, or 0 if it states none."""
    stated, sequence = row.get("image_seq_len"), row.get("image_seq")
    if stated is None and isinstance(sequence, list):
        return len(sequence)
    return stated if type(stated) is int and stated > 0 else 0


def _fault(kind: str, side: str, length: int, images: int) -> str:
    if images < 2:
        return "the question has fewer than two images, unlike every published question"
    if kind in ("pair", "statement") and not side:
        return "the question has no pair, so the authors' script skips it"
    if kind == "count" and not length:
        return f"the number of images is not given, so the authors' script assumes {DEFAULT_LENGTH}"
    return ""
