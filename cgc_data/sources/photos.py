"""Photos of a source by file name, from a folder or directly from a zip archive."""

import os
import zipfile
from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeAlias

from cgc_data.common import remote
from cgc_data.common.archive import DAMAGED, PACKED_OTHERWISE, read_member
from cgc_data.common.errors import PhotoError
from cgc_data.common.remote import joined, url_of
from cgc_data.images import MOST_BYTES
from cgc_data.sources.naming import COCO_FOLDERS, NameIndex

Pickled: TypeAlias = tuple[Callable[[Path], "PhotoStore"], tuple[Path]]

LONGEST_NAME = 255  # longest file name, in characters, that file systems allow


class PhotoStore(Protocol):
    """The photos of a source. Forked and spawned processes can also use the object. File names have forward slashes."""

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo. Raises PhotoError if the photo is missing or cannot be read."""
        ...

    def place(self, file_name: str) -> str | None:
        """The actual name of the photo's file, or None if it is missing.

        Raises PhotoError for an invalid name, and for a name that could refer to several photos.
        """
        ...

    def names(self) -> list[str]:
        """Names of all files, relative to the folder or archive, sorted."""
        ...

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo. Raises PhotoError if the photo is missing."""
        ...

    def stamp(self, file_name: str) -> str:
        """Identity and state of a photo's file, as a text that changes whenever the content changes.

        Raises PhotoError if the photo is missing.
        """
        ...


def open_photos(path: Path) -> PhotoStore:
    """Photos in a folder or .zip archive, or in several of them separated by commas.

    Raises PhotoError if a path is neither a folder nor an archive.
    """
    path = Path(path)
    if len(places := parts(path)) > 1:
        return SeveralPhotos([open_photos(place) for place in places])
    if url := url_of(path):
        return ZipPhotos(path) if url.endswith(".zip") else RemotePhotos(path)
    if path.is_dir():
        return FolderPhotos(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return ZipPhotos(path)
    if path.exists():
        raise PhotoError(f"{path}: neither a folder nor a whole zip archive; download it again or give a folder")
    raise PhotoError(f"{path}: no such folder or zip archive; give the place of the photos")


def reopened(path: Path) -> PhotoStore:
    """Like `open_photos`, but opens a path again in the same process only if its state has changed."""
    return _opened_once(path, file_stamp(path) if path.exists() else "")


@lru_cache(maxsize=8)
def _opened_once(path: Path, state: str) -> PhotoStore:
    del state
    return open_photos(path)


def parts(path: Path) -> list[Path]:
    """The folders and archives separated by commas. If the whole text is an existing path, it counts as one path, even
    with a comma.
    """
    several = "," in str(path) and not path.exists()
    return [Path(part) for part in str(path).split(",")] if several else [path]


def _below(file_name: str) -> PurePosixPath | None:
    """The name as a path below the folder of photos; None if the path leads out of the folder, which is not allowed.

    Raises PhotoError for an invalid file name.
    """
    name = PurePosixPath(file_name or "")
    if "\0" in str(name) or not name.name or max(map(len, name.parts)) > LONGEST_NAME:
        raise PhotoError(f"{file_name!r}: not the name of a photo below a folder; correct it in the annotation file")
    return None if name.is_absolute() or ".." in name.parts else name


def _is_plain(file_name: str) -> bool:
    """Whether the name of a photo contains no folders."""
    return "/" not in file_name and "\0" not in file_name and 0 < len(file_name) <= LONGEST_NAME and file_name[0] != "."


class FolderPhotos:
    """A folder, including COCO's subfolders train2017 and val2017 if they exist."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __reduce__(self) -> Pickled:
        return reopened, (self._root,)

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo. The photo is looked up by its name, or otherwise by its base name, in this folder and its
        subfolders. Raises PhotoError.
        """
        path = self._path(file_name)
        try:
            _check_size(path.stat().st_size, path)
            return path.read_bytes()
        except OSError as error:
            raise PhotoError(f"{path}: cannot be read ({error.strerror}); copy it again") from error

    def place(self, file_name: str) -> str | None:
        """Path of the photo relative to the folder, or None. Raises PhotoError if the name matches several files."""
        if _is_plain(file_name) and os.path.isfile(f"{self._root}/{file_name}"):  # a Path takes three times as long
            return file_name
        name = _below(file_name)
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
        """Identity, size, and times of the file. One of the times is the ctime, which programs cannot set back."""
        return file_stamp(self._path(file_name))

    def _path(self, file_name: str) -> Path:
        return self._root / _found(self.place(file_name), file_name, self._root, "folder")

    @cached_property
    def _index(self) -> NameIndex:
        """All names below the folder, listed only if a photo is not at its stated path."""
        return NameIndex(self.names())


class RemotePhotos:
    """A folder in an object store or on the Hub. The folder is listed once per process."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __reduce__(self) -> Pickled:
        return reopened, (self._root,)

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo, which is looked up by its name, or otherwise by its base name."""
        place = self._place(file_name)
        _check_size(self._sizes[place], joined(self._root, place))
        return remote.read_bytes(joined(self._root, place))

    def place(self, file_name: str) -> str | None:
        """Name of the photo relative to the folder."""
        name = _below(file_name)
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
        return _found(self.place(file_name), file_name, url_of(self._root), "folder")

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return remote.list_files(str(url_of(self._root)))

    @cached_property
    def _index(self) -> NameIndex:
        return NameIndex(self.names())


class SeveralPhotos:
    """Several folders or archives. A photo is taken from the first one that contains its exact name, or otherwise from
    the only match.
    """

    def __init__(self, stores: list[PhotoStore]) -> None:
        self._stores = stores

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo, from the first location that contains it."""
        return self._holder(file_name).read(file_name)

    def place(self, file_name: str) -> str | None:
        """The name of the photo in the first location that contains it."""
        return self._holder(file_name).place(file_name)

    def names(self) -> list[str]:
        """Names of all files in all locations."""
        return sorted({name for store in self._stores for name in store.names()})

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo."""
        return self._holder(file_name).size(file_name)

    def stamp(self, file_name: str) -> str:
        """Identity and state of the file that contains a photo."""
        return self._holder(file_name).stamp(file_name)

    def _holder(self, file_name: str) -> PhotoStore:
        held = [(store, place) for store in self._stores if (place := store.place(file_name)) is not None]
        named = [store for store, place in held if place == file_name]
        if len(held) > 1 and not named:
            first, second = (place for _, place in held[:2])
            raise PhotoError(f"{file_name}: found in several locations, as {first} and {second}; give one of them")
        # the last location raises the error with the fix
        return (named or [store for store, _ in held] or self._stores[-1:])[0]


class ZipPhotos:
    """A zip archive, opened once per process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, zipfile.ZipFile, NameIndex] | None = None

    def __reduce__(self) -> Pickled:
        return reopened, (self._path,)

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo, found by its name, or otherwise by its base name. Raises PhotoError."""
        member = self._member(file_name)
        try:
            archive = self._archive()[0]
            return read_member(
                archive, archive.getinfo(member), partial(_check_size, name=f"{file_name} in {self._path}")
            )
        except DAMAGED as error:
            raise PhotoError(f"{file_name}: damaged in {self._path} ({error}); download the archive again") from error
        except PACKED_OTHERWISE as error:
            raise PhotoError(
                f"{file_name}: cannot be unpacked from {self._path} ({error}); unpack it yourself"
            ) from error

    def place(self, file_name: str) -> str | None:
        """The name of the archive member that contains the photo, or None."""
        name, (archive, index) = _below(file_name), self._archive()
        return str(name) if name and str(name) in archive.NameToInfo else index.find(file_name)

    def names(self) -> list[str]:
        """Names of all files in the archive."""
        return _files(self._archive()[0])

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo, unpacked."""
        member = self._member(file_name)
        return self._archive()[0].getinfo(member).file_size

    def stamp(self, file_name: str) -> str:
        """Archive, member, size, and checksum of a photo."""
        member = self._member(file_name)
        info = self._archive()[0].getinfo(member)
        place = url_of(self._path) or self._path.resolve()
        return f"{place}:{member}:{info.file_size}:{info.CRC:08x}"

    def _member(self, file_name: str) -> str:
        return _found(self.place(file_name), file_name, self._path, "archive")

    def _archive(self) -> tuple[zipfile.ZipFile, NameIndex]:
        """The archive, opened by this process. Each process opens it separately, because processes that share a file
        handle after a fork also share its position.
        """
        opened = self._opened  # no lock: a lock that another thread holds during a fork would never be released
        if opened is None or opened[0] != os.getpid():
            try:
                url = url_of(self._path)  # a remote archive is read by range
                archive = zipfile.ZipFile(remote.opened(url) if url else self._path)
            except (OSError, zipfile.BadZipFile) as error:
                raise PhotoError(f"{self._path}: not a whole zip archive ({error}); download it again") from error
            opened = self._opened = os.getpid(), archive, NameIndex(_files(archive))
        return opened[1:]


def file_stamp(path: Path) -> str:
    """Identity, size, and times of a file, the same on every machine that mounts its disk. Raises OSError if the file
    no longer exists.
    """
    state = path.stat()  # without st_dev, which is the number of the mount
    return f"{state.st_ino}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"


def _found(place: str | None, file_name: str, where: object, kind: str) -> str:
    if place is None:
        raise PhotoError(f"{file_name}: not in {where}; give the {kind} that holds it")
    return place


def _check_size(size: int, name: object) -> None:
    if size > MOST_BYTES:
        raise PhotoError(
            f"{name}: has {size:,} bytes, and a photo may have at most {MOST_BYTES:,}; save a smaller version"
        )


def _files(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if not name.endswith("/"))
