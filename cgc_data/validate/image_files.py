"""Reads the properties of the stored images.

Each distinct file is read once, even if several rows show it.
"""

import hashlib
import io
import sys
from dataclasses import dataclass

import cv2
from PIL import Image

from cgc_data.common.errors import PhotoError
from cgc_data.validate.photos import picture_size
from cgc_data.validate.pixels import decode_checked
from cgc_data.validate.samples import Sample
from cgc_data.validate.sharpness import sharpness

ORIENTATION = 0x0112
REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A stored image.

    Attributes:
        digest: sha256 of the file.
        size: width and height from the header; None if the header cannot be read.
        fault: the reason why viewers cannot show the file as stored; "" if they can.
        format: name of the format, such as "JPEG"; "" if the header cannot be read.
        tables: JPEG quantization tables as text; "None" if the format has none.
        sharpness: variance of the Laplacian of the gray levels; 0 if the file cannot be decoded.
    """

    digest: bytes
    size: tuple[int, int] | None
    fault: str
    format: str
    tables: str
    sharpness: float


class ImageFiles:
    """Reads stored images, and remembers the properties of each."""

    def __init__(self) -> None:
        self._known: dict[bytes, ImageFile] = {}

    def of(self, sample: Sample) -> list[ImageFile]:
        """The stored images of a sample."""
        return [self._of(content) for content in sample.images]

    def _of(self, content: bytes) -> ImageFile:
        digest = hashlib.sha256(content).digest()
        if digest not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[digest] = _read(digest, content)
        return self._known[digest]


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of an image; 1 if it is upright."""
    return int(image.getexif().get(ORIENTATION, 1))


def tables_of(image: Image.Image) -> str:
    """The quantization tables of an image as text; "None" if the image format has none."""
    return sys.intern(repr(getattr(image, "quantization", None)))


def _read(digest: bytes, content: bytes) -> ImageFile:
    size: tuple[int, int] | None = None
    form, tables, fault, sharp = "", "None", "", 0.0
    try:
        size = picture_size(content)
        sharp = sharpness(decode_checked(content, cv2.IMREAD_GRAYSCALE))
        with Image.open(io.BytesIO(content)) as image:
            form, tables = str(image.format), tables_of(image)
            if orientation(image) != 1:
                fault = "has an orientation tag that makes viewers rotate it"
            image.load()
    except (OSError, PhotoError, SyntaxError, ValueError) as error:
        fault = fault or f"does not decode ({error})"
    return ImageFile(digest, size, fault, form, tables, sharp)
