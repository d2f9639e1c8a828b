"""Version names of annotations. The name includes a digest, unless a published checksum already identifies the
version.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

_DIGEST = " (sha256 "


def with_digest(name: str, content: bytes) -> str:
    """The name, followed by the first 12 digits of the content's sha256, such as `unpinned (sha256 0123456789ab)`."""
    return f"{name}{_DIGEST}{hashlib.sha256(content).hexdigest()[:12]})"


def files_sha256(path: Path) -> str:
    """The sha256 of a file, or of the names and digests of all files in a folder."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    names = sorted(found.relative_to(path).as_posix() for found in path.rglob("*") if found.is_file())
    return hashlib.sha256("".join(f"{name} {files_sha256(path / name)}\n" for name in names).encode()).hexdigest()


def without_digest(version: str) -> str:
    """The version's name without its digest."""
    return version.partition(_DIGEST)[0]


def agrees(stated: str, version: str) -> bool:
    """Whether `stated`, the version that a file records, is compatible with `version`.

    A name without a digest, as in older files, matches any digest.
    """
    return stated in (version, without_digest(version))


def joined(versions: Iterable[str]) -> str:
    """Combine several versions into one. If all versions have the same name, the result is this name with a digest
    computed from all of them. Otherwise, the result lists the versions.
    """
    found = sorted(set(versions))
    names = sorted({without_digest(version) for version in found})
    if len(names) == 1 < len(found):
        return with_digest(names[0], "\n".join(found).encode())
    return ", ".join(found)
