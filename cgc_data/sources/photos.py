"""Photos of a source by file name, from a folder or read in place from a zip archive."""

import os
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Protocol

from cgc_data.common.errors import PhotoError
from cgc_data.images import MOST_BYTES

COCO_FOLDERS = ("train2017", "val2017")
# Unpacked step by step; zipfile unpacks all that other methods hold, which may be a million times as much as is read.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LONGEST_NAME = 255  # characters of a file's name that file systems allow


class PhotoStore(Protocol):
    """Where the photos of a source are; usable in forked and spawned processes. File names have forward slashes."""

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo. Raises PhotoError where it is missing or cannot be read."""
        ...

    def exists(self, file_name: str) -> bool:
        """Whether the photo is there. Raises PhotoError where the name is unsafe or more than one photo has it."""
        ...

    def names(self) -> list[str]:
        """Names of all files, relative to the folder or archive, sorted."""
        ...

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo. Raises PhotoError where it is missing."""
        ...

    def stamp(self, file_name: str) -> str:
        """Which file a photo is and in which state: another text as soon as its content is another one.

        Raises PhotoError where it is missing.
        """
        ...


def open_photos(path: Path) -> PhotoStore:
    """Photos in a folder or .zip archive, or in several, written with commas between them.

    Raises PhotoError where one is neither.
    """
    path = Path(path)
    if len(places := parts(path)) > 1:
        return SeveralPhotos([open_photos(place) for place in places])
    if path.is_dir():
        return FolderPhotos(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return ZipPhotos(path)
    if path.exists():
        raise PhotoError(f"{path}: neither a folder nor a whole zip archive; download it again or give a folder")
    raise PhotoError(f"{path}: no such folder or zip archive; give the place of the photos")


def parts(path: Path) -> list[Path]:
    """The folders and archives that are written with commas between them; a path that there is is one."""
    several = "," in str(path) and not path.exists()
    return [Path(part) for part in str(path).split(",")] if several else [path]


def _safe(file_name: str) -> PurePosixPath:
    """The name as a relative path; an annotation file must not reach outside its folder of photos."""
    name = PurePosixPath(file_name or "")
    if (
        "\0" in str(name)
        or name.is_absolute()
        or ".." in name.parts
        or not name.name
        or max(map(len, name.parts)) > LONGEST_NAME
    ):
        raise PhotoError(f"{file_name!r}: not the name of a photo below a folder; correct it in the annotation file")
    return name


class FolderPhotos:
    """A folder, with COCO's folders train2017 and val2017 below it where there are such."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo, looked for under its name, else its base name, here and in COCO's folders."""
        path = self._find(file_name)
        if path is None:
            raise PhotoError(f"{file_name}: not in {self._root}; give the folder that holds it")
        try:
            _check_size(path.stat().st_size, path)
            return path.read_bytes()
        except OSError as error:
            raise PhotoError(f"{path}: cannot be read ({error.strerror}); copy it again") from error

    def exists(self, file_name: str) -> bool:
        """Whether the photo is there under one of those names."""
        return self._find(file_name) is not None

    def names(self) -> list[str]:
        """Paths of all files, relative to the folder."""
        found = (Path(folder, name) for folder, _, names in os.walk(self._root) for name in names)
        return sorted(path.relative_to(self._root).as_posix() for path in found)

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo."""
        path = self._find(file_name)
        if path is None:
            raise PhotoError(f"{file_name}: not in {self._root}; give the folder that holds it")
        return path.stat().st_size

    def stamp(self, file_name: str) -> str:
        """Identity, size and times of the file. The time at which its entry changed cannot be set back."""
        path = self._find(file_name)
        if path is None:
            raise PhotoError(f"{file_name}: not in {self._root}; give the folder that holds it")
        return file_stamp(path)

    def _find(self, file_name: str) -> Path | None:
        name = _safe(file_name)
        exact = self._root / name
        if exact.is_file():
            return exact
        elsewhere = [self._root / folder / name.name for folder in ("", *COCO_FOLDERS)]
        found = [path for path in elsewhere if path.is_file()]
        if len(found) > 1:
            raise PhotoError(f"{file_name}: both {found[0]} and {found[1]}; name its folder in the annotation file")
        return found[0] if found else None


class SeveralPhotos:
    """Several folders or archives; a photo is looked for in each in turn."""

    def __init__(self, stores: list[PhotoStore]) -> None:
        self._stores = stores

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo, from the first place that holds it."""
        return self._holder(file_name).read(file_name)

    def exists(self, file_name: str) -> bool:
        """Whether any of the places holds the photo."""
        return any(store.exists(file_name) for store in self._stores)

    def names(self) -> list[str]:
        """Names of all files in all places."""
        return sorted({name for store in self._stores for name in store.names()})

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo."""
        return self._holder(file_name).size(file_name)

    def stamp(self, file_name: str) -> str:
        """Which file a photo is and in which state."""
        return self._holder(file_name).stamp(file_name)

    def _holder(self, file_name: str) -> PhotoStore:
        # the last place says what is missing and how to mend it
        return next((store for store in self._stores if store.exists(file_name)), self._stores[-1])


class ZipPhotos:
    """A zip archive, opened once in every process that reads from it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, zipfile.ZipFile, dict[str, list[str]]] | None = None

    def __getstate__(self) -> dict[str, Path]:
        return {"_path": self._path}

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__init__(state["_path"])  # type: ignore[misc]

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo, looked for under its name, else under its base name if only one file has it."""
        member = self._find(file_name)
        if member is None:
            raise PhotoError(f"{file_name}: not in {self._path}; give the archive that holds it")
        try:
            return _unpacked(self._archive()[0], member, f"{file_name} in {self._path}")
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise PhotoError(f"{file_name}: damaged in {self._path} ({error}); download the archive again") from error
        except (NotImplementedError, RuntimeError) as error:  # packed in a way that zipfile does not know, or encrypted
            raise PhotoError(
                f"{file_name}: cannot be unpacked from {self._path} ({error}); unpack it yourself"
            ) from error

    def exists(self, file_name: str) -> bool:
        """Whether the archive holds the photo."""
        return self._find(file_name) is not None

    def names(self) -> list[str]:
        """Names of all files in the archive."""
        return sorted(name for names in self._archive()[1].values() for name in names)

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo, unpacked."""
        member = self._find(file_name)
        if member is None:
            raise PhotoError(f"{file_name}: not in {self._path}; give the archive that holds it")
        return self._archive()[0].getinfo(member).file_size

    def stamp(self, file_name: str) -> str:
        """Archive, member, size and checksum of a photo."""
        member = self._find(file_name)
        if member is None:
            raise PhotoError(f"{file_name}: not in {self._path}; give the archive that holds it")
        info = self._archive()[0].getinfo(member)
        return f"{self._path.resolve()}:{member}:{info.file_size}:{info.CRC:08x}"

    def _find(self, file_name: str) -> str | None:
        name = _safe(file_name)
        members = self._archive()[1].get(name.name, [])
        if str(name) in members:
            return str(name)
        if len(members) > 1:
            raise PhotoError(f"{file_name}: {len(members)} files of that name in {self._path}; name its folder as well")
        return members[0] if members else None

    def _archive(self) -> tuple[zipfile.ZipFile, dict[str, list[str]]]:
        """The archive as opened by this process: a file handle shared over a fork would share its position."""
        opened = self._opened  # no lock, for one held by another thread while forking would stay held
        if opened is None or opened[0] != os.getpid():
            try:
                archive = zipfile.ZipFile(self._path)
            except (OSError, zipfile.BadZipFile) as error:
                raise PhotoError(f"{self._path}: not a whole zip archive ({error}); download it again") from error
            opened = self._opened = os.getpid(), archive, _by_base_name(archive)
        return opened[1:]


def file_stamp(path: Path) -> str:
    """Identity, size and times of a file. Raises OSError where it is gone."""
    state = path.stat()
    return f"{state.st_dev}:{state.st_ino}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"


def _unpacked(archive: zipfile.ZipFile, member: str, name: str) -> bytes:
    """Content of a member. Nothing is unpacked beyond the size that the archive states, however much there is."""
    info = archive.getinfo(member)
    _check_size(info.file_size, name)
    if info.compress_type not in METHODS:
        raise NotImplementedError("neither stored nor deflated")
    with archive.open(info) as packed:
        return packed.read(info.file_size)


def _check_size(size: int, name: object) -> None:
    if size > MOST_BYTES:
        raise PhotoError(f"{name}: has {size:,} bytes, at most {MOST_BYTES:,} are read of a photo; save it smaller")


def _by_base_name(archive: zipfile.ZipFile) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for name in archive.namelist():
        if not name.endswith("/"):
            members.setdefault(PurePosixPath(name).name, []).append(name)
    return members
