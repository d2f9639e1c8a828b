"""Reads the photo files of a source, from a folder or directly from a .zip file.

This reader is independent of the builder's reader, so it detects photos that the builder read from the wrong location.
"""

import io
import os
import posixpath
import re
import unicodedata
import urllib.parse
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from cgc_data.common import remote
from cgc_data.common.errors import PhotoError, ReleaseError
from cgc_data.common.remote import url_of

MOST_BYTES, MOST_PIXELS = 2**28, 100_000_000  # per photo; no release shows a larger photo
REMEMBERED = 200_000  # names whose location is remembered
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
SUB_FOLDERS = ("", "train2017", "val2017", "images")
# Label Studio prefixes eight digits of a hash; COCO 2014 prefixes the name of its split
TOOL_PREFIX = re.compile(r"^(?:[0-9a-f]{8}-(?=.)|coco_(?:train|val|test)2014_)")


class PhotoFiles:
    """Reads photos by file name from a folder or a zip. The path can also list several folders and zips, separated by
    commas.

    Raises ReleaseError if a path is neither a folder nor a zip.
    """

    def __init__(self, path: Path) -> None:
        several = "," in str(path) and not path.exists()
        self._places = [_Place(Path(part)) for part in (str(path).split(",") if several else [path])]
        self._holder = lru_cache(maxsize=REMEMBERED)(self._find_holder)

    def size(self, name: str) -> int | None:
        """Size of a photo's file in bytes, or None if there is no such photo."""
        return self._holder(name).size(name)

    def place(self, name: str) -> str:
        """Location of the photo's file; empty if the photo does not exist. Two names that refer to one file have the
        same location.
        """
        holder = self._holder(name)
        return "" if holder.size(name) is None else holder.place(name)

    def read(self, name: str) -> bytes:
        """The bytes of a photo's file. Raises PhotoError if the photo is missing or unreadable."""
        return self._holder(name).read(name)

    def _find_holder(self, name: str) -> "_Place":
        """The first folder or zip that contains a file with this exact name.

        If none does, the first one with a file that roughly matches the name; if none matches, the last folder or zip.
        """
        holders = [place for place in self._places if place.size(name) is not None]
        exact = [place for place in holders if place.name(name) == name]
        return (exact or holders or self._places[-1:])[0]


class _Place:
    """One folder or zip that contains photos at any depth."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = lru_cache(maxsize=REMEMBERED)(self._find_file)
        self._archive: zipfile.ZipFile | None = None
        self._process = os.getpid()
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._url = url_of(path)
        self._listed = remote.list_files(self._url) if self._url and not self._url.endswith(".zip") else None
        if self._listed is not None or path.is_dir():
            return
        try:
            self._archive = self._open()
        except (OSError, zipfile.BadZipFile):
            raise ReleaseError(
                f"{path}: neither a folder nor a zip of photos; pass their location with --coco ANN.json:IMAGES"
            ) from None
        for info in self._archive.infolist():
            self._members.setdefault(posixpath.basename(info.filename), info)
            self._members[info.filename] = info

    def size(self, name: str) -> int | None:
        """Size of a photo's file in bytes, or None if there is no such photo."""
        if self._archive:
            info = self._member(name)
            return info.file_size if info else None
        file = self._file(name)
        if self._listed is not None:
            return self._listed[file.relative_to(self.path).as_posix()] if file else None
        return os.stat(file).st_size if file else None

    def place(self, name: str) -> str:
        """The full path of the file, or the path of the archive and the name of the file in it."""
        if self._archive:
            info = self._member(name)
            return f"{self.path.resolve()}:{info.filename if info else ''}"
        file = self._file(name) or self.path
        return str(file if self._url else file.resolve())

    def name(self, name: str) -> str:
        """The path of the photo's file inside this folder or zip, or "" if there is no such file."""
        if self._archive:
            info = self._member(name)
            return info.filename if info else ""
        file = self._file(name)
        return file.relative_to(self.path).as_posix() if file else ""

    def read(self, name: str) -> bytes:
        """The bytes of a photo's file. Raises PhotoError if the photo is missing or unreadable."""
        try:
            if (self.size(name) or 0) > MOST_BYTES:
                raise PhotoError(f"{self.path}: {name} is larger than {MOST_BYTES:,} bytes")
            if self._archive:
                self._open_in_this_process()
                info = self._member(name)
                return _unpacked(self._archive, info) if info else self._missing(name)
            file = self._file(name)
            if file and self._url:
                return remote.read_bytes(str(url_of(file)))
            return file.read_bytes() if file else self._missing(name)
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise PhotoError(f"{self.path}: {name} cannot be read ({error})") from None

    def _open_in_this_process(self) -> None:
        """Open the archive again after a fork, because processes that share a file handle share its read position."""
        if self._process != os.getpid():
            self._archive, self._process = self._open(), os.getpid()

    def _open(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(remote.opened(self._url) if self._url else self.path)

    def _missing(self, name: str) -> bytes:
        raise PhotoError(f"{self.path}: no photo {name}")

    def _member(self, name: str) -> zipfile.ZipInfo | None:
        exact = next((self._members[c] for c in _candidates(name) if c in self._members), None)
        likely = _only_likely(name, self._names)
        return exact or (self._members[likely] if likely else None)

    def _find_file(self, name: str) -> Path | None:
        exact = next((path for c in _candidates(name) if self._is_file(path := self.path / c)), None)
        if exact:
            return exact
        likely = _only_likely(name, self._names)
        return self.path / likely if likely else None

    def _is_file(self, path: Path) -> bool:
        if self._listed is None:
            return path.is_file()
        return path.relative_to(self.path).as_posix() in self._listed

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        """All files by normalized base name. If the name starts with a `TOOL_PREFIX`, the file is also listed under the
        name without this prefix.
        """
        if self._archive:
            files = [info.filename for info in self._archive.infolist() if not info.is_dir()]
        elif self._listed is not None:
            files = list(self._listed)
        else:
            below = (os.path.join(folder, name) for folder, _, names in os.walk(self.path) for name in names)
            files = [Path(file).relative_to(self.path).as_posix() for file in below]
        found: defaultdict[str, list[str]] = defaultdict(list)
        for file in sorted(files):
            base = _plain(file)[-1]
            for key in dict.fromkeys((base, TOOL_PREFIX.sub("", base))):
                found[key].append(file)
        return dict(found)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The content of a file in an archive, unpacked only up to the size that the archive states.

    Compression methods other than `METHODS` are refused, because `zipfile` cannot limit their unpacked size.
    """
    if info.compress_type not in METHODS:
        raise NotImplementedError("neither stored nor deflated")
    with archive.open(info) as packed:
        return packed.read(info.file_size)


def picture_size(content: bytes) -> tuple[int, int]:
    """Width and height of a picture, from its header.

    Raises PhotoError if the content is not a picture, or if the picture has more than `MOST_PIXELS` pixels.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
    except UnidentifiedImageError:
        raise PhotoError("not a picture") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PhotoError(f"not a picture ({error})") from None
    if width * height > MOST_PIXELS:
        raise PhotoError(f"{width} x {height} pixels, more than {MOST_PIXELS:,}")
    return width, height


def _candidates(name: str) -> Iterator[str]:
    """Possible locations of a photo, all inside the folder of photos."""
    if not name or "\0" in name:
        return
    if not posixpath.isabs(name) and ".." not in name.split("/"):
        yield name
    base = posixpath.basename(name)
    yield from (posixpath.join(folder, base) for folder in SUB_FOLDERS)


def _plain(name: str) -> list[str]:
    """Folders and base name of a path, normalized so that differences between tools and systems do not matter."""
    decoded = urllib.parse.unquote(name.rsplit("?d=", maxsplit=1)[-1]).replace("\\", "/")
    if "://" in decoded:
        decoded = decoded.split("://", 1)[1].split("?")[0]
    steps = unicodedata.normalize("NFC", decoded).lower().split("/")
    return [step for step in steps if step not in ("", ".", "..")] or [""]


def _only_likely(name: str, files: dict[str, list[str]]) -> str:
    """The file that matches the name best; "" if no file matches, or if several match equally well."""
    wanted = _plain(name)
    likely = files.get(wanted[-1]) or files.get(TOOL_PREFIX.sub("", wanted[-1])) or []
    for spelled in (lambda path: path.replace("\\", "/").split("/"), _plain):
        depth = {file: len(posixpath.commonprefix([spelled(name)[::-1], spelled(file)[::-1]])) for file in likely}
        best = [file for file in likely if depth[file] == max(depth.values())]
        if len(best) == 1:
            return best[0]
    return ""
