"""Photos in a folder, on a disk or in an object store."""

import os
from functools import cached_property
from pathlib import Path, PurePosixPath

from cgc_data.common import remote
from cgc_data.common.errors import PhotoError
from cgc_data.common.remote import joined, url_of
from cgc_data.sources.naming import COCO_FOLDERS, NameIndex
from cgc_data.sources.photo_store import (
    LONGEST_NAME,
    Pickled,
    check_size,
    file_stamp,
    found_place,
    path_below,
    reopened,
)


class FolderPhotos:
    """A folder and its subfolders. COCO's train2017 and val2017 are searched before the other subfolders."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __reduce__(self) -> Pickled:
        return reopened, (FolderPhotos, self._root)

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo. The photo is looked up by its full name, then by its base name in this folder and its
        subfolders. Raises PhotoError.
        """
        path = self._path(file_name)
        try:
            check_size(path.stat().st_size, path)
            return path.read_bytes()
        except OSError as error:
            raise PhotoError(f"{path}: cannot be read ({error.strerror}); copy it again") from error

    def place(self, file_name: str) -> str | None:
        """Path of the photo relative to the folder, or None. Raises PhotoError if the name matches several files."""
        if _is_plain(file_name) and os.path.isfile(f"{self._root}/{file_name}"):  # a Path takes three times as long
            return file_name
        name = path_below(file_name)
        if name and (self._root / name).is_file():
            return str(name)
        base, folder = PurePosixPath(file_name).name, name.parent if name else PurePosixPath()
        if folder.name and folder.name not in COCO_FOLDERS and (self._root / folder).is_dir():
            return self._index.find(file_name)
        found = [str(place) for f in ("", *COCO_FOLDERS) if (self._root / (place := PurePosixPath(f, base))).is_file()]
        if len(found) > 1:
            both = " and ".join(str(self._root / place) for place in found[:2])
            raise PhotoError(f"{file_name}: both {both}; name its folder in the annotation file")
        return found[0] if found else self._index.find(file_name)

    def names(self) -> list[str]:
        """Paths of all files, relative to the folder."""
        found = (Path(folder, name) for folder, _, names in os.walk(self._root) for name in names)
        return sorted(path.relative_to(self._root).as_posix() for path in found)

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo."""
        return self._path(file_name).stat().st_size

    def stamp(self, file_name: str) -> str:
        """The file's inode number, size, and timestamps (mtime and ctime). Programs cannot set the ctime back."""
        return file_stamp(self._path(file_name))

    def _path(self, file_name: str) -> Path:
        return self._root / found_place(self.place(file_name), file_name, self._root, "folder")

    @cached_property
    def _index(self) -> NameIndex:
        """An index of all names below the folder. It is built only if a photo is not at its stated path."""
        return NameIndex(self.names())


class RemotePhotos:
    """A folder in an object store or on the Hub. The folder is listed once per process."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __reduce__(self) -> Pickled:
        return reopened, (RemotePhotos, self._root)

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo. The photo is looked up by its full name, then by its base name."""
        place = self._place(file_name)
        check_size(self._sizes[place], joined(self._root, place))
        return remote.read_bytes(joined(self._root, place))

    def place(self, file_name: str) -> str | None:
        """Path of the photo relative to the folder, or None."""
        name = path_below(file_name)
        return str(name) if name and str(name) in self._sizes else self._index.find(file_name)

    def names(self) -> list[str]:
        """Names of all files below the folder."""
        return sorted(self._sizes)

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo."""
        return self._sizes[self._place(file_name)]

    def stamp(self, file_name: str) -> str:
        """URL and size of a photo. Reading more metadata would need one request per photo."""
        place = self._place(file_name)
        return f"{joined(self._root, place)}:{self._sizes[place]}"

    def _place(self, file_name: str) -> str:
        return found_place(self.place(file_name), file_name, url_of(self._root), "folder")

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return remote.list_files(str(url_of(self._root)))

    @cached_property
    def _index(self) -> NameIndex:
        return NameIndex(self.names())


def _is_plain(file_name: str) -> bool:
    """Whether the name is a valid file name without folders and without a leading dot."""
    return "/" not in file_name and "\0" not in file_name and 0 < len(file_name) <= LONGEST_NAME and file_name[0] != "."
