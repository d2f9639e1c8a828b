"""The photos of a source as files: a folder, or a .zip read in place.

Written apart from the builder's own reader, so that a photo taken from the wrong place is noticed.
"""

import io
import os
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from cgc_data.common.errors import PhotoError, ReleaseError

MOST_BYTES, MOST_PIXELS = 2**28, 100_000_000  # of a photo; no release shows a larger one
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
SUB_FOLDERS = ("", "train2017", "val2017", "images")


class PhotoFiles:
    """Photos by file name, in a folder or zip, or in several with commas between them.

    Raises ReleaseError where one is neither a folder nor a zip.
    """

    def __init__(self, path: Path) -> None:
        several = "," in str(path) and not path.exists()
        self._places = [_Place(Path(part)) for part in (str(path).split(",") if several else [path])]

    def size(self, name: str) -> int | None:
        """Bytes of a photo's file, None where there is none."""
        return next((size for place in self._places if (size := place.size(name)) is not None), None)

    def place(self, name: str) -> str:
        """Where the photo's file lies, by which two names of one file are told; empty where there is none."""
        return next((place.place(name) for place in self._places if place.size(name) is not None), "")

    def read(self, name: str) -> bytes:
        """The file's bytes. Raises PhotoError where it is missing or unreadable."""
        return next((p for p in self._places if p.size(name) is not None), self._places[-1]).read(name)


class _Place:
    """One folder or zip, and the photos wherever they lie below it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        self._members: dict[str, zipfile.ZipInfo] = {}
        if path.is_dir():
            return
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile):
            raise ReleaseError(
                f"{path}: neither a folder nor a zip of photos; name where they are, --coco ANN.json:IMAGES"
            ) from None
        for info in self._archive.infolist():
            self._members.setdefault(posixpath.basename(info.filename), info)
            self._members[info.filename] = info

    def size(self, name: str) -> int | None:
        """Bytes of a photo's file, None where there is none."""
        if self._archive:
            info = self._member(name)
            return info.file_size if info else None
        file = self._file(name)
        return os.stat(file).st_size if file else None

    def place(self, name: str) -> str:
        """The file's whole path, or its archive and member."""
        if self._archive:
            info = self._member(name)
            return f"{self.path.resolve()}:{info.filename if info else ''}"
        return str((self._file(name) or self.path).resolve())

    def read(self, name: str) -> bytes:
        """The file's bytes. Raises PhotoError where it is missing or unreadable."""
        try:
            if (self.size(name) or 0) > MOST_BYTES:
                raise PhotoError(f"{self.path}: {name} is larger than {MOST_BYTES:,} bytes")
            if self._archive:
                info = self._member(name)
                return _unpacked(self._archive, info) if info else self._missing(name)
            file = self._file(name)
            return file.read_bytes() if file else self._missing(name)
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise PhotoError(f"{self.path}: {name} cannot be read ({error})") from None

    def _missing(self, name: str) -> bytes:
        raise PhotoError(f"{self.path}: no photo {name}")

    def _member(self, name: str) -> zipfile.ZipInfo | None:
        return next((self._members[c] for c in _candidates(name) if c in self._members), None)

    def _file(self, name: str) -> Path | None:
        return next((path for c in _candidates(name) if (path := self.path / c).is_file()), None)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Content of a member, unpacked no further than the size that the archive states: other methods unpack it all."""
    if info.compress_type not in METHODS:
        raise NotImplementedError("neither stored nor deflated")
    with archive.open(info) as packed:
        return packed.read(info.file_size)


def picture_size(content: bytes) -> tuple[int, int]:
    """Width and height that the header states. Raises PhotoError if there is none or it is larger than any photo."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PhotoError(f"not a picture ({error})") from None
    if width * height > MOST_PIXELS:
        raise PhotoError(f"{width} x {height} pixels, more than {MOST_PIXELS:,}")
    return width, height


def _candidates(name: str) -> Iterator[str]:
    """Where a photo may lie; an annotation file does not reach outside its folder of photos."""
    if not posixpath.isabs(name) and ".." not in name.split("/"):
        yield name
    base = posixpath.basename(name)
    yield from (posixpath.join(folder, base) for folder in SUB_FOLDERS)
