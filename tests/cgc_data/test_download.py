"""Official archives arrive whole or not at all, over a server that fails in every usual way."""

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from cgc_data.cli.download import download as download_command
from cgc_data.common.errors import CgcError, DownloadError
from cgc_data.download import DATASETS, download
from cgc_data.sources.photos import open_photos
from tests.range_server import FileServer, serve

PHOTOS = {f"val2017/{n:012d}.jpg": bytes([n]) * 50_000 for n in range(1, 9)}
INSTANCES = {f"annotations/instances_{split}.json": b'{"images": []}' * 999 for split in ("train2017", "val2017")}
LVIS = {f"lvis_v1_{split}.json": b'{"info": 1}' * 99 for split in ("train", "val")}


CHUNK = 1 << 16  # what is kept of a broken transfer is a multiple of this


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


OFFICIAL = {
    "/zips/val2017.zip": zipped(PHOTOS),
    "/annotations/annotations_trainval2017.zip": zipped(INSTANCES, zipfile.ZIP_DEFLATED),
    **{f"/LVIS/{name}.zip": zipped({name: content}, zipfile.ZIP_DEFLATED) for name, content in LVIS.items()},
}
ZIP = OFFICIAL["/zips/val2017.zip"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serve(files=dict(OFFICIAL)) as state:
        yield state


def ranges(server: FileServer, path: str = "/zips/val2017.zip") -> list[str]:
    return [request.removeprefix(path).strip() for request in server.requests if request.startswith(path)]


def test_coco_is_ready_to_build_from(server: FileServer, tmp_path: Path) -> None:
    result = download("coco-val2017", tmp_path / "coco", base_url=server.url)
    annotations, photos = tmp_path / "coco/annotations/instances_val2017.json", tmp_path / "coco/val2017.zip"
    assert result.files == (annotations, photos)
    assert result.build_command == f"cgc-data build --coco {annotations}:{photos} --out RELEASE"
    assert result.missing_photos is None
    assert annotations.read_bytes() == INSTANCES["annotations/instances_val2017.json"]
    assert open_photos(photos).read("000000000003.jpg") == PHOTOS["val2017/000000000003.jpg"]
    assert not (tmp_path / "coco/annotations/instances_train2017.json").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_lvis_names_the_photos_it_needs(server: FileServer, tmp_path: Path) -> None:
    result = download("lvis-v1", tmp_path, base_url=server.url + "/")
    assert {path.name: path.read_bytes() for path in result.files} == LVIS
    assert result.missing_photos == tmp_path / "train2017.zip"
    assert f"--lvis {tmp_path}/lvis_v1_train.json:{tmp_path}/train2017.zip" in result.build_command


def test_what_is_there_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    download("coco-val2017", tmp_path, base_url=server.url)
    (tmp_path / "annotations/instances_val2017.json").write_bytes(b"cut")
    server.requests.clear()
    download("coco-val2017", tmp_path, base_url=server.url)
    assert server.requests == []
    expected = INSTANCES["annotations/instances_val2017.json"]
    assert (tmp_path / "annotations/instances_val2017.json").read_bytes() == expected


def test_splits_share_their_annotation_archive(server: FileServer, tmp_path: Path) -> None:
    server.files["/zips/train2017.zip"] = zipped({"train2017/000000000009.jpg": b"9"})
    download("coco-val2017", tmp_path, base_url=server.url)
    download("coco-train2017", tmp_path, base_url=server.url)
    assert len(ranges(server, "/annotations/")) == 1
    assert {p.name for p in (tmp_path / "annotations").iterdir()} == {
        "instances_train2017.json",
        "instances_val2017.json",
    }


@pytest.mark.parametrize(
    ("faults", "asked"),
    [
        ({"drops": [None, CHUNK]}, ["", f"bytes={CHUNK}-"]),
        ({"drops": [None, CHUNK + 9, 0, CHUNK]}, ["", *[f"bytes={CHUNK}-"] * 2, f"bytes={2 * CHUNK}-"]),
        ({"drops": [None, *[CHUNK] * 6]}, ["", *(f"bytes={n * CHUNK}-" for n in range(1, 7))]),
        ({"drops": [None, 0]}, ["", ""]),
        ({"drops": [None, CHUNK], "ranges": False}, ["", f"bytes={CHUNK}-"]),
        ({"statuses": [200, 503, 429]}, ["", "", ""]),
        ({"lengths": False}, [""]),
    ],
)
def test_download_goes_on_after_a_fault(
    server: FileServer, tmp_path: Path, faults: dict[str, list[int]], asked: list[str]
) -> None:
    for name, value in faults.items():
        setattr(server, name, value)
    download("coco-val2017", tmp_path, base_url=server.url)
    assert (tmp_path / "val2017.zip").read_bytes() == ZIP
    assert ranges(server)[: len(asked)] == asked
    assert len(ranges(server)) <= len(asked) + 1


def test_later_run_goes_on_where_the_first_broke_off(server: FileServer, tmp_path: Path) -> None:
    server.drops = [None, 2 * CHUNK, *[0] * 20]
    with pytest.raises(
        DownloadError, match=r"val2017\.zip: the transfer stopped after 131,072 bytes .*rerun to resume"
    ):
        download("coco-val2017", tmp_path, base_url=server.url)
    assert not (tmp_path / "val2017.zip").exists()
    server.drops, server.requests = [], []
    download("coco-val2017", tmp_path, base_url=server.url)
    assert ranges(server) == ["bytes=131072-"]
    assert (tmp_path / "val2017.zip").read_bytes() == ZIP


def test_complete_part_is_only_checked(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "val2017.zip.part").write_bytes(ZIP)
    download("coco-val2017", tmp_path, base_url=server.url)
    assert (tmp_path / "val2017.zip").read_bytes() == ZIP


def test_part_larger_than_announced_is_removed(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "val2017.zip.part").write_bytes(ZIP + b"x")
    with pytest.raises(DownloadError, match=r"but the server announced .*; the file was removed; run again"):
        download("coco-val2017", tmp_path, base_url=server.url)
    assert not list(tmp_path.glob("val2017.zip*"))


def test_server_that_sends_less_than_it_announces(server: FileServer, tmp_path: Path) -> None:
    server.files, server.announced = {"/annotations/annotations_trainval2017.zip": ZIP}, len(ZIP) + 5000
    with pytest.raises(DownloadError, match=r"the transfer stopped after .* bytes \(the connection was cut\)"):
        download("coco-val2017", tmp_path, base_url=server.url)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]


@pytest.mark.parametrize(
    "content",
    [ZIP[:30000] + b"!" + ZIP[30001:], ZIP[:-100], b"<html>Sign in to the network</html>"],
    ids=["flipped byte", "cut short", "another page"],
)
def test_damaged_archive_is_removed(server: FileServer, tmp_path: Path, content: bytes) -> None:
    server.files["/zips/val2017.zip"] = content
    with pytest.raises(DownloadError, match=r"val2017\.zip: not a valid zip archive .*rerun to download it again"):
        download("coco-val2017", tmp_path, base_url=server.url)
    assert not list(tmp_path.glob("val2017.zip*"))


@pytest.mark.parametrize("content", [b"not a zip", zipped({"other.json": b"{}"})])
def test_archive_of_another_kind_found_in_the_folder(server: FileServer, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "annotations_trainval2017.zip").write_bytes(content)
    with pytest.raises(DownloadError, match=r"not the official archive .*delete it and run again"):
        download("coco-val2017", tmp_path, base_url=server.url)


def test_missing_address(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"train2017.zip: the server responded with 404 Not Found; .*--base-url"):
        download("coco-train2017", tmp_path, base_url=server.url)


def test_server_out_of_reach(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="the transfer stopped after 0 bytes"):
        download("coco-val2017", tmp_path, base_url="http://127.0.0.1:9")


def test_malformed_base_url(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="mirror/annotations"):
        download("coco-val2017", tmp_path, base_url="mirror")


def test_too_little_room_is_said_before_the_transfer(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=100))
    with pytest.raises(DownloadError, match=r"the disk is full, needs .* GB more; free some space or choose another"):
        download("coco-val2017", tmp_path, base_url=server.url)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["val2017.zip.part", "annotations/instances_val2017.json.part"])
def test_disk_that_fills_up(server: FileServer, tmp_path: Path, name: str) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(DownloadError, match="the disk is full, there is no room left; free some"):
        download("coco-val2017", tmp_path, base_url=server.url)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match=r"cannot be written .*choose another --to"):
        download("coco-val2017", tmp_path / "file" / "coco")


def test_unknown_name_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="coco-val2017, coco-train2017, lvis-v1"):
        download("coco", tmp_path)


def test_official_addresses() -> None:
    urls = [f"{archive.site}/{archive.path}" for dataset in DATASETS.values() for archive in dataset.archives]
    assert set(urls) == {
        "http://images.cocodataset.org/annotations/annotations_trainval2017.zip",
        "http://images.cocodataset.org/zips/val2017.zip",
        "http://images.cocodataset.org/zips/train2017.zip",
        "https://dl.fbaipublicfiles.com/LVIS/lvis_v1_train.json.zip",
        "https://dl.fbaipublicfiles.com/LVIS/lvis_v1_val.json.zip",
    }


def test_command_prints_what_to_run_next(server: FileServer, tmp_path: Path) -> None:
    environment = {"CGC_DATA_BASE_URL": server.url}
    done = CliRunner().invoke(download_command, ["lvis-v1", "--to", str(tmp_path)], env=environment)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        f"cgc-data download coco-train2017 --to {tmp_path}",
        f"cgc-data build --lvis {tmp_path}/lvis_v1_train.json:{tmp_path}/train2017.zip --out RELEASE",
    ]
    server.files.clear()
    failed = CliRunner().invoke(download_command, ["coco-val2017", "--to", str(tmp_path)], env=environment)
    assert isinstance(failed.exception, CgcError)
    assert "\n" not in str(failed.exception)
