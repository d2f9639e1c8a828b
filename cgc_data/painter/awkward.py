"""Adds oddities to a few of the painted photos. Such oddities occur in real annotation files and can break code that
reads them.

The annotations stay correct: an odd record only omits information or gives it in an unusual form.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from cgc_data.painter.annotations import Photo, Record
from cgc_data.painter.pen import Bytes

# the awkward photos of the train file, in every PERIOD; odd-numbered ones are not in the LVIS file
PERIOD = 52
CASES = {
    2: "grey", 5: "zero_area", 6: "cmyk", 9: "past_border", 10: "rotated", 13: "empty", 15: "no_segmentation",
    19: "no_flag", 21: "duplicate", 24: "empty", 29: "grey", 35: "cmyk", 37: "past_border", 43: "rotated",
}  # fmt: skip
QUALITY = 88
ORIENTATION, ROTATED = 0x0112, 6
PAST = 4.5  # pixels by which a box extends past the border


def encode(pixels: Bytes, case: str) -> bytes:
    """Encode RGB pixels (H, W, 3) as JPEG.

    Depending on `case`, the JPEG is grayscale, is CMYK, is slightly brighter, or has an orientation tag that the
    annotations ignore.
    """
    if case == "duplicate":
        pixels = np.clip(pixels * 1.03 + 2, 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    if case == "rotated":
        exif[ORIENTATION] = ROTATED
    modes = {"grey": "L", "cmyk": "CMYK"}
    buffer = io.BytesIO()
    quality = QUALITY - 10 if case == "duplicate" else QUALITY
    image.convert(modes.get(case, "RGB")).save(buffer, "JPEG", quality=quality, exif=exif)
    return buffer.getvalue()


def spoil(coco: Record, photos: Sequence[Photo]) -> Record:
    """The COCO file, with oddities in the annotations of the photos that are marked as awkward."""
    spoilers: dict[str, Callable[[list[Record], Photo], list[Record]]] = {
        "zero_area": _zero_area, "past_border": _past_border, "no_segmentation": _no_segmentation, "no_flag": _no_flag,
    }  # fmt: skip
    by_image: dict[int, list[Record]] = {image["id"]: [] for image in coco["images"]}
    for annotation in coco["annotations"]:
        by_image[annotation["image_id"]].append(annotation)
    for image, photo in zip(coco["images"], photos, strict=True):
        if photo.awkward in spoilers and by_image[image["id"]]:
            by_image[image["id"]] = spoilers[photo.awkward](by_image[image["id"]], photo)
    return {**coco, "annotations": [a for annotations in by_image.values() for a in annotations]}


def _zero_area(annotations: list[Record], _: Photo) -> list[Record]:
    """Add an annotation with a box of zero size, for a category that the photo shows."""
    last = annotations[-1]
    x, y = (round(v, 2) for v in last["bbox"][:2])
    flat = {
        "segmentation": [[x, y, x, y, x, y]],
        "area": 0.0,
        "bbox": [x, y, 0.0, 0.0],
        "iscrowd": 0,
        "id": last["id"] + 1,
    }
    return [*annotations, {**last, **flat}]


def _past_border(annotations: list[Record], photo: Photo) -> list[Record]:
    """If a box touches the photo's border, extend it past the border."""
    return [{**a, "bbox": _stretched(a["bbox"], photo.width, photo.height)} for a in annotations]


def _stretched(box: list[float], width: int, height: int) -> list[float]:
    x, y, w, h = box
    left, top = (PAST if v < 1 else 0.0 for v in (x, y))
    right, bottom = (PAST if end > side - 1 else 0.0 for end, side in ((x + w, width), (y + h, height)))
    return [round(v, 2) for v in (x - left, y - top, w + left + right, h + top + bottom)]


def _no_segmentation(annotations: list[Record], _: Photo) -> list[Record]:
    """Remove the segmentation from every second record. These records then have only a box."""
    return [{k: v for k, v in a.items() if k != "segmentation"} if n % 2 else a for n, a in enumerate(annotations)]


def _no_flag(annotations: list[Record], _: Photo) -> list[Record]:
    """Remove the segmentation and the crowd flag from all records. Some tools write such files."""
    return [{k: v for k, v in a.items() if k not in ("segmentation", "iscrowd")} for a in annotations]
