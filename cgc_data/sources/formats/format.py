"""The declaration of an annotation format. It contains everything that the rest of the project needs to know about the
format.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cgc_data.sources.formats.protocol import AnnotationProtocol
from cgc_data.sources.records import Image


class FileNames(Protocol):
    """Returns the photos to which image records refer. Raises SourceError if a record names no photo."""

    def __call__(self, path: Path, images: list[Image]) -> list[str]: ...


@dataclass(frozen=True)
class Format:
    """One annotation format. Its files are JSON with COCO's four lists, which the format interprets in its own way.

    Attributes:
        name: used in the configuration and manifest, as a command-line flag, and as the prefix of a source's key.
        content: what its files contain, for the help of `cgc-data build`.
        one: its usual name, with an article.
        file_names: the photos to which its image records refer.
        crowd_unless_stated: crowd flag of an annotation that does not state one; -1: unknown.
        coco_photos: whether its files always annotate COCO's photos, regardless of their categories, so that the photos
            have COCO's names.
        protocol: the facts that its files guarantee.
    """

    name: str
    content: str
    one: str
    file_names: FileNames
    crowd_unless_stated: int
    coco_photos: bool
    protocol: AnnotationProtocol
