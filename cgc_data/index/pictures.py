"""Whether two files show the same picture: by their bytes, else by a perceptual hash."""

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgc_data.errors import PhotoError
from cgc_data.images import decode_photo

HASH_BITS = 64
# Bits in which a picture that was encoded or resized again may differ. Different pictures differ in about 32.
SAME_PICTURE_BITS = 6


def perceptual_hash(content: bytes) -> np.uint64 | None:
    """64-bit DCT hash of a photo, None where the photo cannot be decoded (rendering rejects it by name)."""
    try:
        pixels = decode_photo(content)
    except PhotoError:
        return None
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    bits: NDArray[np.bool_] = imagehash.phash(Image.fromarray(grey)).hash
    value: np.uint64 = np.packbits(bits).view(np.uint64)[0]
    return value


def same_picture(first: bytes, second: bytes) -> bool:
    """Do two files show the same picture? False if one of them cannot be decoded and their bytes differ."""
    if first == second:
        return True
    hashes = [perceptual_hash(content) for content in (first, second)]
    if hashes[0] is None or hashes[1] is None:
        return False
    return int(np.bitwise_count(hashes[0] ^ hashes[1])) <= SAME_PICTURE_BITS
