"""Converts decoded records into columns, and joins the columns by id. Records are converted batch by batch, so that
memory contains only the records of one batch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cgc_data.common.errors import SourceError
from cgc_data.geometry import NORMALIZED, BoxFormat, corners
from cgc_data.sources.faults import (
    NO_BOX,
    NO_CATEGORY,
    NO_IMAGE,
    TWICE,
    Faults,
    check_faults,
    rows_of,
    unusable,
    written_twice,
)
from cgc_data.sources.lenient import number_of
from cgc_data.sources.records import Annotation, Box, Category, Image, License
from cgc_data.sources.stream import Batch
from cgc_data.sources.table import ANNOTATIONS, CATEGORIES, IMAGES, LICENSES, UNUSABLE

Array = npt.NDArray[Any]

NAN = float("nan")
MOST_PIXELS = 2**28  # limit per photo, because an index of masks for larger photos would take unbounded memory
_NO_BOX = Box(0.0, 0.0, 0.0, 0.0)
_LONGEST_EMPTY = 16  # bytes; segmentations that are longer are not empty
_EMPTY = (b"", b"null", b"[]", b"{}")


def image_columns(path: Path, images: Sequence[Image], file_names: list[str]) -> pa.Table:
    """Convert image records to table rows; `file_names` lists the file name of each record's photo. Raises SourceError
    for an impossible image size.
    """
    for image in images:
        if min(image.width, image.height) <= 0 or image.width * image.height > MOST_PIXELS:
            raise SourceError(f"{path}: image {image.id} is {image.width} x {image.height} pixels; correct its size")
    rows = {
        "image_id": [image.id for image in images],
        "file_name": file_names,
        "width": [image.width for image in images],
        "height": [image.height for image in images],
        "license": [_license_id(image.license) for image in images],
        "coco_url": [image.coco_url or "" for image in images],
        "flickr_url": [image.flickr_url or "" for image in images],
        "negative": [image.neg_category_ids or () for image in images],
        "not_exhaustive": [image.not_exhaustive_category_ids or () for image in images],
    }
    return pa.table(rows, schema=IMAGES)


def category_columns(categories: Sequence[Category]) -> pa.Table:
    """Category records as rows."""
    rows = {
        "category_id": [category.id for category in categories],
        "name": [category.name for category in categories],
        "synset": [category.synset or "" for category in categories],
        "synonyms": [category.synonyms or () for category in categories],
        "supercategory": [category.supercategory or "" for category in categories],
        "frequency": [category.frequency or "" for category in categories],
    }
    return pa.table(rows, schema=CATEGORIES)


def license_columns(licenses: Sequence[License]) -> pa.Table:
    """License records as rows."""
    rows = {
        "license": [_license_id(entry.id) for entry in licenses],
        "url": [entry.url or "" for entry in licenses],
        "name": [entry.name or "" for entry in licenses],
    }
    return pa.table(rows, schema=LICENSES)


def sorted_by_id(path: Path, what: str, parts: list[pa.Table], schema: pa.Schema) -> pa.Table:
    """All rows, sorted by the id, which is the first column. Raises SourceError if an id occurs twice."""
    table = pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()
    ids = table[0].to_numpy()
    order = np.argsort(ids, kind="stable")
    _refuse_twice(path, what, ids[order])
    return table.take(order)


class AnnotationColumns:
    """Columns of all annotations, collected batch by batch."""

    def __init__(self, path: Path, crowd_unless_stated: int, box_format: BoxFormat) -> None:
        self._path, self._box_format = path, box_format
        self._crowd_unless_stated = crowd_unless_stated
        self._parts: dict[str, list[Array]] = {}

    def add(self, batch: Batch) -> None:
        """Append the `Annotation` items of a batch."""
        items: list[Annotation] = batch.items
        boxes = [item.bbox or _NO_BOX for item in items]
        x, y = _floats([box.x for box in boxes]), _floats([box.y for box in boxes])
        width, height = _floats([box.width for box in boxes]), _floats([box.height for box in boxes])
        x1, y1, x2, y2 = corners(x, y, width, height, self._box_format)
        unboxed = np.fromiter((item.bbox is None for item in items), np.bool_, len(items)) | (x2 < x1) | (y2 < y1)
        x1, y1, x2, y2 = (np.where(unboxed, 0.0, side) for side in (x1, y1, x2, y2))
        area = _floats([NAN if item.area is None else item.area for item in items])
        unstated = self._crowd_unless_stated
        crowd = [unstated if item.iscrowd is None else bool(item.iscrowd) for item in items]
        offsets, lengths = _segmentation_ranges(batch)
        columns = {
            "annotation_id": _integers([item.id for item in items]),
            "image_id": _integers([item.image_id for item in items]),
            "category_id": _integers([item.category_id for item in items]),
            "x1": x1,
            "y1": y1,
            "x2": x2,
            "y2": y2,
            "area": np.where(np.isnan(area), (x2 - x1) * (y2 - y1), area),
            "crowd": _integers(crowd).astype(np.int8),
            "segmentation_offset": offsets,
            "segmentation_length": lengths,
            "unboxed": unboxed,
        }
        for name, values in columns.items():
            self._parts.setdefault(name, []).append(values)

    def used_categories(self) -> set[int]:
        """Ids of the categories that annotations refer to."""
        return {int(number) for part in self._parts.get("category_id", []) for number in np.unique(part)}

    def tables(self, photos: pa.Table, category_ids: Array) -> tuple[pa.Table, pa.Table]:
        """Two tables: the annotations to use, sorted by image row and annotation id, and a list of the faulty
        annotations. `photos` and `category_ids` must be sorted by id.

        Raises SourceError if an id occurs twice, or if more than a few annotations have no box, refer to unlisted
        images, or refer to unlisted categories.
        """
        if not self._parts:
            return ANNOTATIONS.empty_table(), UNUSABLE.empty_table()
        annotation_ids, images = self._take("annotation_id"), self._take("image_id")
        _refuse_twice(self._path, "annotation", np.sort(annotation_ids))
        order = np.lexsort((annotation_ids, images))
        columns = {name: self._take(name)[order] for name in list(self._parts)}
        columns |= {"annotation_id": annotation_ids[order], "image_id": images[order]}
        columns["image_row"], unlisted = rows_of(photos["image_id"].to_numpy(), columns["image_id"])
        columns["category_row"], unnamed = rows_of(category_ids, columns["category_id"])
        unboxed, twice = columns.pop("unboxed"), written_twice(self._path, columns)
        faults: Faults = {NO_IMAGE: unlisted, NO_CATEGORY: unnamed, NO_BOX: unboxed, TWICE: twice}
        check_faults(self._path, columns, faults)
        listed = unusable(columns, faults)
        if (dropped := unlisted | unnamed | twice).any():
            columns = {name: values[~dropped] for name, values in columns.items()}
        if self._box_format.endswith(NORMALIZED):
            _to_pixels(columns, photos)
        return pa.table([pa.array(columns[name]) for name in ANNOTATIONS.names], schema=ANNOTATIONS), listed

    def _take(self, name: str) -> Array:
        return np.concatenate(self._parts.pop(name))


def _to_pixels(columns: dict[str, Array], photos: pa.Table) -> None:
    """Convert boxes from fractions of their photo to pixels, in place."""
    for side, names in (("width", ("x1", "x2")), ("height", ("y1", "y2"))):
        size = photos[side].to_numpy()[columns["image_row"]]
        for name in names:
            columns[name] = columns[name] * size


def _integers(values: list[int]) -> Array:
    return np.fromiter(values, np.int64, len(values))


def _floats(values: list[float]) -> Array:
    return np.fromiter(values, np.float64, len(values))


def _segmentation_ranges(batch: Batch) -> tuple[Array, Array]:
    """Offset and length of each item's segmentation in the file; 0, 0 if the item has none."""
    raws = [item.segmentation for item in batch.items]
    lengths = _integers([len(raw) for raw in raws])
    for row in np.flatnonzero(lengths <= _LONGEST_EMPTY):
        if bytes(raws[row]).translate(None, b" \t\r\n") in _EMPTY:
            lengths[row] = 0
    offsets = _integers(batch.offsets(raws))
    return np.where(lengths > 0, offsets, 0), lengths.astype(np.int32)


def _refuse_twice(path: Path, what: str, ordered: Array) -> None:
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if len(twice):
        names = ", ".join(map(str, twice[:3]))
        raise SourceError(f"{path}: {what} id {names} occurs more than once; ids must be unique, renumber them")


def _license_id(value: int | str | None) -> int:
    """The number of a license, or 0 if the file states no number (the license is unknown)."""
    return number_of(value) or 0
