"""The photos that an annotation file lists, for benchmarks that replace them by empty files."""

from collections.abc import Iterator
from pathlib import Path

import msgspec


class _Image(msgspec.Struct):
    """The fields that are read from an image record."""

    coco_url: str = ""
    file_name: str = ""


class _Listed(msgspec.Struct):
    """The fields that are read from an annotation file."""

    images: list[_Image]


def photo_names(annotations: Path) -> Iterator[str]:
    """File names of the photos that an annotation file lists."""
    listed = msgspec.json.decode(annotations.read_bytes(), type=_Listed)
    return ((image.file_name or image.coco_url).rpartition("/")[2] for image in listed.images)
