"""What a format of annotation files declares: all that the rest of the project needs to know about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cgc_data.sources.formats.protocol import AnnotationProtocol
from cgc_data.sources.records import Image


class FileNames(Protocol):
    """Says which photos image records stand for; raises SourceError where they do not say."""

    def __call__(self, path: Path, images: list[Image]) -> list[str]: ...


@dataclass(frozen=True)
class Format:
    """One format of annotation files: JSON with COCO's four lists, of which each format makes something else.

    Attributes:
        name: in configuration and manifest, of the command line's flag, and at the start of a source's key.
        content: what a file of it is, as the help of `cgc-data build` puts it.
        one: "a" or "an" with the name that people call it by.
        file_names: which photos its image records stand for.
        crowd_unless_stated: crowd flag of an annotation that has none; -1: unknown.
        coco_photos: whether its files are about COCO's photos whatever their categories, so that photos are named as
            COCO names them.
        protocol: what its files warrant.
    """

    name: str
    content: str
    one: str
    file_names: FileNames
    crowd_unless_stated: int
    coco_photos: bool
    protocol: AnnotationProtocol
