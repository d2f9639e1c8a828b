"""Decodes photos as annotators saw them: in color, without EXIF rotation.

Truncated files are refused before decoding, because decoders can fill the missing part with gray.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from cgc_data.common.errors import CgcError, PhotoError

Pixels: TypeAlias = npt.NDArray[np.uint8]

MOST_PIXELS = 100_000_000  # limit per photo, because a decoded photo takes three bytes per pixel in every worker
MOST_BYTES = 2**28  # limit per photo file

UPRIGHT = 1
ORIENTATION = 0x0112  # EXIF tag; readers rotate or mirror a photo if it is not 1
_EIGHT_BIT = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_JPEG = b"\xff\xd8"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_EXIF = b"Exif\0\0"
_START_OF_SCAN, _APP1 = 0xDA, 0xE1
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=\"|='|>))[2-8]")


class UnshownError(PhotoError):
    """A photo that image libraries decode incorrectly without reporting an error."""


def decode_photo(data: bytes, *, turn: bool = False) -> Pixels:
    """Pixels (height, width, 3) of the stored frame, uint8, BGR. With `turn`, the pixels are rotated by their EXIF
    orientation.

    Raises PhotoError if the bytes are not a photo or are truncated, or if the size in the header exceeds MOST_PIXELS
    pixels. Raises UnshownError if the photo has a single color, or if it has more than 8 bits per channel: image
    libraries decode some of these photos as white or black.
    """
    check_whole(data)
    photo_size(data)
    if (mode := _open(data).mode) not in _EIGHT_BIT:
        raise UnshownError(
            f"more than 8 bits per channel ({mode}), which many libraries decode incorrectly; convert it to 8 bits"
        )
    cv2 = _opencv()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise PhotoError("not readable by OpenCV; download the photo again")
    if not (pixels[::8, ::8] != pixels[0, 0]).any() and not (pixels != pixels[0, 0]).any():
        raise UnshownError("only one color; replace the photo")
    return turned(pixels, exif_orientation(data)) if turn else np.asarray(pixels, dtype=np.uint8)


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """Rotate and flip the stored pixels (height, width, 3) by an EXIF orientation (1-8), as image viewers do."""
    upright = pixels.transpose(1, 0, 2) if orientation in (5, 6, 7, 8) else pixels
    if orientation in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    if orientation in (3, 4, 7, 8):
        upright = upright[::-1]
    return np.ascontiguousarray(upright)


def encode_like(pixels: Pixels, data: bytes, jpeg_quality: int) -> bytes:
    """Encode pixels (height, width, 3), BGR, as JPEG if `data` is a JPEG, else as PNG. Raises PhotoError."""
    cv2 = _opencv()
    suffix = ".jpg" if data.startswith(_JPEG) else ".png"
    done, encoded = cv2.imencode(suffix, pixels, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if suffix == ".jpg" else [])
    if not done:
        raise PhotoError("the photo could not be encoded after it was rotated; rotate it yourself")
    return bytes(encoded.tobytes())


def form_of(data: bytes, *, turned: bool = False) -> str:
    """Name of the file format, such as "JPEG". With `turned`, the format that `encode_like` would write. Raises
    PhotoError if the format is unknown.
    """
    if turned:
        return "JPEG" if data.startswith(_JPEG) else "PNG"
    return _open(data).format or ""


def check_whole(data: bytes) -> None:
    """Raise PhotoError if a JPEG or PNG has no end marker. The photo is not decoded."""
    if data.startswith(_JPEG):
        # only the scan is searched: a thumbnail in the header has its own end marker
        whole = data.find(b"\xff\xd9", _scan_start(data)) > 0
    elif data.startswith(_PNG):
        whole = data.rfind(_PNG_END) > 0
    else:
        whole = bool(data)
    if not whole:
        raise PhotoError("truncated photo; download it again")


def photo_size(data: bytes) -> tuple[int, int]:
    """Width and height of the stored frame, read from the header.

    Raises PhotoError if there is no header, or if the frame has more than MOST_PIXELS pixels.
    """
    width, height = _open(data).size
    if width * height > MOST_PIXELS:
        raise PhotoError(f"{width} x {height} pixels, more than the limit of {MOST_PIXELS:,}; save a smaller version")
    return width, height


def exif_orientation(data: bytes) -> int:
    """The orientation (1-8) that Pillow reads from the EXIF data or, if EXIF has none, from XMP. It is 1 if neither has
    a valid orientation.

    Raises PhotoError if the bytes are not a photo.
    """
    try:
        orientation = _open(data).getexif().get(ORIENTATION, UPRIGHT)
    except (OSError, SyntaxError, TypeError, ValueError, struct.error) as error:
        raise PhotoError(f"the EXIF data cannot be read ({error}); save the photo again") from error
    return orientation if orientation in range(2, 9) else UPRIGHT


def strip_orientation(data: bytes) -> bytes:
    """The photo with its orientation tag set to 1, so that every image library shows the stored frame. The pixels do
    not change.

    Raises PhotoError if the orientation is stored outside the EXIF or XMP data of a JPEG or PNG.
    """
    if exif_orientation(data) == UPRIGHT:
        return data
    patched = bytearray(data)
    for start, end in _jpeg_metadata(data) if data.startswith(_JPEG) else _png_metadata(data):
        upright = _XMP_ORIENTATION.sub(rb"\g<1>1", _upright_exif(data[start:end]))
        patched[start:end] = upright
        if data.startswith(_PNG):
            patched[end : end + 4] = zlib.crc32(patched[start - 4 : end]).to_bytes(4, "big")
    result = bytes(patched)
    if exif_orientation(result) != UPRIGHT:
        raise PhotoError("the EXIF orientation cannot be removed without changing pixels; save the photo upright")
    return result


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:  # the error text contains a memory address, which would make lists of rejects differ
        raise PhotoError("not readable by Pillow; download it again") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PhotoError(f"not readable by Pillow ({error}); download it again") from error


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """For each JPEG segment up to the first scan: its marker, and where its content starts and ends."""
    position, marker = 2, 0
    while marker != _START_OF_SCAN and position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield marker, position + 4, end
        position = end


def _scan_start(data: bytes) -> int:
    return next((start for marker, start, _ in _jpeg_segments(data) if marker == _START_OF_SCAN), len(data))


def _jpeg_metadata(data: bytes) -> Iterator[tuple[int, int]]:
    return ((start, end) for marker, start, end in _jpeg_segments(data) if marker == _APP1)


def _png_metadata(data: bytes) -> Iterator[tuple[int, int]]:
    """For each PNG chunk that contains EXIF or text: where its content starts and ends.

    The chunk type precedes the content, and the checksum follows the content.
    """
    position = len(_PNG)
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] in (b"eXIf", b"iTXt"):
            yield position + 8, end
        position = end + 4


def _upright_exif(content: bytes) -> bytes:
    """Set the orientation in the first image directory of EXIF data to 1. Content that is not EXIF data is returned
    unchanged.
    """
    tiff = len(_EXIF) if content.startswith(_EXIF) else 0
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(content[tiff : tiff + 4])
    if order is None:
        return content
    patched = bytearray(content)
    try:
        directory = tiff + struct.unpack_from(order + "I", content, tiff + 4)[0]
        (count,) = struct.unpack_from(order + "H", content, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(order + "HH", content, entry)
            if tag == ORIENTATION:
                struct.pack_into(order + {1: "B", 4: "I"}.get(kind, "H"), patched, entry + 8, UPRIGHT)
    except struct.error:
        return content
    return bytes(patched)


@lru_cache(maxsize=1)
def _opencv() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        mend = "pip install --force-reinstall --no-deps opencv-python-headless"
        raise CgcError(f"OpenCV cannot be imported ({error}); run: {mend}") from error
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # messages become PhotoErrors
    module: ModuleType = cv2
    return module
