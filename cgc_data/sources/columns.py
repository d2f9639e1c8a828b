"""Gather decoded records into columns and join them by id.

Annotations are gathered a batch at a time into numpy arrays, so that no object a record outlives its batch.
"""

from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cgc_data.errors import SourceError
from cgc_data.sources.records import Annotation, Category, Image, License
from cgc_data.sources.stream import Batch
from cgc_data.sources.table import ANNOTATIONS, CATEGORIES, IMAGES, LICENSES

Array = npt.NDArray[Any]

_SHORTEST_SEGMENTATION = 8  # bytes; what is shorter may be null or []


def _column(items: list[Any], field: str, dtype: type[np.generic]) -> Array:
    return np.fromiter(map(attrgetter(field), items), dtype, len(items))


class AnnotationColumns:
    """Columns of all annotations, gathered batch by batch."""

    def __init__(self, path: Path, crowd_unless_stated: int) -> None:
        self._path = path
        self._crowd_unless_stated = crowd_unless_stated
        self._parts: dict[str, list[Array]] = {}

    def add(self, batch: Batch) -> None:
        """Take over the `Annotation` items of a batch."""
        items: list[Annotation] = batch.items
        boxes = np.array([item.bbox for item in items], np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        offsets, lengths = _segmentation_ranges(batch)
        columns = {
            "annotation_id": _column(items, "id", np.int64),
            "image_id": _column(items, "image_id", np.int64),
            "category_id": _column(items, "category_id", np.int64),
            "boxes": boxes,
            "area": np.array([_area(item) for item in items], np.float64),
            "crowd": np.array([self._crowd(item) for item in items], np.int8),
            "segmentation_offset": offsets,
            "segmentation_length": lengths,
        }
        for name, values in columns.items():
            self._parts.setdefault(name, []).append(values)

    def table(self, image_ids: Array, category_ids: Array) -> pa.Table:
        """The annotations, sorted by image row and annotation id.

        Raises SourceError for an id that occurs twice and for images or categories that are not in the file.
        """
        if not self._parts:
            return ANNOTATIONS.empty_table()
        ids = self._take("annotation_id")
        refuse_twice(self._path, "annotation", ids)
        image_rows = self._rows("image", image_ids, ids)
        category_rows = self._rows("category", category_ids, ids)
        order = np.lexsort((ids, image_rows))
        columns = {"annotation_id": ids[order], "image_row": image_rows[order], "category_row": category_rows[order]}
        del ids, image_rows, category_rows
        boxes = self._take("boxes")
        columns.update((name, boxes[order, i]) for i, name in enumerate(("x1", "y1", "x2", "y2")))
        del boxes
        for name in list(self._parts):
            columns[name] = self._take(name)[order]
        return pa.table([pa.array(columns[name]) for name in ANNOTATIONS.names], schema=ANNOTATIONS)

    def _take(self, name: str) -> Array:
        return np.concatenate(self._parts.pop(name))

    def _rows(self, what: str, known: Array, annotation_ids: Array) -> Array:
        wanted = self._take(f"{what}_id")
        rows = np.searchsorted(known, wanted).astype(np.int32)
        unknown = np.flatnonzero(known[np.minimum(rows, len(known) - 1)] != wanted) if len(known) else [0]
        if len(unknown):
            first = unknown[0]
            raise SourceError(
                f"{self._path}: annotation {annotation_ids[first]} is of {what} {wanted[first]}, which the file does "
                f"not list; add it or remove the annotation"
            )
        return rows

    def _crowd(self, item: Annotation) -> int:
        return self._crowd_unless_stated if item.iscrowd is None else int(bool(item.iscrowd))


def _area(item: Annotation) -> float:
    return item.bbox[2] * item.bbox[3] if item.area is None else item.area


def _segmentation_ranges(batch: Batch) -> tuple[Array, Array]:
    """Offset and length in the file of each item's segmentation; 0, 0 where there is none."""
    raws = [item.segmentation for item in batch.items]
    lengths = np.fromiter(map(len, raws), np.int32, len(raws))
    for row in np.flatnonzero(lengths < _SHORTEST_SEGMENTATION):
        if bytes(raws[row]).translate(None, b" \t\r\n") in (b"", b"null", b"[]", b"{}"):
            lengths[row] = 0
    addresses = np.fromiter((pa.py_buffer(raw).address for raw in raws), np.int64, len(raws))
    return np.where(lengths > 0, addresses - batch.shift, 0), lengths


def refuse_twice(path: Path, what: str, ids: Array) -> None:
    """Raise SourceError where an id occurs twice."""
    ordered = np.sort(ids)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        names = ", ".join(map(str, np.unique(twice)[:3]))
        raise SourceError(f"{path}: {what} id {names} occurs more than once; ids must be unique, renumber them")


def image_table(path: Path, images: list[Image], file_names: list[str]) -> pa.Table:
    """Images, which are sorted by id, and the photo each stands for."""
    refuse_twice(path, "image", _column(images, "id", np.int64))
    for image in images:
        if image.width <= 0 or image.height <= 0:
            raise SourceError(f"{path}: image {image.id} is {image.width} x {image.height} pixels; correct its size")
    rows = {
        "image_id": [image.id for image in images],
        "file_name": file_names,
        "width": [image.width for image in images],
        "height": [image.height for image in images],
        "license": [_license_id(image.license) for image in images],
        "coco_url": [image.coco_url or "" for image in images],
        "flickr_url": [image.flickr_url or "" for image in images],
        "negative": [image.neg_category_ids or [] for image in images],
        "not_exhaustive": [image.not_exhaustive_category_ids or [] for image in images],
    }
    return pa.table(rows, schema=IMAGES)


def category_table(path: Path, categories: list[Category]) -> pa.Table:
    """Categories sorted by id."""
    categories = sorted(categories, key=attrgetter("id"))
    refuse_twice(path, "category", _column(categories, "id", np.int64))
    rows = {
        "category_id": [category.id for category in categories],
        "name": [category.name for category in categories],
        "synset": [category.synset or "" for category in categories],
        "synonyms": [category.synonyms or [] for category in categories],
        "supercategory": [category.supercategory or "" for category in categories],
        "frequency": [category.frequency or "" for category in categories],
    }
    return pa.table(rows, schema=CATEGORIES)


def license_table(licenses: Iterable[License]) -> pa.Table:
    """Licences in the order of the file."""
    rows = [{"license": _license_id(x.id), "url": x.url or "", "name": x.name or ""} for x in licenses]
    return pa.Table.from_pylist(rows, schema=LICENSES)


def _license_id(value: int | str | None) -> int:
    """0 where a file states no number: such a photo has no known licence."""
    return value if isinstance(value, int) else 0
