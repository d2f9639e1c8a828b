"""Checks that the inputs of a build do not change while it runs. A release that mixes two states of its inputs would be
wrong.

A file is identified by its inode, size, and times. Its ctime cannot be set back.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cgc_data.builder.work import WORK, start_over
from cgc_data.common.errors import PhotoError, SourceError
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.index.photos import Photo
from cgc_data.sources.photos import file_stamp, parts

Stamps = dict[str, str]  # maps each file to its state


def file_stamps(config: BuildConfig) -> Stamps:
    """The state of annotation files, photo archives, and exclusion lists; empty for paths that are not files."""
    archives = [path for source in config.sources for path in parts(Path(source.images))]
    lists = [Path(path) for path in (*(source.annotations for source in config.sources), *config.exclude)]
    return {str(path): _stamp(path) for path in (*lists, *archives)}


def photo_stamps(index: Index) -> Stamps:
    """The state of every photo in the sources."""
    return {f"{photo.file_name} ({photo.identity})": _photo_stamp(index, photo) for photo in index.photos}


@contextmanager
def unchanged_files(config: BuildConfig, before: Stamps, out: Path) -> Iterator[None]:
    """Raise SourceError if a file changed during the block, even if another error was raised. Derived files are then
    removed.
    """
    try:
        yield
    finally:
        try:
            check_unchanged(before, file_stamps(config))
        except SourceError:
            start_over(out, [])
            shutil.rmtree(out / WORK)
            raise


def check_unchanged(before: Stamps, now: Stamps) -> None:
    """Raise SourceError, which names the first file whose state changed."""
    if changed := [name for name, stamp in before.items() if now.get(name) != stamp]:
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise SourceError(
            f"{changed[0]}{others}: changed while the build ran; wait until nothing writes to it and run the same "
            "command again"
        )


def _stamp(path: Path) -> str:
    try:
        return file_stamp(path) if path.is_file() else ""
    except OSError:
        return ""


def _photo_stamp(index: Index, photo: Photo) -> str:
    try:
        return index.stores[photo.source].stamp(photo.file_name)
    except PhotoError:
        return ""
