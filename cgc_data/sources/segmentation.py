"""Reads the mask of an instance on demand, from the byte range of its segmentation in the annotation file."""

import mmap
from types import TracebackType
from typing import Any

import msgspec

from cgc_data.common.errors import SegmentationError, SourceError
from cgc_data.masks import Rle, compressed_rle, polygons_rle, run_lengths_rle
from cgc_data.sources.table import SourceTable


class RunLengths(msgspec.Struct, gc=False):
    """COCO's RLE. `size` is height, width. `counts` is a list for crowds, and a compressed string otherwise."""

    counts: list[int] | str
    size: tuple[int, int]


_DECODER = msgspec.json.Decoder(list[list[float]] | RunLengths | None)


class Segmentations:
    """The masks of a source, as a context manager. Use one object per process.

    Raises SourceError if the annotation file is missing, or if its size has changed since it was indexed.
    """

    def __init__(self, table: SourceTable) -> None:
        self._table = table
        self._offsets = table.annotations["segmentation_offset"].to_numpy()
        self._lengths = table.annotations["segmentation_length"].to_numpy()
        try:
            with table.path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise SourceError(f"{table.path}: cannot be read ({error}); put the annotation file back") from error
        if len(self._bytes) != table.num_bytes:
            raise SourceError(f"{table.path}: changed since it was indexed; start again with the current file")

    def __enter__(self) -> "Segmentations":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the annotation file."""
        self._bytes.close()

    def rle(self, annotation_row: int, height: int, width: int) -> Rle | None:
        """Mask of an annotation, as pycocotools' compressed RLE; None if the annotation has no mask.

        `height` and `width` are the size of the photo. Raises SegmentationError if the segmentation in the file is not
        a mask of this size.
        """
        start, length = int(self._offsets[annotation_row]), int(self._lengths[annotation_row])
        if not length:
            return None
        try:
            return _rle(self._bytes[start : start + length], height, width)
        except (SegmentationError, msgspec.DecodeError, RecursionError) as error:
            annotation = self._table.annotations["annotation_id"][annotation_row]
            kind = error.kind if isinstance(error, SegmentationError) else "neither polygons nor run lengths"
            detail = f"{self._table.path}: annotation {annotation}: {error}; correct it"
            raise SegmentationError(kind, detail) from error


def _rle(text: bytes, height: int, width: int) -> Rle | None:
    value: Any = _DECODER.decode(text)
    if not value:
        return None
    if isinstance(value, list):
        return polygons_rle(value, height, width)
    if value.size != (height, width):
        raise SegmentationError(
            "the mask does not have the size of the photo",
            f"the mask has {value.size[1]} x {value.size[0]} pixels, but the photo has {width} x {height}",
        )
    if isinstance(value.counts, str):
        return compressed_rle(value.counts, height, width)
    return run_lengths_rle(value.counts, height, width)
