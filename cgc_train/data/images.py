"""Stores the image files that the model and vLLM read during a run.

Each image is stored only once. If necessary, it is resized before it is stored, so the processor does not resize it
again.

Each file name contains a hash of the original image file, followed by the size of the stored image. Files are written
atomically, so several processes can store files at the same time.
"""

import hashlib
import io
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from PIL import Image

from cgc_data.common.errors import PhotoError
from cgc_data.images import UPRIGHT, check_whole, exif_orientation, photo_size
from cgc_train.data.bounds import Bounds

JPEG_QUALITY = 95
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png"}


class ImageStore:
    """A folder of image files. Each image is resized to fit `bounds` when it is stored."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self.folder, self._bounds = folder.resolve(), bounds

    def add(self, content: bytes) -> Path:
        """Store an encoded image and return its path. An image that already fits is stored unchanged, byte for byte.

        Raises PhotoError if the bytes are not a complete image, and TrainingDataError if the image cannot be resized
        to fit `bounds`.
        """
        check_whole(content)
        photo_size(content)
        image = _open(content)
        size = self._bounds.size(*image.size)
        path = self._path(content, size, image)
        if _fits(image, size, content):
            if not _has_length(path, len(content)):
                _decode(image)
                _store(path, content)
        elif not path.exists():
            _store(path, _resized(_decode(image), size, image.format == "JPEG"))
        return path

    def _path(self, content: bytes, size: tuple[int, int], image: Image.Image) -> Path:
        digest = hashlib.sha256(content).hexdigest()[:32]
        suffix = SUFFIXES.get(str(image.format), ".png")
        return self.folder / digest[:2] / f"{digest}-{size[0]}x{size[1]}{suffix}"


def _open(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise PhotoError("Pillow cannot read this image") from None


def _fits(image: Image.Image, size: tuple[int, int], content: bytes) -> bool:
    """Whether an image can be stored unchanged.

    The image must be a JPEG or PNG file in RGB, with the right size and without EXIF rotation. Every program reads
    exactly the same pixels from a file that meets these conditions.
    """
    plain = image.mode == "RGB" and image.format in SUFFIXES
    return plain and image.size == size and exif_orientation(content) == UPRIGHT


def _decode(image: Image.Image) -> Image.Image:
    """Decode the pixels to RGB. An EXIF rotation is not applied."""
    try:
        return image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise PhotoError(f"cannot be decoded: {error}") from None


def _resized(image: Image.Image, size: tuple[int, int], photo: bool) -> bytes:
    """Resize an image, and encode it as JPEG if `photo` is true, or as PNG otherwise. Resampling is bicubic, as in the
    processor.
    """
    resized, buffer = image.resize(size, Image.Resampling.BICUBIC), io.BytesIO()
    if photo:
        resized.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        resized.save(buffer, "PNG")
    return buffer.getvalue()


def _has_length(path: Path, length: int) -> bool:
    return path.is_file() and path.stat().st_size == length


def _store(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as part:
        part.write(content)
    os.chmod(part.name, 0o644)  # a temporary file is private to its owner, but a cache may be shared
    os.replace(part.name, path)
