"""A file server over HTTP with byte ranges, and the ways in which file servers fail, on demand."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


@dataclass
class FileServer:
    """The server's state: files by path, and what goes wrong.

    `drops` holds for each answer to come after how many bytes the connection is cut (None: it is not); `statuses` the
    errors that are answered first; `announced` a total size other than the true one; `requests` the ranges asked for.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    lengths: bool = True
    drops: list[int | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    announced: int | None = None
    requests: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_state: ClassVar[FileServer]

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client may leave at any time
            super().handle()

    def do_GET(self) -> None:
        state = self.server_state
        wanted = self.headers.get("Range", "")
        state.requests.append(f"{self.path} {wanted}".strip())
        content = state.files.get(self.path)
        status = state.statuses.pop(0) if state.statuses else 404 if content is None else 200
        if content is None or status != 200:
            self._head(status, {"Content-Length": "0"})
            return
        match = re.fullmatch(r"bytes=(\d+)-", wanted) if state.ranges else None
        self._send(content, int(match[1]) if match else 0, partial=match is not None)

    def _send(self, content: bytes, start: int, partial: bool) -> None:
        state = self.server_state
        total = state.announced or len(content)
        if start >= len(content):
            self._head(416, {"Content-Range": f"bytes */{total}", "Content-Length": "0"})
            return
        headers = {"Content-Length": str(total - start)} if state.lengths else {"Connection": "close"}
        if partial:
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        self._head(206 if partial else 200, headers)
        drop = state.drops.pop(0) if state.drops else None
        self.wfile.write(content[start:] if drop is None else content[start : start + drop])
        if drop is not None or not state.lengths or total != len(content):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet; `FileServer.requests` has it all."""


@contextmanager
def serve(**state: Any) -> Iterator[FileServer]:
    """Runs a fresh server on a free local port."""
    server_state = FileServer(**state)
    handler = type("BoundHandler", (Handler,), {"server_state": server_state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server_state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server_state
        server.shutdown()
        thread.join()
