"""Opens the photos of a source: folders, or zip archives that are read directly."""

import zipfile
from pathlib import Path

from cgc_data.common.errors import PhotoError
from cgc_data.common.remote import url_of
from cgc_data.sources.photo_archives import ZipPhotos
from cgc_data.sources.photo_folders import FolderPhotos, RemotePhotos
from cgc_data.sources.photo_store import PhotoStore


def open_photos(path: Path) -> PhotoStore:
    """Open a folder or .zip archive of photos, or several of them, separated by commas.

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
        raise PhotoError(f"{path}: neither a folder nor a complete zip archive; download it again or give a folder")
    raise PhotoError(f"{path}: no such folder or zip archive; give the path of the photos")


def parts(path: Path) -> list[Path]:
    """Split a comma-separated list of folders and archives. If the whole text is an existing path, it counts as one
    path, even if it contains a comma.
    """
    several = "," in str(path) and not path.exists()
    return [Path(part) for part in str(path).split(",")] if several else [path]


class SeveralPhotos:
    """Several folders or archives. A photo is taken from the first location that contains its exact name. If no
    location contains the exact name, the photo is taken from the only location that contains a matching name. Raises
    PhotoError if several locations contain a matching name but none contains the exact name.
    """

    def __init__(self, stores: list[PhotoStore]) -> None:
        self._stores = stores

    def read(self, file_name: str) -> bytes:
        """Bytes of a photo."""
        return self._holder(file_name).read(file_name)

    def place(self, file_name: str) -> str | None:
        """The name of the photo in the location that it is taken from; None if the photo is missing."""
        return self._holder(file_name).place(file_name)

    def names(self) -> list[str]:
        """Names of all files in all locations."""
        return sorted({name for store in self._stores for name in store.names()})

    def size(self, file_name: str) -> int:
        """Number of bytes of a photo."""
        return self._holder(file_name).size(file_name)

    def stamp(self, file_name: str) -> str:
        """A text that identifies a photo's file and its state."""
        return self._holder(file_name).stamp(file_name)

    def _holder(self, file_name: str) -> PhotoStore:
        held = [(store, place) for store in self._stores if (place := store.place(file_name)) is not None]
        named = [store for store, place in held if place == file_name]
        if len(held) > 1 and not named:
            first, second = (place for _, place in held[:2])
            raise PhotoError(
                f"{file_name}: found in several locations, as {first} and {second}; write one of these names in the "
                "annotation file"
            )
        # the last location raises the error with the fix
        return (named or [store for store, _ in held] or self._stores[-1:])[0]
