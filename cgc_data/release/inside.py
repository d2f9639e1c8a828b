"""Keeps paths from untrusted files inside the folder that contains these files.

A release, a run, or a prepared benchmark can come from anyone, and a shard path in its manifest could refer to any file
on the user's machine. Every path from an untrusted file goes through `inside`. Every file name derived from untrusted
text goes through `file_name`.
"""

import hashlib
import os
import re
from pathlib import Path

from cgc_data.common.errors import ReleaseError

LONGEST_PART, LONGEST = 255, 1024  # maximum number of bytes in a single name, and in an entire path
_PLAIN = re.compile(r"[\w@-][\w.@-]*")


def inside(folder: Path, name: object) -> Path:
    """Resolve `name`, a path from an untrusted file, relative to `folder`. The path must be relative, with forward
    slashes.

    Raises ReleaseError if the path is invalid, leads out of the folder through a link, or would lead out of the folder
    on another operating system.
    """
    path = folder / name if isinstance(name, str) and _is_relative(name) else None
    if path is None or not _is_below(path, folder):
        raise ReleaseError(
            f"{folder}: states the path {repr(name)[:100]}, which does not stay inside that folder; do not use it, "
            "build or download it again"
        )
    return path


def check_links(folder: Path) -> None:
    """Raise ReleaseError if a link anywhere below a folder leads outside the folder. Writing through such a link would
    change files outside the folder.
    """
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink() and not _is_below(path, folder):
                raise ReleaseError(f"{path}: a link that leads outside {folder}; replace it with a copy")


def file_name(text: str) -> str:
    """A safe file or folder name for any text: the text itself if it is a safe name, and otherwise its safe characters
    and a digest.
    """
    if _PLAIN.fullmatch(text) and len(text.encode()) <= LONGEST_PART - 55:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{re.sub(r'[^a-zA-Z0-9_@-]+', '-', text)[:60]}-{digest}"


def _is_relative(name: str) -> bool:
    parts = name.split("/")
    return (
        name.isprintable()  # no control characters, and nothing unencodable
        and not re.search(r"[\\:]", name)  # separators and drives on other systems
        and not {"", ".", ".."} & set(parts)
        and max(len(part.encode()) for part in parts) <= LONGEST_PART
        and len(name.encode()) <= LONGEST
    )


def _is_below(path: Path, folder: Path) -> bool:
    root, target = Path(os.path.realpath(folder)), Path(os.path.realpath(path))
    return target.is_relative_to(root) or target.is_relative_to(_downloaded(root) or root)


def _downloaded(root: Path) -> Path | None:
    """The `blobs` folder that the files of a snapshot link to, if `root` is a snapshot in the Hub's cache. None for any
    other folder.
    """
    blobs = root.parents[1] / "blobs" if root.parent.name == "snapshots" else None
    return blobs if blobs and Path(os.path.realpath(blobs)) == blobs else None
