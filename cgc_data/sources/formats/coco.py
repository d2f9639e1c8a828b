"""The COCO instances format. Photos are named by `file_name`. If an annotation has no crowd flag, it is unknown whether
the object is a crowd. In files with exactly COCO's 80 categories, these categories are labeled exhaustively.
"""

from pathlib import Path

from cgc_data.common.errors import SourceError
from cgc_data.sources.formats.format import Format
from cgc_data.sources.formats.protocol import Exhaustive
from cgc_data.sources.records import Image
from cgc_data.vocabulary import COCO_NAMES, COCO_PRACTICE


def file_names(path: Path, images: list[Image]) -> list[str]:
    """`file_name` of each image. Raises SourceError if a name is missing."""
    for image in images:
        if not image.file_name:
            raise SourceError(f"{path}: image {image.id} has no file_name; an LVIS file is given as --lvis")
    return [image.file_name or "" for image in images]


COCO = Format(
    name="coco",
    content="COCO instances",
    one="a COCO",
    file_names=file_names,
    crowd_unless_stated=-1,
    coco_photos=False,
    protocol=Exhaustive(
        who="COCO",
        meaning="COCO labels its 80 categories exhaustively",
        vocabulary=frozenset(COCO_NAMES),
        naming=COCO_PRACTICE,
    ),
)
