"""Narrows an index to some of its photos, so that it is small enough to send to another process or machine.

The annotation files and the photos are still read from their original locations.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cgc_data.index.build import Index
from cgc_data.index.instances import Instances
from cgc_data.index.photos import Photo
from cgc_data.index.presence import Claims
from cgc_data.sources import SourceTable

Rows = NDArray[np.int64]


def narrowed(index: Index, photos: NDArray[np.intp]) -> Index:
    """A copy of the index, as if the sources listed only these photos. `photos` contains the sorted positions of the
    photos, (photos,). Annotation rows are renumbered, but image rows are not.
    """
    inside = _inside(index.instances, photos)
    instances = Instances(*(getattr(index.instances, name)[inside] for name in Instances.__dataclass_fields__))
    sources = range(len(index.tables))
    kept = [np.unique(instances.row[instances.source == source]) for source in sources]
    listed = [index.photos[photo] for photo in photos.tolist()]
    shown = [_image_rows(listed, source) for source in sources]
    return replace(
        index,
        tables=tuple(_with_rows(table, rows) for table, rows in zip(index.tables, kept, strict=True)),
        photos=listed,
        left_out=[],
        apart=[],
        renamed=[[] for _ in sources],
        states=index.states[photos],
        claims=tuple(_of_images(claims, rows) for claims, rows in zip(index.claims, shown, strict=True)),
        places=index.places[inside],
        instances=replace(instances, photo=np.searchsorted(photos, instances.photo), row=_new_rows(instances, kept)),
    )


def _inside(instances: Instances, photos: NDArray[np.intp]) -> Rows:
    """Positions of the instances of these photos, in order."""
    starts, ends = np.searchsorted(instances.photo, [photos, photos + 1])
    lengths = ends - starts
    return np.asarray(np.arange(lengths.sum()) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths))


def _new_rows(instances: Instances, kept: Sequence[Rows]) -> Rows:
    rows = np.empty_like(instances.row)
    for source, left in enumerate(kept):
        own = instances.source == source
        rows[own] = np.searchsorted(left, instances.row[own])
    return rows


def _with_rows(table: SourceTable, rows: Rows) -> SourceTable:
    """A copy of the source with only these annotations and without images.

    An Arrow slice would not be enough: when it is sent to another process, it still contains the whole table.
    """
    return replace(
        table,
        images=table.images.schema.empty_table(),
        annotations=table.annotations.take(rows).combine_chunks(),
        unusable=table.unusable.schema.empty_table(),
    )


def _image_rows(photos: Sequence[Photo], source: int) -> Rows:
    """Rows of these photos in the source's images, sorted."""
    found = [seen.image_row for photo in photos for seen in photo.appearances if seen.source == source]
    return np.unique(np.array(found, dtype=np.int64))


def _of_images(claims: Claims, rows: Rows) -> Claims:
    return replace(claims, states=claims.states[rows], single=claims.single[:0].copy(), rows=rows)
