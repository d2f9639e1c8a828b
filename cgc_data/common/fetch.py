"""Download one large file over HTTP into `NAME.part`, resuming an earlier attempt.

Only the size of the file is checked, against the size that the server announces. The caller must check the content.
"""

import errno
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from cgc_data.common.errors import DownloadError
from cgc_data.common.progress import say

_CHUNK = 1 << 16  # maximum number of bytes lost if a connection breaks
_TRIES = 5  # maximum number of consecutive attempts that receive no byte
_TIMEOUT = (15, 60)  # seconds to connect, and between two packets
_BUSY = {408, 429, 500, 502, 503, 504}
Advance = Callable[[int, int | None], None]


class _Interrupted(Exception):
    """The transfer was interrupted. The bytes received so far are in the file."""


_PASSING = (_Interrupted, requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def fetch(url: str, part: Path) -> None:
    """Download `url` into `part`, appending to the bytes that the file already contains.

    Raises DownloadError if the address does not exist, if the server cannot be reached, if the received size differs
    from the announced size, or if the disk is full. The bytes received so far are kept for the next run, but a file
    that is longer than announced is deleted.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(_PASSING),
        stop=_Stalled(part),
        wait=wait_exponential_jitter(initial=1, max=30),
        reraise=True,
    )
    try:
        with _progress(part.name.removesuffix(".part")) as advance:
            retrying(_attempt, url, part, advance)
    except (_Interrupted, requests.RequestException) as error:
        got = f"the transfer stopped after {size_of(part):,} bytes ({_reason(error)})"
        raise DownloadError(f"{url}: {got}; check the connection and rerun to resume") from None
    except OSError as error:
        raise disk_error(part, error) from None


def size_of(path: Path) -> int:
    """Number of bytes in the file, or 0 if the file does not exist."""
    return path.stat().st_size if path.exists() else 0


def disk_error(path: Path, error: OSError, needed: int | None = None) -> DownloadError:
    """The error for a failed write. `needed` is the number of bytes that still need to be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        room = f"needs {needed / 1e9:.2f} GB more" if needed else "there is no room left"
        return DownloadError(f"{path}: the disk is full, {room}; free some space or choose another --to, and run again")
    return DownloadError(f"{path}: cannot be written ({error.strerror or error}); choose another --to")


class _Stalled:
    """Ends the retries after several consecutive attempts without progress. An attempt that makes progress resets the
    count, because a long download may be interrupted many times.
    """

    def __init__(self, part: Path) -> None:
        self._part, self._size, self._failures = part, size_of(part), 0

    def __call__(self, _state: RetryCallState) -> bool:
        size = size_of(self._part)
        self._failures = self._failures + 1 if size <= self._size else 0
        self._size = size
        return self._failures >= _TRIES


def _attempt(url: str, part: Path, advance: Advance) -> None:
    done = size_of(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return _beyond_the_end(url, part, _total(response))
        _check_status(url, response)
        start, total = (done, _total(response)) if response.status_code == 206 else (0, _total(response))
        _check_room(part, start, total)
        _receive(response, part, start, total, advance)
    if total is not None and size_of(part) != total:
        raise _Interrupted(f"received {size_of(part):,} of {total:,} bytes")
    return None


def _reason(error: Exception) -> str:
    known = {requests.Timeout: "the server does not respond", requests.ConnectionError: "no connection"}
    known[requests.exceptions.ChunkedEncodingError] = "the connection was cut"
    return next((text for kind, text in known.items() if isinstance(error, kind)), str(error).split("\n")[0])


def _check_status(url: str, response: requests.Response) -> None:
    if response.status_code in _BUSY:
        raise _Interrupted(f"the server responded with {response.status_code}")
    if response.status_code not in (200, 206):
        answer = f"{response.status_code} {response.reason}"
        raise DownloadError(
            f"{url}: the server responded with {answer}; check the address, or set a mirror with --base-url"
        )


def _total(response: requests.Response) -> int | None:
    """Size of the complete file as announced by the server."""
    if match := re.search(r"/(\d+)$", response.headers.get("Content-Range", "")):
        return int(match[1])
    length = response.headers.get("Content-Length", "")
    return int(length) if response.status_code == 200 and length.isdigit() else None


def _beyond_the_end(url: str, part: Path, total: int | None) -> None:
    """Handle a server that has no more bytes to send: either the file is complete, or it has changed on the server."""
    if size_of(part) == total:
        return
    size = size_of(part)
    part.unlink()
    raise DownloadError(
        f"{url}: received {size:,} bytes, but the server announced {total or 0:,}; the file was removed; run again"
    )


def _check_room(part: Path, start: int, total: int | None) -> None:
    needed = (total or 0) - max(start, size_of(part))
    if needed > shutil.disk_usage(part.parent).free:
        raise disk_error(part, OSError(errno.ENOSPC, ""), needed)


def _receive(response: requests.Response, part: Path, start: int, total: int | None, advance: Advance) -> None:
    with part.open("ab" if start else "wb") as file:
        advance(start, total)
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            start += len(chunk)
            advance(start, total)


@contextmanager
def _progress(name: str) -> Iterator[Advance]:
    """A progress bar on a terminal; elsewhere, a plain line for each tenth of the file."""
    if not sys.stderr.isatty():
        yield _Lines(name)
        return
    columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    def __init__(self, name: str) -> None:
        self._name, self._tenths = name, -1

    def __call__(self, done: int, total: int | None) -> None:
        tenths = 10 * done // total if total else 0
        if tenths > self._tenths:
            self._tenths = tenths
            say(f"{self._name}: {done / 1e6:,.0f} of {(total or 0) / 1e6:,.0f} MB")
