"""Checks the form of rows from an untrusted shard before they are used."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cgc_data.common.errors import ReleaseError
from cgc_data.release.schema import arrow_schema

NULLABLE = frozenset({"query.img_idx", "query.ref_img_idx", "query.ref_bbox", "prompt.content.text", "images.path"})
LENGTHS = {"bbox_2d": 4, "bbox_px": 4, "ref_bbox": 4, "window": 4, "transform": 6}
POSITIVE = frozenset(
    {
        *("views.width", "views.height", "objects.img_idx", "evidence.img_idx", "query.img_idx", "query.ref_img_idx"),
        *("answer_images", "reference_images"),
    }
)
FILLED = frozenset({"views", "prompt"})
NUMBERED = ("objects", "evidence", "answer_images", "reference_images")  # lists with image numbers
_TYPES = {field.name: field.type for field in arrow_schema()}


def checked(batch: pa.RecordBatch, path: Path, *, embedded: bool = False) -> pa.RecordBatch:
    """The columns of a batch, cast to the types of the schema. Raises ReleaseError, which names the shard, if the batch
    does not contain rows of a release.

    `embedded` states whether rows must have images.
    """
    try:
        columns = {name: _typed(batch.column(name), name) for name in batch.schema.names}
        for name, column in columns.items():
            _check(column, name)
        if "views" in columns:
            for name in NUMBERED:
                if name in columns:
                    _check_numbers(columns[name], columns["views"], name)
            if "images" in columns:
                _check_images(columns["images"], columns["views"], embedded)
    except (ValueError, pa.ArrowException) as error:
        raise ReleaseError(f"{path}: not rows of a release ({error}); build or download it again") from None
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _typed(column: pa.Array, name: str) -> pa.Array:
    wanted = _TYPES.get(name, column.type)
    return column if column.type == wanted else column.cast(wanted)


def _check(array: pa.Array, name: str) -> None:
    if array.null_count and name not in NULLABLE:
        raise ValueError(f"{name} is missing")
    least = pc.min(array).as_py() if name in POSITIVE and not pa.types.is_list(array.type) else None
    if least is not None and least < 1:
        raise ValueError(f"{name} is less than 1")
    if pa.types.is_floating(array.type) and not np.isfinite(array.drop_null().to_numpy(zero_copy_only=False)).all():
        raise ValueError(f"{name} is not a finite number")
    if pa.types.is_struct(array.type):
        for position, field in enumerate(array.type):
            _check(array.field(position), f"{name}.{field.name}")
    elif pa.types.is_list(array.type):
        length = LENGTHS.get(name.rpartition(".")[2])
        if length and pc.any(pc.not_equal(pc.list_value_length(array), length)).as_py():
            raise ValueError(f"{name} does not contain {length} numbers")
        if name in FILLED and pc.any(pc.equal(pc.list_value_length(array), 0)).as_py():
            raise ValueError(f"{name} is empty")
        _check(array.flatten(), name)


def _check_numbers(entries: pa.Array, views: pa.Array, name: str) -> None:
    """Check that every entry of a row refers to one of the row's views."""
    rows = pc.list_parent_indices(entries).to_numpy()
    most = pc.list_value_length(views).to_numpy(zero_copy_only=False)[rows]
    numbers = entries.flatten()
    numbers = numbers.field("img_idx") if pa.types.is_struct(numbers.type) else numbers
    if (numbers.to_numpy() > most).any():
        raise ValueError(f"{name} refers to more images than the row has")


def _check_images(images: pa.Array, views: pa.Array, embedded: bool) -> None:
    """Check that every row has one image per view, or no images if the release does not embed them."""
    found, wanted = (pc.list_value_length(column).to_numpy(zero_copy_only=False) for column in (images, views))
    if ((found != wanted) & (embedded | (found > 0))).any():
        raise ValueError("a row has a different number of images than views")
