"""Files in object stores and on the Hub, by URL: `s3://`, `gs://`, `hf://`, and any other protocol of fsspec.

Files are copied into a local folder, and copied again only if the remote file has changed. Zip archives are not copied:
only the byte ranges that are needed are read. A failed read is retried. A missing file or denied access immediately
raises a RemoteError that names the URL and the fix.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from cgc_data.common.disk import replacing, unfinished_name
from cgc_data.common.errors import MissingRemoteError, RemoteError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")
TRIES = 4
_URL = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(?=[^/])")
# A drive letter is not a protocol, and `file` is the default.
_LOCAL = ("file", "local")
# The protocol's own package also retries, so the total number of tries is the product.
OPTIONS: dict[str, dict[str, Any]] = {"s3": {"config_kwargs": {"retries": {"total_max_attempts": 1}}}}
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub"}


def url_of(path: Path | str) -> str | None:
    """The URL in a path, or None for a local path. A `Path` keeps only one of the two slashes after the protocol. This
    function restores the other one.
    """
    found = _URL.match(str(path))
    if found is None or found[1] in _LOCAL:
        return None
    return f"{found[1]}://{str(path)[found.end() :]}"


def joined(path: Path | str, name: str) -> str:
    """The URL of a file below a remote folder."""
    return f"{str(url_of(path)).rstrip('/')}/{name}"


def cache_folder() -> Path:
    """The folder for local copies: `CGC_REMOTE_CACHE` if it is set, otherwise a folder in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("CGC_REMOTE_CACHE") or Path(base, "cgc-data", "remote"))


def local_file(path: Path | str) -> Path:
    """The path itself if it is local, and otherwise the path of a local copy. A remote file is copied again only if it
    has changed.

    Raises RemoteError.
    """
    url = url_of(path)
    if url is None:
        return Path(path)
    state = _tried(url, lambda files, name: files.info(name))
    kept = {
        key: str(state[key])
        for key in ("size", "ETag", "etag", "mtime", "LastModified", "last_commit")
        if state.get(key)
    }
    digest = hashlib.sha256(f"{url} {sorted(kept.items())}".encode()).hexdigest()[:16]
    copy = cache_folder() / digest / url.rpartition("/")[2]
    if not copy.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        with replacing(copy) as part:
            _tried(url, partial(_get, part))
    return copy


def read_bytes(url: str) -> bytes:
    """Content of a remote file. Raises RemoteError."""
    content: bytes = _tried(url, lambda files, name: files.cat_file(name))
    return content


def list_files(url: str) -> dict[str, int]:
    """Size of each file below a remote folder, keyed by the file's path relative to the folder. Raises RemoteError."""

    def listed(files: "AbstractFileSystem", name: str) -> dict[str, int]:
        root = files._strip_protocol(name).rstrip("/") + "/"
        found = files.find(name, detail=True)
        return {
            path.removeprefix(root): int(info["size"] or 0) for path, info in found.items() if path.startswith(root)
        }

    sizes: dict[str, int] = _tried(url, listed)
    return sizes


def opened(url: str) -> IO[bytes]:
    """Open a remote file for reading by byte range. Raises RemoteError."""
    found: IO[bytes] = _tried(url, lambda files, name: files.open(name, "rb", block_size=1 << 20))
    return found


def upload(folder: Path, url: str, *, last: str) -> None:
    """Copy all files of a folder to a remote folder, except for top-level files and folders whose names start with a
    dot. The file named `last` is copied after all other files. Raises RemoteError.
    """
    paths = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: (path.name == last, path))
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if not name.startswith("."):
            _tried(joined(url, name), partial(_put, path))


def download(url: str, folder: Path) -> None:
    """Copy all files below a remote folder into a local folder. The previous content of the local folder is replaced
    only after all files are copied.

    Raises RemoteError if a copy fails, or if the name of a file points outside the folder.
    """
    names = list_files(url)
    if astray := next((name for name in names if name.startswith("/") or ".." in name.split("/")), None):
        raise RemoteError(f"{url}: the name of {astray!r} leads out of this folder; remove that file")
    part = unfinished_name(folder)
    try:
        for name in names:
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _tried(joined(url, name), partial(_get, target))
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _get(target: Path, files: "AbstractFileSystem", url: str) -> None:
    files.get_file(url, str(target))


def _put(path: Path, files: "AbstractFileSystem", url: str) -> None:
    files.put_file(str(path), url)


def _tried(url: str, action: Callable[["AbstractFileSystem", str], Any]) -> Any:
    """The result of an action on a remote file. The action is retried if the failure may be temporary."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

    with explained(url):
        retrying = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(initial=0.1, max=5, jitter=0.1),
            reraise=True,
        )
        return retrying(lambda: action(_files(url), url))


def _files(url: str) -> "AbstractFileSystem":
    import fsspec

    protocol = url.partition("://")[0]
    return fsspec.filesystem(protocol, **OPTIONS.get(protocol, {}))


def _may_pass(error: BaseException) -> bool:
    fatal = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ImportError, ValueError)
    return isinstance(error, Exception) and not isinstance(error, fatal) and not _lacks_credentials(error)


def _lacks_credentials(error: BaseException) -> bool:
    return "credential" in f"{type(error).__name__} {error}".casefold()


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Convert errors into a RemoteError that names the URL and the fix. The errors come from the package that
    implements the URL's protocol.
    """
    protocol = url.partition("://")[0]
    try:
        yield
    except RemoteError:
        raise
    except FileNotFoundError:
        raise MissingRemoteError(f"{url}: does not exist; check the URL") from None
    except PermissionError:
        raise RemoteError(f"{url}: access denied; check the permissions of your {protocol} credentials") from None
    except ImportError:
        package = PACKAGES.get(protocol, f"'fsspec[{protocol}]'")
        raise RemoteError(f"{url}: {protocol}:// needs {package}; run: pip install {package}") from None
    except Exception as error:  # each protocol's package has its own errors
        if _lacks_credentials(error):
            fix = f"no {protocol} credentials were found; set up your credentials as for its command-line tool"
        elif isinstance(error, ValueError) and "rotocol" in str(error):
            fix = f"{protocol}:// is not a protocol of fsspec; use s3://, gs://, or hf://"
        else:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            fix = f"the storage cannot be reached ({reason}); check the connection and run the command again"
        raise RemoteError(f"{url}: {fix}") from None
