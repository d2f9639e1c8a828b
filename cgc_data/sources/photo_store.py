"""The interface of every photo store (a folder, an archive, or a remote folder), and the functions that the stores
share.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeAlias

from cgc_data.common.errors import PhotoError
from cgc_data.images import MOST_BYTES

LONGEST_NAME = 255  # longest file name, in characters, that file systems allow


class PhotoStore(Protocol):
    """The photos of a source. You can use a store in forked processes, and pickle it for spawned processes. File names
    have forward slashes.
    """

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo. Raises PhotoError if the photo is missing or cannot be read."""
        ...

    def place(self, file_name: str) -> str | None:
        """The actual name of the photo's file, or None if the photo is missing.

        Raises PhotoError for an invalid name, and for a name that could refer to several photos.
        """
        ...

    def names(self) -> list[str]:
        """Sorted names of all files, relative to the folder or archive."""
        ...

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo. Raises PhotoError if the photo is missing."""
        ...

    def stamp(self, file_name: str) -> str:
        """A text that identifies a photo's file and its state. For local photos, the text changes whenever the content
        changes. For photos in a remote folder, the text changes only if the size changes.

        Raises PhotoError if the photo is missing.
        """
        ...


OpenStore: TypeAlias = Callable[[Path], PhotoStore]
Pickled: TypeAlias = tuple[Callable[[OpenStore, Path], PhotoStore], tuple[OpenStore, Path]]


def reopened(kind: OpenStore, path: Path) -> PhotoStore:
    """Open a store in the process that unpickles it. If the process has already opened this path, and the path is
    unchanged, the existing store is returned.
    """
    return _opened_once(kind, path, file_stamp(path) if path.exists() else "")


@lru_cache(maxsize=8)
def _opened_once(kind: OpenStore, path: Path, state: str) -> PhotoStore:
    del state
    return kind(path)


def file_stamp(path: Path) -> str:
    """The inode number, size, and timestamps (mtime and ctime) of a file. All machines that mount the same disk get the
    same values. Raises OSError if the file no longer exists.
    """
    state = path.stat()  # without st_dev, which is the number of the mount
    return f"{state.st_ino}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"


def path_below(file_name: str) -> PurePosixPath | None:
    """The name as a path below the folder of photos; None if the path is absolute or contains `..`.

    Raises PhotoError for an invalid file name.
    """
    name = PurePosixPath(file_name or "")
    if "\0" in str(name) or not name.name or max(map(len, name.parts)) > LONGEST_NAME:
        raise PhotoError(f"{file_name!r}: not the name of a photo below a folder; correct it in the annotation file")
    return None if name.is_absolute() or ".." in name.parts else name


def found_place(place: str | None, file_name: str, where: object, kind: str) -> str:
    """Return `place`, the location of a photo in its store. If `place` is None, raise PhotoError. The message asks the
    user for the folder or archive (`kind`) that contains the photo.
    """
    if place is None:
        raise PhotoError(f"{file_name}: not in {where}; give the {kind} that contains it")
    return place


def check_size(size: int, name: object) -> None:
    """Raise PhotoError if a photo has more bytes than any real photo."""
    if size > MOST_BYTES:
        raise PhotoError(
            f"{name}: has {size:,} bytes, and a photo may have at most {MOST_BYTES:,}; save a smaller version"
        )
