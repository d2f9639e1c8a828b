"""An output folder that is marked as unfinished until it is complete, so that an interrupted command can be
repeated.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = ".unfinished"


def is_free(folder: Path) -> bool:
    """Whether a command may write into a folder: the folder does not exist, is empty, or was left by an interrupted
    command.
    """
    if not folder.is_dir():
        return not folder.exists()
    return is_unfinished(folder) or not any(folder.iterdir())


def is_unfinished(folder: Path) -> bool:
    """Whether a command was interrupted while it was writing the folder."""
    return (folder / MARK).is_file()


@contextmanager
def marked(folder: Path) -> Iterator[None]:
    """Create a folder if it is missing, and mark it as unfinished until the block ends.

    After an error, the mark stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    yield
    (folder / MARK).unlink()


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Like `marked`, but first remove all files that an interrupted command left in the folder."""
    with marked(folder):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != MARK:
                path.unlink()
        yield
