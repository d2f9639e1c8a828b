"""Decodes the photos in the sources, and caches the most recent ones.

This decoder is independent of the builder's decoder.
"""

import io
from collections import OrderedDict
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cgc_data.common.errors import PhotoError
from cgc_data.validate.photos import picture_size
from cgc_data.validate.raw import RawSource
from cgc_data.validate.samples import Part

DECODED_PHOTOS = 64

Pixels = NDArray[np.uint8]


class DecodedPhotos:
    """Pixels of photos, in the orientation that the annotations use."""

    def __init__(self, sources: Mapping[str, RawSource]) -> None:
        self._sources = sources
        self._photos: OrderedDict[tuple[str, int], Pixels] = OrderedDict()

    def of(self, part: Part) -> Pixels:
        """Pixels (height, width, 3) of a photo, in blue-green-red order.

        Raises PhotoError if the photo is unreadable or has the wrong size.
        """
        key = (part.source, part.image_id)
        if key not in self._photos:
            self._photos[key] = self._read(self._sources[part.source], part.image_id)
            if len(self._photos) > DECODED_PHOTOS:
                self._photos.popitem(last=False)
        self._photos.move_to_end(key)
        return self._photos[key]

    def _read(self, source: RawSource, image_id: int) -> Pixels:
        content = source.photos.read(source.file_name(image_id))
        photo = as_displayed(content) if source.displayed else decode(content)
        if photo.shape[:2] != source.size(image_id)[::-1]:
            raise PhotoError(
                f"the photo is {photo.shape[1]} x {photo.shape[0]} pixels, which does not match its annotation"
            )
        return photo


def decode(content: bytes) -> Pixels:
    """Decode a photo to pixels (height, width, 3), without applying the camera's orientation tag."""
    picture_size(content)
    return decode_checked(content, cv2.IMREAD_COLOR)


def decode_checked(content: bytes, how: int) -> Pixels:
    """Decode a photo without applying its orientation tag. Call `picture_size` first to check the photo's size.

    `how` is the `IMREAD_` flag of cv2 for color or gray.
    """
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), how | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise PhotoError("the photo cannot be decoded")
    return np.asarray(pixels, dtype=np.uint8)


def as_displayed(content: bytes) -> Pixels:
    """Decode a photo to pixels (height, width, 3) in blue-green-red order, and rotate it by its EXIF orientation."""
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    return np.asarray(upright, dtype=np.uint8)[:, :, ::-1]
