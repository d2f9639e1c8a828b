"""Removes the parts of an annotation file that the user declares faulty, before anything is derived from them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cgc_data.sources.table import SourceTable

Part: TypeAlias = Literal["masks", "crowd", "duplicates"]
PARTS: tuple[Part, ...] = get_args(Part)


def without(table: SourceTable, parts: Sequence[Part]) -> SourceTable:
    """The source, as if the file did not contain these parts. The table is unchanged if `parts` is empty."""
    for part in PARTS:
        if part in parts:
            table = replace(table, annotations=_CLEANED[part](table.annotations))
    return table


def duplicates(annotations: pa.Table) -> NDArray[np.bool_]:
    """Boolean mask of shape (annotations,): true if an earlier annotation has exactly the same photo, category, and
    box.
    """
    names = ("image_row", "category_row", "x1", "y1", "x2", "y2")
    rows = np.stack([annotations.column(name).to_numpy().astype(np.float64) for name in names], axis=1)
    first = np.unique(rows, axis=0, return_index=True)[1]  # rows are sorted by id within a photo
    repeated = np.ones(len(rows), dtype=np.bool_)
    repeated[first] = False
    return repeated


def _with_column(annotations: pa.Table, name: str, value: int) -> pa.Table:
    field = annotations.schema.field(name)
    filled = pa.array(np.full(annotations.num_rows, value), type=field.type)
    return annotations.set_column(annotations.schema.get_field_index(name), field, filled)


def _without_duplicates(annotations: pa.Table) -> pa.Table:
    return annotations.filter(pa.array(~duplicates(annotations))).combine_chunks()


_CLEANED: dict[Part, Callable[[pa.Table], pa.Table]] = {
    "masks": lambda annotations: _with_column(annotations, "segmentation_length", 0),
    "crowd": lambda annotations: _with_column(annotations, "crowd", 0),
    "duplicates": _without_duplicates,
}
