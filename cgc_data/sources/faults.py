"""Annotations that cannot be used unchanged: they are duplicates, have no box, or refer to images or categories that
are not listed.

Duplicates are dropped. Annotations that refer to unlisted images or categories are dropped if there are only a few of
them; otherwise, the file is refused. Annotations without a box are kept if there are only a few, because they show that
the photo contains their category. A separate table lists all these annotations.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cgc_data.common.errors import SourceError
from cgc_data.sources.table import UNUSABLE

Array: TypeAlias = npt.NDArray[Any]
Faults: TypeAlias = dict[str, npt.NDArray[np.bool_]]  # masks (annotations,), by fault

NO_IMAGE, NO_CATEGORY = "annotation of no listed photo", "annotation of no listed category"
NO_BOX, TWICE = "annotation without a box", "annotation written twice"
MOST_FAULTY = 0.01  # share of the annotations that may be faulty; one faulty annotation is always allowed
_FIXES = {
    NO_IMAGE: (
        "refer to images that the file does not list, such as image {image_id}; add these images or remove the "
        "annotations"
    ),
    NO_CATEGORY: (
        "refer to categories that the file does not list, such as {category_id}; add these categories or remove the "
        "annotations"
    ),
    NO_BOX: (
        "have a box that is not four numbers, or whose width or height is negative; correct them, or set "
        "`--bbox-format` to the format of the boxes"
    ),
}
_COORDINATES = ("x1", "y1", "x2", "y2")


def rows_of(known: Array, wanted: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """For each id in `wanted`: its position in the sorted ids `known`, and whether it is missing from them."""
    rows = np.searchsorted(known, wanted).astype(np.int32)
    missing = known.take(rows, mode="clip") != wanted if len(known) else np.ones(len(wanted), dtype=bool)
    return rows, missing


def written_twice(path: Path, columns: Mapping[str, Array]) -> npt.NDArray[np.bool_]:
    """Boolean mask of shape (annotations,): true if the annotation equals an earlier one except for the id. Some tools
    save everything twice.
    """
    values = [columns[name] for name in ("image_id", "category_id", "crowd", "segmentation_length", *_COORDINATES)]
    order = np.argsort(_mixed(values), kind="stable")
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in values:
        same &= column[order][1:] == column[order][:-1]
    found = np.zeros(len(order), dtype=bool)
    found[order[1:][same]] = True
    found &= (columns["x2"] > columns["x1"]) & (columns["y2"] > columns["y1"])
    pairs = [(one, other) for one, other in zip(order[:-1][same], order[1:][same], strict=True) if found[other]]
    return _with_one_mask(path, columns, pairs, found)


def _mixed(values: Iterable[Array]) -> npt.NDArray[np.uint64]:
    """A hash per row. Rows that are equal in all columns have the same hash."""
    mixed = np.uint64(0)
    for column in values:
        mixed = (mixed ^ column.astype(np.float64).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return np.asarray(mixed)


def _with_one_mask(
    path: Path, columns: Mapping[str, Array], pairs: Iterable[tuple[int, int]], found: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """The boolean mask `found`, true only for duplicates that also have the segmentation of the earlier annotation."""
    offsets, lengths = columns["segmentation_offset"], columns["segmentation_length"]
    with path.open("rb") as file:
        for one, other in pairs:
            texts = [os.pread(file.fileno(), int(lengths[row]), int(offsets[row])) for row in (one, other)]
            found[other] = texts[0] == texts[1]
    return found


def check_faults(path: Path, columns: Mapping[str, Array], faults: Faults) -> None:
    """Raise SourceError if more than a few annotations have the same fault. Duplicates are not an error."""
    for reason, fix in _FIXES.items():
        count, of = int(faults[reason].sum()), len(faults[reason])
        if of and (count == of or count > max(1, MOST_FAULTY * of)):
            first = {name: values[int(np.argmax(faults[reason]))] for name, values in columns.items()}
            example = f"annotation {first['annotation_id']}"
            raise SourceError(
                f"{path}: {count:,} of {of:,} annotations (the first is {example}) {fix.format_map(first)}"
            )


def unusable(columns: Mapping[str, Array], faults: Faults) -> pa.Table:
    """The faulty annotations, each listed with its first fault."""
    reasons, found = list(faults), np.stack(list(faults.values()))
    rows = np.flatnonzero(found.any(axis=0))
    first = [reasons[place] for place in np.argmax(found[:, rows], axis=0)]
    return pa.table([columns["annotation_id"][rows], columns["image_id"][rows], first], schema=UNUSABLE)
