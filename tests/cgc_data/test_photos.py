"""Photos are found by name in folders and archives, in every process, and nowhere else."""

import multiprocessing
import pickle
import struct
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cgc_data.common.errors import PhotoError, SourceError
from cgc_data.index.splits import hash_folder
from cgc_data.sources import PhotoStore, open_photos
from cgc_data.validate.photos import PhotoFiles

FILES = ["flat.jpg", "train2017/1.jpg", "val2017/2.jpg", "train2017/both.jpg", "val2017/both.jpg", "deep/er/é.jpg"]


def content(name: str) -> bytes:
    return name.encode() * 5000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name))
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return tmp_path / "photos"


@pytest.fixture
def archive(folder: Path) -> Path:
    path = folder.parent / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.mkdir("train2017")
        for name in FILES:
            file.write(folder / name, name)
    return path


@pytest.fixture(params=["folder", "archive"])
def photos(request: pytest.FixtureRequest) -> PhotoStore:
    return open_photos(request.getfixturevalue(request.param))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        *((name, name) for name in FILES),
        ("1.jpg", "train2017/1.jpg"),
        ("2.jpg", "val2017/2.jpg"),
        ("val2017/flat.jpg", "flat.jpg"),
        ("train2017/2.jpg", "val2017/2.jpg"),
        ("./flat.jpg", "flat.jpg"),
    ],
)
def test_a_photo_is_found(photos: PhotoStore, asked: str, found: str) -> None:
    assert photos.exists(asked)
    assert photos.read(asked) == content(found)


@pytest.mark.parametrize("name", ["none.jpg", "train2017/none.jpg", "train2017"])
def test_a_missing_photo_is_named(photos: PhotoStore, name: str) -> None:
    assert not photos.exists(name)
    with pytest.raises(PhotoError, match=rf"^{name}: not in .*photos.*; give the"):
        photos.read(name)


@pytest.mark.parametrize("name", ["../secret.jpg", "train2017/../../secret.jpg", "/etc/passwd", "", "a\0.jpg"])
def test_a_name_that_leaves_the_folder_is_refused(photos: PhotoStore, name: str) -> None:
    with pytest.raises(PhotoError, match="not the name of a photo below a folder"):
        photos.read(name)


def test_a_name_that_two_photos_have_is_refused(photos: PhotoStore) -> None:
    with pytest.raises(PhotoError, match="both"):
        photos.read("both.jpg")


def test_names_are_all_files(photos: PhotoStore) -> None:
    assert photos.names() == sorted(FILES)


def _read_all(photos: PhotoStore) -> bool:
    return all(photos.read(name) == content(name) for _ in range(20) for name in FILES)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_and_threads_share_a_store(photos: PhotoStore, method: str) -> None:
    assert _read_all(photos)
    with multiprocessing.get_context(method).Pool(2) as pool, ThreadPoolExecutor(2) as threads:
        in_processes = pool.map_async(_read_all, [photos] * 4)
        in_threads = list(threads.map(_read_all, [photos] * 4))
        assert all(in_threads)
        assert all(in_processes.get(timeout=60))


def test_a_store_is_pickled_unopened(archive: Path) -> None:
    photos = open_photos(archive)
    photos.names()
    assert len(pickle.dumps(photos)) < 1000


def test_a_damaged_member_is_named(archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    start = data.index(b"flat.jpg") + len(b"flat.jpg") + 5
    data[start : start + 8] = b"\xff" * 8
    archive.write_bytes(data)
    with pytest.raises(PhotoError, match=r"^flat\.jpg: damaged in .*photos\.zip .*; download the archive again"):
        open_photos(archive).read("flat.jpg")


@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_a_cut_archive_is_refused(archive: Path, kept: float) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(PhotoError, match=r"photos\.zip: neither a folder nor a whole zip archive"):
        open_photos(archive)


def test_a_missing_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="none: no such folder or zip archive"):
        open_photos(tmp_path / "none")


def test_several_places_are_searched_in_turn(folder: Path, archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "only_here.jpg").write_bytes(b"here")
    photos = open_photos(Path(f"{archive},{other}"))
    assert photos.read("only_here.jpg") == b"here"
    assert photos.size("flat.jpg") == len(content("flat.jpg"))
    assert "only_here.jpg" in photos.names()
    assert not photos.exists("nowhere.jpg")
    with pytest.raises(PhotoError, match=r"nowhere\.jpg: not in .*other"):
        photos.read("nowhere.jpg")


@pytest.mark.parametrize("name", ["../secret.jpg", "train2017/../../secret.jpg", "{folder}/../secret.jpg"])
def test_validation_finds_no_photo_outside_either(folder: Path, archive: Path, name: str) -> None:
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("../../written.jpg", b"x")
    for place in (folder, archive):
        photos = PhotoFiles(place)
        assert photos.size("1.jpg") == len(content("train2017/1.jpg"))
        assert photos.size(name.format(folder=folder)) is None
        with pytest.raises(PhotoError, match="no photo"):
            photos.read(name.format(folder=folder))
    assert not list(folder.parent.parent.rglob("written.jpg"))


def bomb(path: Path, size: int, method: int, stated: int | None = None) -> Path:
    """An archive with one photo of zeros of this size; `stated` is what its headers say instead."""
    with zipfile.ZipFile(path, "w", method) as file, file.open("1.jpg", "w", force_zip64=True) as member:
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
    if stated is not None:
        content = path.read_bytes()
        central = content.rindex(b"PK\x01\x02")
        path.write_bytes(content[: central + 24] + struct.pack("<I", stated) + content[central + 28 :])
    return path


# With the MB of zeros to pack, as many as packing them takes no more than a second.
METHODS = {"deflate": (zipfile.ZIP_DEFLATED, 300), "bzip2": (zipfile.ZIP_BZIP2, 30), "lzma": (zipfile.ZIP_LZMA, 30)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stated", [None, 1000])
def test_a_photo_that_unpacks_to_much_is_refused_in_little_memory(
    tmp_path: Path, method: str, stated: int | None
) -> None:
    packing, size = METHODS[method]
    path = bomb(tmp_path / "photos.zip", size << 20, packing, stated)
    for photos in (open_photos(path), PhotoFiles(path)):
        tracemalloc.start()
        with pytest.raises(PhotoError, match=r"268,435,456|CRC|neither stored nor deflated"):
            photos.read("1.jpg")
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
        tracemalloc.stop()


def test_a_file_too_large_for_a_photo_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "1.jpg").open("wb") as file:
        file.truncate(3 << 30)
    for photos in (open_photos(tmp_path), PhotoFiles(tmp_path)):
        with pytest.raises(PhotoError, match="268,435,456"):
            photos.read("1.jpg")
    with pytest.raises(SourceError, match="holds no photo to compare with"):
        hash_folder(tmp_path)
