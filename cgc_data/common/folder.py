"""A folder that a command fills, marked until that is done, so that an interrupted command can be repeated."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = ".unfinished"


def is_free(folder: Path) -> bool:
    """Whether a folder may be filled: it does not exist, is empty, or holds what an interrupted command left."""
    if not folder.is_dir():
        return not folder.exists()
    return is_unfinished(folder) or not any(folder.iterdir())


def is_unfinished(folder: Path) -> bool:
    """Whether a command that filled the folder was interrupted."""
    return (folder / MARK).is_file()


@contextmanager
def marked(folder: Path) -> Iterator[None]:
    """Mark a folder, made if it is missing, as unfinished until the end of the block; after an error it stays so."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    yield
    (folder / MARK).unlink()


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """The same for a folder that is free: what an interrupted command left there is removed first."""
    with marked(folder):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != MARK:
                path.unlink()
        yield
