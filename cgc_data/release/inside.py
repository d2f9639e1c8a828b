"""Confines paths stated in untrusted files to the folder to which these files belong.

A release, a run, or a prepared benchmark can come from anyone, and a shard in its manifest could refer to any file on
the user's machine. Every path in such a file goes through `inside`. Every name that is derived from its content goes
through `file_name`.
"""

import hashlib
import os
import re
from pathlib import Path

from cgc_data.common.errors import ReleaseError

LONGEST_PART, LONGEST = 255, 1024  # maximum number of bytes in a single name, and in an entire path
_PLAIN = re.compile(r"[\w@-][\w.@-]*")


def inside(folder: Path, name: object) -> Path:
    """Resolve a path that a file of `folder` states. The path must be relative, with forward slashes.

    Raises ReleaseError for a path that leads out of the folder, on any system or through a link, or that is not valid.
    """
    path = folder / name if isinstance(name, str) and _is_relative(name) else None
    if path is None or not _is_below(path, folder):
        raise ReleaseError(
            f"{folder}: states the path {repr(name)[:100]}, which does not stay inside that folder; do not use it, "
            "build or download it again"
        )
    return path


def check_links(folder: Path) -> None:
    """Raise ReleaseError if a link anywhere below a folder leads outside it, because files would be written
    elsewhere.
    """
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink() and not _is_below(path, folder):
                raise ReleaseError(f"{path}: a link that leads outside {folder}; replace it with a copy")


def file_name(text: str) -> str:
    """A file or folder name for any text. It is the text itself if that is plain, and otherwise its plain part and a
    digest.
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
    """The folder in which the Hub's cache stores the content to which a snapshot links; None for any other folder."""
    blobs = root.parents[1] / "blobs" if root.parent.name == "snapshots" else None
    return blobs if blobs and Path(os.path.realpath(blobs)) == blobs else None
