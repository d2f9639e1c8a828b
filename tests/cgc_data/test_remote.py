"""Sources and releases at URLs, on a local object store with injected faults."""

import json
import signal
import subprocess
import sys
import threading
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml

moto = pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")
serving = pytest.importorskip("werkzeug.serving")

from cgc_data.builder.release import build_release  # noqa: E402 - after the packages without which nothing is tested
from cgc_data.cli.settings import resolve  # noqa: E402
from cgc_data.common import remote  # noqa: E402
from cgc_data.common.errors import BuildError, CgcError, ReleaseError, RemoteError  # noqa: E402
from cgc_data.config import BuildConfig  # noqa: E402
from cgc_data.look.gallery import write_gallery  # noqa: E402
from cgc_data.release.read import open_release  # noqa: E402
from cgc_data.release.reference import load_reference  # noqa: E402
from cgc_data.sources import open_photos  # noqa: E402
from cgc_data.sources.read import read_source  # noqa: E402
from cgc_data.validate import validate  # noqa: E402
from tests.cgc_data import mini_release as mini  # noqa: E402
from tests.cgc_data.mini_release import MiniRelease  # noqa: E402

Environ = dict[str, Any]


class Store:
    """The application of the object store, with a count of reads by key, keys whose next reads fail, and all writes.

    `refuses` is called with the name of each file that is written, and decides whether this fails.
    """

    def __init__(self) -> None:
        self._app = moto.DomainDispatcherApplication(moto.create_backend_app)
        self.reads: Counter[str] = Counter()
        self.failing: Counter[str] = Counter()
        self.ranges: defaultdict[str, list[str]] = defaultdict(list)
        self.writes: list[str] = []
        self.refuses: Callable[[str], bool] = lambda _: False

    def __call__(self, environ: Environ, respond: Callable[..., object]) -> Iterable[bytes]:
        """Answer a request, or refuse it with a fault that passes."""
        path = str(environ["PATH_INFO"]).rpartition("/")[2]
        if environ["REQUEST_METHOD"] == "GET":
            self.reads[path] += 1
            self.ranges[path].append(str(environ.get("HTTP_RANGE")))
            if self.failing[path] > 0:
                self.failing[path] -= 1
                return _fault(respond)
        if environ["REQUEST_METHOD"] == "PUT":
            if self.refuses(path):
                return _fault(respond)
            self.writes.append(path)
        return self._app(environ, respond)


def _fault(respond: Callable[..., object]) -> list[bytes]:
    respond("400 Bad Request", [("Content-Type", "application/xml")])
    return [b"<Error><Code>RequestTimeout</Code><Message>the connection was idle</Message></Error>"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, MiniRelease]]:
    """The store, as the environment names it; the mini release at s3://bucket/mini, its sources at s3://bucket/raw."""
    store = Store()
    server = serving.make_server("127.0.0.1", 0, store, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem().mkdir("bucket")
        yield store, uploaded(MiniRelease(tmp_path_factory.mktemp("remote") / "mini"))
    server.shutdown()
    thread.join()


def uploaded(made: MiniRelease) -> MiniRelease:
    """The mini release, after it and its sources were copied to the store."""
    path = made.release / "manifest.json"
    manifest = json.loads(path.read_text())
    for source in manifest["sources"]:
        for part in ("annotations", "images"):
            source[part] = f"s3://bucket/raw/{Path(source[part]).name}"
    path.write_text(json.dumps(manifest))
    remote.upload(made.folder, "s3://bucket/raw", last="manifest.json")
    remote.upload(made.release, "s3://bucket/mini", last="manifest.json")
    return made


@pytest.fixture
def store(served: tuple[Store, MiniRelease], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store, without counts of earlier tests, and an empty cache of local copies."""
    monkeypatch.setenv("CGC_REMOTE_CACHE", str(tmp_path / "cache"))
    s3fs.S3FileSystem.clear_instance_cache()
    served[0].reads.clear()
    served[0].writes.clear()
    served[0].refuses = lambda _: False
    return served[0]


@pytest.fixture
def release(served: tuple[Store, MiniRelease], store: Store) -> MiniRelease:
    """The mini release, as it was copied to the store; the cache of local copies is empty."""
    return served[1]


def test_a_path_that_lost_a_slash_is_the_same_url() -> None:
    assert remote.url_of(Path("s3://bucket/a/b")) == remote.url_of("s3://bucket/a/b") == "s3://bucket/a/b"
    assert [remote.url_of(path) for path in ("a/b", "C:/a", "file:///a", "a:b")] == [None] * 4


def test_sources_are_split_after_a_file_of_a_url() -> None:
    flags = {"coco": ("s3://bucket/a.json:s3://bucket/photos.zip",), "exhaustive": False}
    source = resolve((), flags).sources[0]
    assert (source.annotations, source.images) == ("s3://bucket/a.json", "s3://bucket/photos.zip")


def test_annotations_are_copied_once_per_state(store: Store, release: MiniRelease) -> None:
    url = Path("s3://bucket/raw/coco.json")
    first = read_source("coco", url)
    assert first.sha256 == read_source("coco", release.folder / "coco.json").sha256
    before = store.reads["coco.json"]
    assert read_source("coco", url).sha256 == first.sha256
    assert store.reads["coco.json"] == before


def test_photos_of_a_folder_and_of_an_archive_read_by_range(store: Store, release: MiniRelease, tmp_path: Path) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("padding.bin", bytes(8 << 20))
        for number in mini.THINGS:
            packed.writestr(f"deep/{mini.file_name(number)}", mini.photo(number))
    s3fs.S3FileSystem().put_file(str(archive), "bucket/photos.zip")
    for place in ("s3://bucket/raw/photos", "s3://bucket/photos.zip"):
        photos = open_photos(Path(place))
        assert photos.read(mini.file_name(3)) == mini.photo(3)
        assert photos.size(mini.file_name(3)) == len(mini.photo(3))
        assert photos.place("nowhere.jpg") is None
    assert all("bytes=" in given for given in store.ranges["photos.zip"])


def test_a_remote_release_validates_previews_and_loads(release: MiniRelease, tmp_path: Path) -> None:
    report = validate("s3://bucket/mini")
    assert report.valid, report.failed()
    gallery = write_gallery(open_release("s3://bucket/mini"), tmp_path / "gallery", per_task=1)
    assert gallery.samples
    rows = list(load_reference("s3://bucket/mini", contrast="inter", split="train"))
    stored = [row for row in release.rows if (row["contrast"], row["split"]) == ("inter", "train")]
    assert [row["id"] for row in rows] == [row["id"] for row in stored]
    assert [row["images"][0]["bytes"] for row in rows] == [row["images"][0]["bytes"] for row in stored]


def test_a_file_never_leads_out_of_its_folder(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe({"/evil/manifest.json": b"{}", "/evil/../../out.txt": b"x"})
    with pytest.raises(RemoteError, match=r"memory://evil: the name of '\.\./\.\./out\.txt' leads out"):
        remote.download("memory://evil", tmp_path / "deep" / "copy")
    assert not list(tmp_path.iterdir())


def test_a_read_that_fails_twice_works(store: Store, release: MiniRelease) -> None:
    store.failing["coco.json"] = 2
    assert remote.read_bytes("s3://bucket/raw/coco.json") == (release.folder / "coco.json").read_bytes()
    assert store.failing["coco.json"] == 0


def test_a_read_that_always_fails_names_the_url(
    store: Store, release: MiniRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "TRIES", 1)
    store.failing["lvis.json"] = 1000
    with pytest.raises(
        RemoteError, match=r"^s3://bucket/raw/lvis\.json: the storage cannot be reached \(.*run the command again$"
    ):
        remote.read_bytes("s3://bucket/raw/lvis.json")
    store.failing.clear()


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (lambda: read_source("coco", Path("s3://bucket/none.json")), RemoteError, "s3://bucket/none.json: does not"),
        (lambda: open_release("s3://bucket/none"), ReleaseError, "s3://bucket/none: not a finished release"),
        (lambda: open_release("s3://nobucket/r"), CgcError, "s3://nobucket/r"),
        (lambda: remote.read_bytes("nosuch://a/b"), RemoteError, "nosuch://a/b: nosuch:// is not a protocol of fsspec"),
    ],
)
def test_what_is_missing_fails_at_once(
    store: Store, action: Callable[[], object], error: type[CgcError], message: str
) -> None:
    with pytest.raises(error) as caught:
        action()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_no_credentials(store: Store, release: MiniRelease, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(RemoteError, match=r"s3://bucket/raw/coco\.json: no s3 credentials were found; set up"):
        remote.read_bytes("s3://bucket/raw/coco.json")


# -- a build that ends at a URL


def stored(url: str) -> dict[str, bytes]:
    """All files below a URL."""
    s3fs.S3FileSystem.clear_instance_cache()
    return {name: remote.read_bytes(f"{url}/{name}") for name in remote.list_files(url)}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def few_rows(painted_config: BuildConfig) -> BuildConfig:
    """A build of a second or two."""
    return painted_config.model_copy(update={"samples": 12})


def test_a_build_whose_upload_fails_is_not_finished_and_goes_on(
    store: Store, few_rows: BuildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "TRIES", 1)
    url = "s3://bucket/failed"
    store.refuses = lambda name: name == "stats.json"
    with pytest.raises(
        RemoteError, match=r"^s3://bucket/failed/stats\.json: the storage cannot be reached \(.*run the command again$"
    ):
        build_release(few_rows, Path(url))
    assert stored(url).keys()
    assert "manifest.json" not in stored(url)
    with pytest.raises(ReleaseError, match="s3://bucket/failed: not a finished release"):
        open_release(url)
    store.refuses = lambda _: False
    built = build_release(few_rows, Path(url))
    assert (str(built.folder), store.writes[-1]) == (str(Path(url)), "manifest.json")
    build_release(few_rows, tmp_path / "folder")
    assert stored(url) == files_of(tmp_path / "folder")
    written = len(store.writes)
    build_release(few_rows, Path(url))  # it is there already
    assert len(store.writes) == written


def test_a_build_that_is_killed_while_it_uploads_goes_on(store: Store, few_rows: BuildConfig, tmp_path: Path) -> None:
    url, killed = "s3://bucket/killed", threading.Event()
    (config := tmp_path / "config.yaml").write_text(yaml.safe_dump(few_rows.model_dump(mode="json")))
    command = [sys.executable, "-c", "from cgc_data.cli import main; main()", "build", config, "--out", url]
    process = subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def kill(name: str) -> bool:
        if name == "rejected.parquet":
            process.kill()
            killed.set()
        return killed.is_set()

    store.refuses = kill
    assert process.wait(timeout=120) == -signal.SIGKILL
    assert "manifest.json" not in stored(url)
    store.refuses = lambda _: False
    build_release(few_rows, Path(url))
    build_release(few_rows, tmp_path / "folder")
    assert stored(url) == files_of(tmp_path / "folder")


def test_another_release_at_the_url_is_not_touched(store: Store, few_rows: BuildConfig, release: MiniRelease) -> None:
    before = stored("s3://bucket/mini")
    with pytest.raises(BuildError, match=r"^s3://bucket/mini: contains another finished release; choose another --out"):
        build_release(few_rows, Path("s3://bucket/mini"))
    assert stored("s3://bucket/mini") == before
