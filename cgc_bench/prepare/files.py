"""The files of a benchmark as its authors published them: in a folder, in a zip archive, or on the Hub."""

import textwrap
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from cgc_bench.errors import PrepareError
from cgc_data.common.archive import DAMAGED, PACKED_OTHERWISE, read_member

MOST_BYTES = 2**29  # maximum size per file, because an archive can state any size


class Files(Protocol):
    """Files under a root. You read a file by its path relative to the root, written with forward slashes. `label` is
    the name of the source in reports.
    """

    label: str

    @property
    def place(self) -> Path:
        """The folder or archive."""
        ...

    def names(self) -> list[str]:
        """All paths, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """Content of a file. Raises PrepareError if the file is missing or damaged."""
        ...


class Folder:
    """Files under a folder, including files inside its zip archives.

    The folder has the same layout as the repository on the Hub.
    """

    def __init__(self, root: Path, label: str = "", archives: Sequence["Archive"] = ()) -> None:
        self.root, self.label = root, label or "a local copy"
        self._packed = {name: archive for archive in archives for name in archive.names()}

    @property
    def place(self) -> Path:
        """The folder."""
        return self.root

    def names(self) -> list[str]:
        """All paths, sorted."""
        found = {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()}
        return sorted(found | self._packed.keys())

    def read(self, name: str) -> bytes:
        """Content of a file. A plain file takes precedence over a file with the same path in an archive. Raises
        PrepareError.
        """
        path = self.root / name
        if name in self._packed and not path.is_file():
            return self._packed[name].read(name)
        try:
            _check_size(path.stat().st_size, path)
            return path.read_bytes()
        except OSError as error:
            raise PrepareError(f"{self.root / name}: {error.strerror}; fetch it again") from None


class Archive:
    """Files of a zip archive."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self.label, self._archive = path, "a local copy", archive

    @property
    def place(self) -> Path:
        """The archive's path."""
        return self.path

    def names(self) -> list[str]:
        """All paths, sorted."""
        return sorted(name for name in self._archive.namelist() if not name.endswith("/"))

    def read(self, name: str) -> bytes:
        """Content of a file. Raises PrepareError."""
        try:
            info = self._archive.getinfo(name)
            return read_member(self._archive, info, partial(_check_size, name=f"{self.path}, {name}"))
        except (KeyError, *DAMAGED) as error:
            raise PrepareError(f"{self.path}, {name}: {error}; fetch the archive again") from None
        except PACKED_OTHERWISE as error:
            raise PrepareError(f"{self.path}, {name}: {error}; unpack the archive yourself") from None


def _check_size(size: int, name: object) -> None:
    if size > MOST_BYTES:
        raise PrepareError(f"{name}: has {size:,} bytes, more than the limit of {MOST_BYTES:,}; fetch it again")


@contextmanager
def open_files(source: Path, label: str = "") -> Iterator[Files]:
    """The files in a folder or zip archive. Raises PrepareError if the path is neither a folder nor a zip archive."""
    with ExitStack() as opened:
        if source.is_dir():
            archives = [_archive(path, opened) for path in sorted(source.glob("*.zip"))]
            yield Folder(source, label, archives)
        else:
            files = _archive(source, opened)
            files.label = label or files.label
            yield files


def _archive(path: Path, opened: ExitStack) -> Archive:
    try:
        return Archive(path, opened.enter_context(zipfile.ZipFile(path)))
    except FileNotFoundError:
        raise PrepareError(f"{path}: no such folder or archive; pass your copy with --from") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise PrepareError(f"{path}: neither a folder nor a zip archive ({error}); fetch it again") from None


def shortened(error: Exception) -> str:
    """An error message on one line, shortened at a word boundary if it is long."""
    return textwrap.shorten(str(error), 160, placeholder=" ...")


def fetch(repository: str, patterns: tuple[str, ...], revision: str | None) -> tuple[Path, str]:
    """Download a repository's files unless they are cached. Returns the folder of the files, and the source's name as
    shown in reports. Raises PrepareError.
    """
    from huggingface_hub import snapshot_download

    pinned = revision or "unpinned"
    try:
        folder = snapshot_download(repository, repo_type="dataset", revision=revision, allow_patterns=list(patterns))
    except Exception as error:  # the Hub raises many kinds of errors, and each means that there are no files
        fault = shortened(error)
        raise PrepareError(
            f"{repository} cannot be downloaded ({fault}); fetch it yourself, and pass your copy to "
            "`cgc-bench prepare` with --from"
        ) from None
    return Path(folder), f"{repository}@{pinned}"
