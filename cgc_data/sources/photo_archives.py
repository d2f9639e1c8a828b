"""Photos in a zip archive, which is never unpacked."""

import os
import zipfile
from functools import partial
from pathlib import Path

from cgc_data.common import remote
from cgc_data.common.archive import DAMAGED, PACKED_OTHERWISE, read_member
from cgc_data.common.errors import PhotoError
from cgc_data.common.remote import url_of
from cgc_data.sources.naming import NameIndex
from cgc_data.sources.photo_store import Pickled, check_size, found_place, path_below, reopened


class ZipPhotos:
    """A zip archive, opened once per process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, zipfile.ZipFile, NameIndex] | None = None

    def __reduce__(self) -> Pickled:
        return reopened, (ZipPhotos, self._path)

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo. The photo is looked up by its full name, then by its base name. Raises PhotoError."""
        member = self._member(file_name)
        try:
            archive = self._archive()[0]
            return read_member(
                archive, archive.getinfo(member), partial(check_size, name=f"{file_name} in {self._path}")
            )
        except DAMAGED as error:
            raise PhotoError(f"{file_name}: damaged in {self._path} ({error}); download the archive again") from error
        except PACKED_OTHERWISE as error:
            raise PhotoError(
                f"{file_name}: cannot be unpacked from {self._path} ({error}); unpack it yourself"
            ) from error

    def place(self, file_name: str) -> str | None:
        """The name of the archive member that contains the photo, or None."""
        name, (archive, index) = path_below(file_name), self._archive()
        return str(name) if name and str(name) in archive.NameToInfo else index.find(file_name)

    def names(self) -> list[str]:
        """Names of all files in the archive."""
        return _files(self._archive()[0])

    def size(self, file_name: str) -> int:
        """Unpacked size of a photo in bytes."""
        member = self._member(file_name)
        return self._archive()[0].getinfo(member).file_size

    def stamp(self, file_name: str) -> str:
        """Archive, member, size, and checksum of a photo."""
        member = self._member(file_name)
        info = self._archive()[0].getinfo(member)
        place = url_of(self._path) or self._path.resolve()
        return f"{place}:{member}:{info.file_size}:{info.CRC:08x}"

    def _member(self, file_name: str) -> str:
        return found_place(self.place(file_name), file_name, self._path, "archive")

    def _archive(self) -> tuple[zipfile.ZipFile, NameIndex]:
        """The archive, opened by this process. Each process opens the archive separately: after a fork, processes that
        share a file handle also share its read position.
        """
        opened = self._opened  # no lock: a lock that another thread holds during a fork would never be released
        if opened is None or opened[0] != os.getpid():
            try:
                url = url_of(self._path)  # a remote archive is read by range
                archive = zipfile.ZipFile(remote.opened(url) if url else self._path)
            except (OSError, zipfile.BadZipFile) as error:
                raise PhotoError(f"{self._path}: not a complete zip archive ({error}); download it again") from error
            opened = self._opened = os.getpid(), archive, NameIndex(_files(archive))
        return opened[1:]


def _files(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if not name.endswith("/"))
