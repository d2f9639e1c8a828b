"""LVIS v1 files, read by the reader of the lvis package.

For each image, the file lists the categories that are verified as absent and the categories that are not exhaustively
labeled.
"""

from pathlib import Path
from typing import Any

from lvis import LVIS

from cgc_data.validate.formats import decoded
from cgc_data.validate.protocols import Declared, Federated, RawFile


def read(path: Path, declared: Declared) -> RawFile:
    """Read the file. Users cannot declare the categories of LVIS files exhaustive."""
    del declared
    lvis = _Lvis(str(path))
    return RawFile(
        images=lvis.imgs,
        annotations=lvis.anns,
        categories=lvis.cats,
        of_image=lvis.img_ann_map,
        licenses=lvis.dataset.get("licenses") or (),
        mask=lvis.ann_to_rle,
        protocol=Federated(),
        coco_photos=True,
    )


class _Lvis(LVIS):  # type: ignore[misc]
    """The LVIS reader, extended to accept files that begin with a byte order mark."""

    def _load_json(self, path: str) -> Any:
        return decoded(Path(path))
