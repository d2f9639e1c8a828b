"""Checks that the input files of a build do not change while the build runs.

If a file changed during the build, some rows of the release would come from its old content and others from its new
content.

The state of a file consists of its inode number, size, mtime, and ctime. The ctime is included because programs cannot
reset it.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.common.errors import BuildError, PhotoError, SourceError
from cgc_data.common.remote import url_of
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.release.rows import PartRow
from cgc_data.sources import PhotoStore
from cgc_data.sources.photo_store import file_stamp
from cgc_data.sources.photos import parts

Stamps = dict[str, str]  # maps each file to its state
STATES = pa.schema([(name, pa.string()) for name in ("source", "file_name", "identity", "state")])


def file_stamps(config: BuildConfig) -> Stamps:
    """The state of each annotation file, photo archive, and exclusion list. If a path is not a file, its state is
    empty.
    """
    archives = [path for source in config.sources for path in parts(Path(source.images))]
    lists = [Path(path) for path in (*(source.annotations for source in config.sources), *config.exclude)]
    return {absolute(path): _stamp(path) for path in (*lists, *archives)}


def check_files(before: Stamps) -> None:
    """Raise a SourceError that names the first file that has changed."""
    _refuse([path for path, stamp in before.items() if _stamp(Path(path)) != stamp])


def photo_states(index: Index) -> pa.Table:
    """A table with the state of every photo file in the sources, one row per photo. The state is empty if the file
    cannot be found.
    """
    keys = [table.key for table in index.tables]
    rows = [
        (keys[photo.source], photo.file_name, photo.identity, _photo_stamp(index.stores[photo.source], photo.file_name))
        for photo in index.photos
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(STATES)
    return pa.table([pa.array(column, pa.string()) for column in columns], schema=STATES)


def digest(states: pa.Table) -> str:
    """SHA-256 digest of the states of all photos."""
    return hashlib.sha256("\n".join(states["state"].to_pylist()).encode()).hexdigest()


class PlannedPhotos:
    """The states of the photo files when the plan was made, read from a Parquet file with the columns of `STATES`."""

    def __init__(self, file: Path, stores: Mapping[str, PhotoStore]) -> None:
        self._file, self._stores = file, stores

    def check(self, shown: Iterable[PartRow] | None = None) -> None:
        """Raise a SourceError that names the first photo whose file has changed since the plan was made.

        By default, all photos are checked. If `shown` lists parts of views, only the photos of these parts are checked.
        """
        keys = self._states if shown is None else [(part["source"], part["file_name"]) for part in shown]
        _refuse([self._named(key) for key in keys if key in self._states and self._changed(key)])

    def _changed(self, key: tuple[str, str]) -> bool:
        return _photo_stamp(self._stores[key[0]], key[1]) != self._states[key][1]

    def _named(self, key: tuple[str, str]) -> str:
        return f"{key[1]} ({self._states[key][0]})"

    @cached_property
    def _states(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Maps the source and the file name of each photo to the photo's identity and state."""
        try:
            columns = [pq.read_table(self._file, schema=STATES)[name].to_pylist() for name in STATES.names]
        except (OSError, pa.ArrowException):
            raise BuildError(
                f"{self._file}: missing or damaged; run the same `cgc-data build` or `cgc-data plan` again"
            ) from None
        sources, names, identities, states = columns
        return dict(zip(zip(sources, names, strict=True), zip(identities, states, strict=True), strict=True))


def absolute(path: Path | str) -> str:
    """The absolute path; a URL is returned unchanged."""
    return url_of(path) or os.path.abspath(path)


def absolute_images(images: str) -> str:
    """The photo folders and archives of a source as absolute paths, separated by commas."""
    return ",".join(absolute(place) for place in parts(Path(images)))


def require_photos(places: Iterable[str]) -> None:
    """Raise a BuildError that names the first photo folder or archive that is missing on this machine."""
    for place in (place for images in places for place in parts(Path(images))):
        if not url_of(place) and not place.exists():
            raise BuildError(f"{place}: no such photos on this machine; mount them here, under the same path")


def _refuse(changed: list[str]) -> None:
    if changed:
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise SourceError(
            f"{changed[0]}{others}: changed while the build ran; wait until nothing writes to it, check that all "
            "machines have the same files, and run the same `cgc-data build` or `cgc-data plan` again"
        )


def _stamp(path: Path) -> str:
    try:
        return file_stamp(path) if path.is_file() else ""
    except OSError:
        return ""


def _photo_stamp(store: PhotoStore, file_name: str) -> str:
    try:
        return store.stamp(file_name)
    except (PhotoError, OSError):
        return ""
