"""COCO instances: photos are named by `file_name`, and a missing crowd flag is unknown."""

from pathlib import Path

from cgc_data.common.errors import SourceError
from cgc_data.sources.parse import Format
from cgc_data.sources.records import Image


def file_names(path: Path, images: list[Image]) -> list[str]:
    """`file_name` of each image; raises SourceError where one has none."""
    for image in images:
        if not image.file_name:
            raise SourceError(f"{path}: image {image.id} has no file_name; an LVIS file is given as --lvis")
    return [image.file_name or "" for image in images]


COCO = Format(file_names=file_names, crowd_unless_stated=-1)
