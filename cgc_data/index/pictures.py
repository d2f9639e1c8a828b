"""Determines whether two files show the same picture: by their bytes or, if the bytes differ, by small thumbnails."""

from contextlib import nullcontext
from threading import Lock

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgc_data.common.errors import PhotoError
from cgc_data.images import Pixels, UnshownError, decode_photo, exif_orientation, photo_size, turned

HASH_BITS = 64
# Side of the thumbnail in cells, and the largest difference of a cell in gray levels: re-encoding a photo changes no
# cell by 10, another photo differs by more than 80 somewhere. A perceptual hash would equate two frames of a camera.
STAMP, WORST_CELL = 32, 12.0
# Larger photos are decoded one at a time, however many threads hash, so that memory stays bounded.
LARGE, _one_large = 16_000_000, Lock()


def perceptual_hash(content: bytes, *, turn: bool = False) -> np.uint64 | None:
    """64-bit DCT hash of a photo; None if the photo cannot be decoded. With `turn`, the photo is first rotated by its
    EXIF orientation.

    A photo that cannot be decoded is reported by name later, when it is rendered. Raises UnshownError for a photo that
    image libraries decode incorrectly.
    """
    try:
        width, height = photo_size(content)
        with _one_large if width * height > LARGE else nullcontext():
            return _hash(decode_photo(content, turn=turn))
    except UnshownError:
        raise
    except PhotoError:
        return None


def thumbnail(content: bytes, longest: int, *, turn: bool = False) -> Pixels:
    """Pixels (height, width, 3), BGR, of a photo whose longer side is reduced to at most `longest` pixels.

    For speed, the photo is decoded at half its size before it is reduced. With `turn`, the photo is rotated by its EXIF
    orientation. Raises PhotoError if the file is not a photo.
    """
    photo_size(content)
    coarse = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION)
    if coarse is None:
        raise PhotoError("not readable by OpenCV; download the photo again")
    upright = turned(coarse, exif_orientation(content)) if turn else coarse
    shrink = min(1.0, longest / max(upright.shape[:2]))
    size = max(round(upright.shape[1] * shrink), 1), max(round(upright.shape[0] * shrink), 1)
    return np.asarray(cv2.resize(upright, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _hash(pixels: Pixels) -> np.uint64:
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    bits: NDArray[np.bool_] = imagehash.phash(Image.fromarray(grey)).hash
    value: np.uint64 = np.packbits(bits).view(np.uint64)[0]
    return value


def same_picture(first: bytes, second: bytes) -> bool:
    """Whether two files show the same picture. False if the bytes differ and one of the files cannot be decoded."""
    if first == second:
        return True
    one, two = _stamp(first), _stamp(second)
    return one is not None and two is not None and float(np.abs(one - two).max()) <= WORST_CELL


def _stamp(content: bytes) -> NDArray[np.float32] | None:
    try:
        pixels = decode_photo(content)
    except PhotoError:
        return None
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(cv2.resize(gray, (STAMP, STAMP), interpolation=cv2.INTER_AREA), dtype=np.float32)
