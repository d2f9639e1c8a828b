"""A Hub in memory over HTTP: what the real client libraries need to push a data set and load it, with faults on demand.

Follows the wire format of the Hub's API for data set repositories; git history is a list of trees. One token is valid.
"""

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_double"
Effect = Literal["503", "drop", "lose"]


@dataclass
class Fault:
    """What befalls `times` requests after the first `after` whose "METHOD /path" matches `pattern`.

    "503" answers so, "drop" cuts the connection before anything is done, "lose" does all and cuts it before the answer.
    """

    pattern: str
    effect: Effect
    after: int = 0
    times: int = 1

    def strikes(self, request: str) -> bool:
        if not re.search(self.pattern, request) or self.times == 0:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass(frozen=True)
class Blob:
    """A file's content; `lfs` where it is kept under its sha256 instead of in git."""

    content: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def git_oid(self) -> str:
        stored = f"oid sha256:{self.sha256}".encode() if self.lfs else self.content
        return hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()

    def listing(self, path: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(self.content), "oid": self.git_oid}
        if self.lfs:
            entry["lfs"] = {"oid": self.sha256, "size": len(self.content), "pointerSize": 128}
        return entry


Tree = dict[str, Blob]


@dataclass
class Repo:
    """Commits (id -> files), the head of `main` and the tags of one data set repository."""

    private: bool
    commits: dict[str, Tree] = field(default_factory=dict)
    head: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, tree: Tree) -> str:
        state = json.dumps([self.head, sorted((path, blob.git_oid) for path, blob in tree.items())])
        self.head = hashlib.sha1(state.encode()).hexdigest()
        self.commits[self.head] = tree
        return self.head

    def resolve(self, revision: str) -> str | None:
        commit = self.head if revision == "main" else self.tags.get(revision, revision)
        return commit if commit in self.commits else None


@dataclass
class Hub:
    """The double's state; `requests` lists every "METHOD /path" in order of arrival."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    store: dict[str, bytes] = field(default_factory=dict)
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    multipart_bytes: int = 1 << 30  # larger files are uploaded in parts of this size
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, request)) for request in self.requests)

    def files(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        repo = self.repos[repo_id]
        return {path: blob.content for path, blob in repo.commits[repo.resolve(revision) or ""].items()}


class Refusal(Exception):
    """An answer other than success."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


NO_REPO, NO_REVISION, NO_ENTRY = ((404, f"{what}NotFound") for what in ("Repo", "Revision", "Entry"))
Answer = dict[str, Any] | list[Any] | None


class Handler(BaseHTTPRequestHandler):
    """Routes a request to the method that answers it with JSON, or sends a file's bytes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written separately: each answer would wait 40 ms
    hub: ClassVar[Hub]
    routes: ClassVar[list[tuple[str, Callable[..., Answer]]]] = []

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client may leave at any time
            super().handle()

    def do(self) -> None:
        address = urlsplit(self.path)
        request = f"{self.command} {unquote(address.path)}"
        self.query = parse_qs(address.query)
        self.body = self._read_body()
        with self.hub.lock:
            self.hub.requests.append(request)
            effect = next((fault.effect for fault in self.hub.faults if fault.strikes(request)), None)
        if effect == "drop":
            self._cut()
        elif effect == "503":
            self._json(503, {"error": "busy"})
        else:
            self._dispatch(request, lost=effect == "lose")

    do_GET = do_HEAD = do_POST = do_PUT = do

    def _dispatch(self, request: str, lost: bool) -> None:
        try:
            with self.hub.lock:
                answer = self._answer(request)
        except Refusal as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
            self._json(refusal.status, {"error": refusal.message or refusal.code}, headers)
        else:
            if lost:
                self._cut()
            elif answer is not None:
                self._json(200, answer)

    def _answer(self, request: str) -> Answer:
        for pattern, method in self.routes:
            if match := re.fullmatch(pattern, request):
                return method(self, **match.groupdict())
        raise Refusal(*NO_REPO)

    # -- account and repository

    def whoami(self) -> Answer:
        self._need_login()
        return {"type": "user", "name": "org", "auth": {"type": "access_token"}}

    def create(self) -> Answer:
        self._need_login()
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'org'}/{asked['name']}"
        if not name.startswith("org/"):
            raise Refusal(403, message=f"no rights to write to {name}")
        if name in self.hub.repos:
            raise Refusal(409, message="You already created this dataset repo")
        repo = self.hub.repos[name] = Repo(asked.get("private") is True or asked.get("visibility") == "private")
        repo.commit({".gitattributes": Blob(b"*.parquet filter=lfs\n", lfs=False)})
        return {"url": f"{self.hub.url}/datasets/{name}", "name": name, "id": name}

    def info(self, repo: str, revision: str = "main") -> Answer:
        commit, tree = self._tree(repo, revision)
        siblings = [{"rfilename": path} for path in sorted(tree)]
        return {
            "id": repo,
            "sha": commit,
            "private": self.hub.repos[repo].private,
            "lastModified": "2026-01-01T00:00:00.000Z",
            "tags": [],
            "siblings": siblings,
        }

    def refs(self, repo: str) -> Answer:
        found = self._repo(repo)
        tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": c} for n, c in found.tags.items()]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": found.head}
        return {"branches": [main], "converts": [], "tags": tags}

    def tag(self, repo: str, revision: str) -> Answer:
        self._need_login()
        found, (commit, _), name = self._repo(repo), self._tree(repo, revision), json.loads(self.body)["tag"]
        if name in found.tags:
            raise Refusal(409, message=f"Tag reference exists already: {name}")
        found.tags[name] = commit
        return {}

    def tree(self, repo: str, revision: str, path: str | None = None) -> Answer:
        _, tree = self._tree(repo, revision)
        prefix, deep = f"{path}/" if path else "", self.query.get("recursive", [""])[0].lower() in ("true", "1")
        below = {name: blob for name, blob in tree.items() if name.startswith(prefix)}
        if path and not below:
            raise Refusal(*NO_ENTRY)
        folders = {name[: name.index("/", len(prefix))] for name in below if "/" in name[len(prefix) :]}
        files = [blob.listing(name) for name, blob in below.items() if deep or "/" not in name[len(prefix) :]]
        return [*map(_folder, sorted(folders)), *files]

    def paths_info(self, repo: str, revision: str) -> Answer:
        _, tree = self._tree(repo, revision)
        paths = json.loads(self.body)["paths"] if self.body[:1] == b"{" else parse_qs(self.body.decode())["paths"]
        folders = [_folder(path) for path in paths if any(name.startswith(f"{path}/") for name in tree)]
        return [*folders, *(tree[path].listing(path) for path in paths if path in tree)]

    # -- upload

    def preupload(self, repo: str, revision: str) -> Answer:
        self._need_login()
        _, tree = self._tree(repo, revision)
        files = []
        for asked in json.loads(self.body)["files"]:
            path, blob = asked["path"], tree.get(asked["path"])
            mode = "lfs" if path.endswith((".parquet", ".png")) else "regular"
            oid = blob and (blob.sha256 if blob.lfs else blob.git_oid)
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return {"files": files}

    def lfs_batch(self, repo: str) -> Answer:
        self._need_login()
        self._repo(repo)
        objects = json.loads(self.body)["objects"]
        return {"transfer": "basic", "objects": [self._lfs_object(**asked) for asked in objects]}

    def _lfs_object(self, oid: str, size: int) -> dict[str, Any]:
        if oid in self.hub.store:
            return {"oid": oid, "size": size}
        upload: dict[str, Any] = {"href": f"{self.hub.url}/lfs/{oid}"}
        if size > self.hub.multipart_bytes:
            count = -(-size // self.hub.multipart_bytes)
            parts = {str(n): f"{self.hub.url}/lfs/{oid}/part/{n}" for n in range(1, count + 1)}
            upload["header"] = {"chunk_size": str(self.hub.multipart_bytes), **parts}
        return {"oid": oid, "size": size, "actions": {"upload": upload, "verify": {"href": f"{upload['href']}/verify"}}}

    def lfs_put(self, oid: str, part: str | None = None) -> None:
        if part is None:
            self._keep(oid, self.body)
        else:
            self.hub.parts[oid, int(part)] = self.body
        self._send(200, b"", {"ETag": f'"{hashlib.md5(self.body).hexdigest()}"'})

    def lfs_complete(self, oid: str) -> Answer:
        numbers = sorted(part["partNumber"] for part in json.loads(self.body)["parts"])
        self._keep(oid, b"".join(self.hub.parts.pop((oid, n)) for n in numbers))
        return {"success": True}

    def _keep(self, oid: str, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != oid:
            raise Refusal(400, message="content is not what its name says")
        self.hub.store[oid] = content

    def lfs_verify(self, oid: str) -> Answer:
        if oid not in self.hub.store:
            raise Refusal(404, message="not stored")
        return {}

    def commit(self, repo: str, revision: str) -> Answer:
        self._need_login()
        (head, before), tree = self._tree(repo, revision), dict(self._tree(repo, revision)[1])
        for line in self.body.splitlines():
            entry = json.loads(line)
            self._apply(entry["key"], entry["value"], head, tree)
        commit = self._repo(repo).commit(tree) if tree != before else head
        return {"commitUrl": f"{self.hub.url}/datasets/{repo}/commit/{commit}", "commitOid": commit, "success": True}

    def _apply(self, key: str, value: dict[str, Any], head: str, tree: Tree) -> None:
        if key == "header":
            if value.get("parentCommit", head) != head:
                raise Refusal(412, message="A commit has happened since. Please refresh and try again.")
        elif key == "file":
            tree[value["path"]] = Blob(base64.b64decode(value["content"]), lfs=False)
        elif key == "lfsFile":
            if value["oid"] not in self.hub.store:
                raise Refusal(400, message=f"LFS pointer pointed to a file that does not exist: {value['path']}")
            tree[value["path"]] = Blob(self.hub.store[value["oid"]], lfs=True)
        elif key == "deletedFile":
            del tree[value["path"]]
        else:
            raise Refusal(400, message=f"unknown operation {key}")

    def validate_yaml(self) -> Answer:
        return {"errors": [], "warnings": []}

    # -- download

    def download(self, repo: str, revision: str, path: str) -> None:
        commit, tree = self._tree(repo, revision)
        if path not in tree:
            raise Refusal(*NO_ENTRY)
        content, status = tree[path].content, 200
        headers = {"X-Repo-Commit": commit, "ETag": f'"{tree[path].git_oid}"', "Accept-Ranges": "bytes"}
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(match[1]), min(int(match[2] or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            content, status = content[start : end + 1], 206
        self._send(status, content, headers)

    # -- plumbing

    def _repo(self, repo: str) -> Repo:
        found = self.hub.repos.get(repo)
        if not found or (found.private and not self._logged_in()):
            raise Refusal(*NO_REPO) if self._logged_in() else Refusal(401, "RepoNotFound")
        return found

    def _tree(self, repo: str, revision: str) -> tuple[str, Tree]:
        found = self._repo(repo)
        commit = found.resolve(unquote(revision))
        if commit is None:
            raise Refusal(*NO_REVISION)
        return commit, found.commits[commit]

    def _logged_in(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _need_login(self) -> None:
        if not self._logged_in():
            raise Refusal(401, message="Invalid username or password.")

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _json(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(answer).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet; `Hub.requests` has it all."""


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0}


_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
_API, _REV = f"/api/(?:datasets|models)/{_REPO}", r"(?P<revision>[^/]+)"
Handler.routes = [
    ("GET /api/whoami-v2", Handler.whoami),
    ("POST /api/repos/create", Handler.create),
    ("POST /api/validate-yaml", Handler.validate_yaml),
    (f"GET {_API}", Handler.info),
    (f"GET {_API}/refs", Handler.refs),
    (f"GET {_API}/revision/{_REV}", Handler.info),
    (f"GET {_API}/tree/{_REV}(/(?P<path>.+))?", Handler.tree),
    (f"POST {_API}/paths-info/{_REV}", Handler.paths_info),
    (f"POST {_API}/preupload/{_REV}", Handler.preupload),
    (f"POST {_API}/commit/{_REV}", Handler.commit),
    (f"POST {_API}/tag/{_REV}", Handler.tag),
    (f"POST /(?:datasets/)?{_REPO}.git/info/lfs/objects/batch", Handler.lfs_batch),
    (r"PUT /lfs/(?P<oid>\w+)(/part/(?P<part>\d+))?", Handler.lfs_put),
    (r"POST /lfs/(?P<oid>\w+)", Handler.lfs_complete),
    (r"POST /lfs/(?P<oid>\w+)/verify", Handler.lfs_verify),
    (f"(GET|HEAD) /(?:datasets/)?{_REPO}/resolve/{_REV}/(?P<path>.+)", Handler.download),
]


@contextmanager
def serve() -> Iterator[Hub]:
    """Runs a fresh double on a free local port."""
    hub = Hub()
    handler = type("BoundHandler", (Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield hub
        server.shutdown()
        thread.join()
