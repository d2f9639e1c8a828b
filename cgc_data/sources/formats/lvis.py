"""The LVIS v1 format. A photo is named by the last folder and the file name in its `coco_url`. Annotations without a
crowd flag are not crowds. Each image record lists the categories that were verified to be absent.
"""

from pathlib import Path

from cgc_data.common.errors import SourceError
from cgc_data.sources.formats.format import Format
from cgc_data.sources.formats.protocol import Federated
from cgc_data.sources.records import Image


def file_names(path: Path, images: list[Image]) -> list[str]:
    """Folder and file name of each image, such as "val2017/000000000139.jpg".

    Raises SourceError if an image has no name, or if no image has the federated lists that identify an LVIS file.
    """
    if images and all(image.neg_category_ids is None for image in images):
        raise SourceError(f"{path}: images have no neg_category_ids; a COCO file is given as --coco")
    return [_file_name(path, image) for image in images]


def _file_name(path: Path, image: Image) -> str:
    name = "/".join((image.coco_url or "").split("/")[-2:]) or image.file_name
    if not name:
        raise SourceError(f"{path}: image {image.id} has neither coco_url nor file_name; add one")
    return name


LVIS = Format(
    name="lvis",
    content="LVIS v1 annotations",
    one="an LVIS",
    file_names=file_names,
    crowd_unless_stated=0,
    coco_photos=True,
    protocol=Federated(who="LVIS", meaning="LVIS lists the categories that were verified as absent"),
)
