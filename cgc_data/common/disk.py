"""Writes files completely or not at all, and turns operating system errors into messages that state the file, the
reason, and the fix.
"""

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_RERUN = "run the same command again"
# The problem with the file, and the fix.
_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "free some space and run again"),
    errno.EDQUOT: ("the disk is full", "free some space and run again"),
    errno.EFBIG: ("a file is too large for this disk", "use another disk, or set a smaller shard_rows"),
    errno.ENOENT: ("the path does not exist, or was removed while the command ran", _RERUN),
    errno.ELOOP: (
        "the path is a symbolic link; symbolic links are not followed",
        ("replace the link with a file or folder"),
    ),
    errno.EISDIR: ("is a folder", "give the path of a file, or move the folder to another location"),
    errno.ENOTDIR: ("is not a folder", "give the path of a folder"),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n), or use fewer workers"),
    errno.ENOMEM: ("out of memory", "close other programs, or use fewer workers"),
    errno.EIO: ("the disk reports an error", "check the disk"),
    errno.ESTALE: ("the disk is gone", "mount it and run again"),
}
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def unfinished_name(path: Path) -> Path:
    """A new path in the same folder as `path`. Its name is random, so that no other process uses it. Process ids would
    not be enough, because two machines can use the same id.
    """
    return path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file. This file replaces the file at `path` if the `with` block succeeds.
    Otherwise, it is deleted.
    """
    unfinished = unfinished_name(path)
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def disk_full(error: BaseException) -> bool:
    """Whether a full disk caused the error. Some libraries report a full disk only in the error message."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    text = str(error)
    return any(sign in text for sign in ("No space left", "file write failed", "Disk quota", "File too large"))


def refusal(error: OSError, place: Path | None = None) -> str:
    """An error message on one line: the affected file (or `place` if the file is unknown), the reason, and the fix."""
    where = error.filename if error.filename is not None else place
    if isinstance(where, bytes):
        where = where.decode(errors="backslashreplace")
    if error.errno in _FORBIDDEN:
        reason, fix = "cannot be read or written", "change the permissions, or use another location"
    else:
        plain = (error.strerror or str(error) or type(error).__name__, _RERUN)
        reason, fix = _REASONS.get(error.errno or 0, plain)
    return f"{where}: {reason}; {fix}" if where is not None else f"{reason}; {fix}"
