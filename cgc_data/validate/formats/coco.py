"""COCO instances files, read by pycocotools.

If a file has exactly COCO's 80 categories, they count as exhaustively labeled. In other files, a category counts as
exhaustive only if the user declares it.
"""

from pathlib import Path

from pycocotools.coco import COCO

from cgc_data.validate.formats import decoded
from cgc_data.validate.protocols import Declared, Exhaustive, RawFile
from cgc_data.vocabulary import COCO_NAMES, COCO_PRACTICE


def read(path: Path, declared: Declared) -> RawFile:
    """The file."""
    coco = COCO()
    coco.dataset = decoded(path)
    coco.createIndex()
    names = {number: str(entry["name"]) for number, entry in coco.cats.items()}
    own = set(names.values()) == set(COCO_NAMES)
    return RawFile(
        images=coco.imgs,
        annotations=coco.anns,
        categories=coco.cats,
        of_image=coco.imgToAnns,
        licenses=coco.dataset.get("licenses") or (),
        mask=coco.annToRLE,
        protocol=Exhaustive.of(names, own, declared),
        # COCO's annotators boxed mugs as "cup": the same names in other lists do not have COCO's meanings
        practice=COCO_PRACTICE if own else "",
    )
