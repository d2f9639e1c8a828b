"""Locks an output folder. Commands that plan or finish a release lock it exclusively; commands that render share the
lock.

If a process is killed, the operating system releases its lock. On a shared disk, the lock is also released if the
machine that runs the process fails.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from cgc_data.builder.work import make_folder
from cgc_data.common.errors import BuildError

CACHE = ".cgc-cache"


def cache_of(out: Path) -> Path:
    """A folder for locks and cached sources, next to the output folder. It is created if it is missing."""
    make_folder(cache := out.parent / CACHE)
    return cache


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Lock the output folder exclusively, to plan or finish a release. Raises BuildError if another command has locked
    the folder.
    """
    with _locked(out, shared=False):
        yield


@contextmanager
def together(out: Path) -> Iterator[None]:
    """Lock the output folder to render shards. Other commands that render can share the lock.

    Raises BuildError if the folder is locked exclusively, to plan or finish a release.
    """
    with _locked(out, shared=True):
        yield


def _lock_file(out: Path) -> Path:
    return cache_of(out) / f"{out.resolve().name}.lock"


def _held(out: Path) -> BuildError:
    return BuildError(f"{out}: another command is writing into it; wait for it, or choose another folder")


if sys.platform == "win32":  # which has no shared locks of whole files
    from filelock import FileLock, Timeout

    @contextmanager
    def _locked(out: Path, *, shared: bool) -> Iterator[None]:
        try:
            with nullcontext() if shared else FileLock(_lock_file(out), timeout=0):
                yield
        except Timeout:
            raise _held(out) from None
else:
    import fcntl

    @contextmanager
    def _locked(out: Path, *, shared: bool) -> Iterator[None]:
        # The file is never removed: a command that opened it before would lock a file that no other command sees.
        file = os.open(_lock_file(out), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise _held(out) from None
        except OSError as error:
            os.close(file)
            raise BuildError(
                f"{out.parent / CACHE}: this disk cannot lock files ({error.strerror}); mount it with locks, or use "
                "another disk"
            ) from None
        try:
            yield
        finally:
            os.close(file)
