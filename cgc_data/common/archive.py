"""Members of zip archives from anybody: never more is unpacked than is stated, and checked."""

import zipfile
import zlib
from collections.abc import Callable

# Unpacked step by step; zipfile unpacks all that other methods hold, which may be a million times as much as is read.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
PACKED_OTHERWISE = (NotImplementedError, RuntimeError)  # by another method, or encrypted


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, check_size: Callable[[int], object]) -> bytes:
    """Content of a member, whose stated number of bytes `check_size` is given first, to raise an error of its own.

    Raises one of DAMAGED or PACKED_OTHERWISE where it cannot be unpacked.
    """
    check_size(info.file_size)
    if info.compress_type not in METHODS:
        raise NotImplementedError("neither stored nor deflated")
    with archive.open(info) as packed:
        return packed.read(info.file_size)
