"""Defines what the declaration of an annotation format contains."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cgc_data.sources.formats.protocol import AnnotationProtocol
from cgc_data.sources.records import Image


class FileNames(Protocol):
    """A function that returns the photo's file name for each image record. Raises SourceError if a record names no
    photo.
    """

    def __call__(self, path: Path, images: list[Image]) -> list[str]: ...


@dataclass(frozen=True)
class Format:
    """One annotation format. The files of every format are JSON with COCO's four lists. Formats differ in how they
    interpret these lists.

    Attributes:
        name: name of the format (such as `coco`), used in the configuration and manifest, as a command-line flag, and
            as the prefix of a source's key.
        content: description of the files of this format, for the help of `cgc-data build`.
        one: the usual name of the format with an article, such as "a COCO".
        file_names: function that returns the photo's file name for each image record.
        crowd_unless_stated: crowd flag to assume for an annotation without a crowd flag; -1 means unknown.
        coco_photos: whether files of this format always annotate COCO's photos, under COCO's file names. The categories
            can be different.
        protocol: what can be concluded from files of this format, such as which categories are absent.
    """

    name: str
    content: str
    one: str
    file_names: FileNames
    crowd_unless_stated: int
    coco_photos: bool
    protocol: AnnotationProtocol
