"""What an annotation format declares: everything that the rest of the project needs to know about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cgc_data.sources.formats.protocol import AnnotationProtocol
from cgc_data.sources.records import Image


class FileNames(Protocol):
    """Returns the photos that image records refer to. Raises SourceError if a record names none."""

    def __call__(self, path: Path, images: list[Image]) -> list[str]: ...


@dataclass(frozen=True)
class Format:
    """One annotation format: JSON with COCO's four lists, interpreted in the format's own way.

    Attributes:
        name: in configuration and manifest, as a command-line flag, and as the prefix of a source's key.
        content: what a file contains, for the help of `cgc-data build`.
        one: the common name with its article.
        file_names: the photos that its image records refer to.
        crowd_unless_stated: crowd flag of an annotation without one; -1: unknown.
        coco_photos: whether its files are always about COCO's photos, whatever their categories, so that photos have
            COCO's names.
        protocol: what its files warrant.
    """

    name: str
    content: str
    one: str
    file_names: FileNames
    crowd_unless_stated: int
    coco_photos: bool
    protocol: AnnotationProtocol
