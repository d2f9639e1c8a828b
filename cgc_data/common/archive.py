"""Reads members of untrusted zip archives. Never unpacks more bytes than the declared size of the member."""

import zipfile
import zlib
from collections.abc import Callable

# Methods that are unpacked in chunks. With other methods, zipfile unpacks all data at once, possibly a million times
# the size that is read.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
PACKED_OTHERWISE = (NotImplementedError, RuntimeError)  # another compression method, or encrypted


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, check_size: Callable[[int], object]) -> bytes:
    """Content of a member. Before anything is unpacked, `check_size` is called with the declared size. It can raise an
    error to reject the member.

    Raises one of the errors in DAMAGED or PACKED_OTHERWISE if the member cannot be unpacked.
    """
    check_size(info.file_size)
    if info.compress_type not in METHODS:
        raise NotImplementedError("neither stored nor deflated")
    with archive.open(info) as packed:
        return packed.read(info.file_size)
