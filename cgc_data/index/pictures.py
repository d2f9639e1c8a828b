"""Whether two files show the same picture: by their bytes, else by what is seen of them at the size of a stamp."""

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
# Cells on a side of the stamp, and gray levels by which its worst cell may differ: encoding a photo again changes none
# by 10, another photo differs by more than 80 somewhere. A perceptual hash would take two frames of one camera for one.
STAMP, WORST_CELL = 32, 12.0
# Larger photos are decoded one at a time, however many threads hash: memory does not grow with their number.
LARGE, _one_large = 16_000_000, Lock()


def perceptual_hash(content: bytes, *, turn: bool = False) -> np.uint64 | None:
    """64-bit DCT hash of a photo, with `turn` as EXIF has it displayed; None where the photo cannot be decoded.

    Rendering rejects that by name. Raises UnshownError for a photo that readers do not show as it is.
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
    """Pixels (height, width, 3), blue-green-red, of a photo at this longer side, with `turn` as EXIF has it displayed.

    Decoded coarsely, which takes a fraction of the time. Raises PhotoError for what is no photo.
    """
    photo_size(content)
    coarse = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION)
    if coarse is None:
        raise PhotoError("not a photo that OpenCV reads; download it again")
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
    """Do two files show the same picture? False if one of them cannot be decoded and their bytes differ."""
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
