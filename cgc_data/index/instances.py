"""Instances of all photos in flat arrays.

The arrays are sorted by photo and concept, so that instances can be found by binary search.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgc_data.sources import SourceTable


@dataclass(frozen=True)
class Instances:
    """Parallel arrays of shape (instances,), sorted by (photo, concept, source row)."""

    photo: NDArray[np.int64]
    concept: NDArray[np.int32]
    source: NDArray[np.int16]
    row: NDArray[np.int64]  # row number in the annotations of that source
    box: NDArray[np.float64]  # (instances, 4) x1, y1, x2, y2 in pixels, as annotated
    crowd: NDArray[np.bool_]
    single: NDArray[np.bool_]  # known to be a single instance: a trusted flag states that it is not a crowd

    def of_photo(self, photo: int) -> NDArray[np.int64]:
        """Positions of a photo's instances."""
        return np.arange(*self._range(photo))

    def of(self, photo: int, concept: int) -> NDArray[np.int64]:
        """Positions of the instances of one concept in a photo, including crowds."""
        start, end = self._range(photo)
        return np.asarray((self.concept[start:end] == concept).nonzero()[0] + start)

    def _range(self, photo: int) -> tuple[int, int]:
        starts = self._starts
        return (starts[photo], starts[photo + 1]) if photo + 1 < len(starts) else (starts[-1], starts[-1])

    @cached_property
    def _starts(self) -> list[int]:
        """The position of each photo's first instance, up to the last photo that has instances.

        The last entry is the total number of instances.
        """
        starts: list[int] = np.searchsorted(self.photo, np.arange(self.photo.max(initial=-1) + 2)).tolist()
        return starts

    def select(self, keep: NDArray[np.bool_]) -> "Instances":
        """The instances for which `keep` is true, in the same order."""
        return Instances(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def source_instances(
    table: SourceTable,
    position: int,
    photo_of_image: NDArray[np.int64],
    concept_of_category: NDArray[np.int32],
    single: NDArray[np.bool_],
) -> Instances:
    """Instances of one source. Instances in images without a photo (-1 in `photo_of_image`) are dropped."""
    columns = {
        n: table.annotations.column(n).to_numpy()
        for n in ("image_row", "category_row", "x1", "y1", "x2", "y2", "crowd")
    }
    photo = photo_of_image[columns["image_row"]]
    rows = np.flatnonzero(photo >= 0)
    found = Instances(
        photo=photo[rows],
        concept=concept_of_category[columns["category_row"][rows]],
        source=np.full(len(rows), position, dtype=np.int16),
        row=rows,
        box=np.stack([columns[n][rows] for n in ("x1", "y1", "x2", "y2")], axis=1),
        crowd=columns["crowd"][rows] == 1,
        single=single[rows],
    )
    return _sorted(found)


def merge(parts: list[Instances]) -> Instances:
    """Instances of several sources in one table."""
    joined = Instances(*(np.concatenate([getattr(p, name) for p in parts]) for name in Instances.__dataclass_fields__))
    return _sorted(joined)


def _sorted(instances: Instances) -> Instances:
    order = np.lexsort((instances.row, instances.source, instances.concept, instances.photo))
    return Instances(*(getattr(instances, name)[order] for name in Instances.__dataclass_fields__))
