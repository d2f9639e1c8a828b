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
    assert photos.place(asked) is not None
    assert photos.read(asked) == content(found)


@pytest.mark.parametrize("name", ["none.jpg", "train2017/none.jpg", "train2017"])
def test_a_missing_photo_is_named(photos: PhotoStore, name: str) -> None:
    assert photos.place(name) is None
    with pytest.raises(PhotoError, match=rf"^{name}: not in .*photos.*; give the"):
        photos.read(name)


OUTSIDE = ["../secret.jpg", "train2017/../../secret.jpg", "/etc/passwd", "..\\secret.jpg", "%2e%2e%2fsecret.jpg"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leaves_the_folder_finds_nothing_outside(folder: Path, photos: PhotoStore, name: str) -> None:
    for outside in (name, str(folder.parent / "secret.jpg")):
        assert photos.place(outside) is None
        with pytest.raises(PhotoError, match=r"not in .*photos"):
            photos.read(outside)


@pytest.mark.parametrize("name", ["", "a\0.jpg", "x" * 300])
def test_what_is_no_name_is_refused(photos: PhotoStore, name: str) -> None:
    with pytest.raises(PhotoError, match="not the name of a photo below a folder"):
        photos.read(name)


AS_TOOLS_WRITE = ["shop_1.jpg", "Sub/photo of 2.JPG", "b\u00fcro_3.jpg", "c1/x.jpg", "c2/x.jpg", "000000000872.jpg"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("images\\shop_1.jpg", "shop_1.jpg"),
        ("..\\..\\label-studio\\media\\upload\\4\\shop_1.jpg", "shop_1.jpg"),
        ("C:\\data\\shop_1.jpg", "shop_1.jpg"),
        ("/home/someone/data/shop_1.jpg", "shop_1.jpg"),
        ("../photos/shop_1.jpg", "shop_1.jpg"),
        ("/data/local-files/?d=photos/shop_1.jpg", "shop_1.jpg"),
        ("/data/local-files/?d=shop_1.jpg", "shop_1.jpg"),
        ("https://host/bucket/shop_1.jpg?signature=a/b", "shop_1.jpg"),
        ("SHOP_1.JPG", "shop_1.jpg"),
        ("0a1b2c3d-shop_1.jpg", "shop_1.jpg"),
        ("photo%20of%202.jpg", "Sub/photo of 2.JPG"),
        ("sub/photo of 2.jpg", "Sub/photo of 2.JPG"),
        ("bu\u0308ro_3.jpg", "b\u00fcro_3.jpg"),
        ("b%C3%BCro_3.jpg", "b\u00fcro_3.jpg"),
        ("D:\\all\\c2\\x.jpg", "c2/x.jpg"),
        ("C1/X.JPG", "c1/x.jpg"),
        ("COCO_val2014_000000000872.jpg", "000000000872.jpg"),
        ("c1/shop_1.jpg", None),  # there is such a folder, so the photo is missing from it
        ("x.png", None),
        ("0a1b2c3d-y.jpg", None),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_names_as_tools_write_them_are_found(tmp_path: Path, asked: str, found: str | None, packed: bool) -> None:
    place = _placed(tmp_path, AS_TOOLS_WRITE, packed=packed)
    assert open_photos(place).place(asked) == found
    if found:  # validation reads the same file by its own rules
        assert PhotoFiles(place).read(asked) == open_photos(place).read(asked) == content(found)


def test_an_uploaded_name_is_found_by_the_plain_one(tmp_path: Path) -> None:
    photos = open_photos(_placed(tmp_path, ["0a1b2c3d-y.jpg"], packed=False))
    assert photos.place("images/y.jpg") == "0a1b2c3d-y.jpg"
    assert photos.place("11111111-y.jpg") is None  # another upload


@pytest.mark.parametrize("asked", ["x.jpg", "C:\\c3\\x.jpg", "X.JPG"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_name_that_could_be_several_is_refused(tmp_path: Path, asked: str, packed: bool) -> None:
    photos = open_photos(_placed(tmp_path, AS_TOOLS_WRITE, packed=packed))
    with pytest.raises(PhotoError, match=r"could be c1/x\.jpg or c2/x\.jpg; name its folder"):
        photos.place(asked)


def _placed(folder: Path, names: list[str], *, packed: bool) -> Path:
    for name in names:
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name))
    if not packed:
        return folder / "photos"
    with zipfile.ZipFile(folder / "photos.zip", "w") as file:
        for name in names:
            file.write(folder / "photos" / name, name)
    return folder / "photos.zip"


def test_a_name_that_two_photos_have_is_refused(photos: PhotoStore) -> None:
    with pytest.raises(PhotoError, match=r"both|train2017/both\.jpg or val2017/both\.jpg"):
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
    with pytest.raises(PhotoError, match=r"photos\.zip: neither a folder nor a complete zip archive"):
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
    assert photos.place("nowhere.jpg") is None
    with pytest.raises(PhotoError, match=r"nowhere\.jpg: not in .*other"):
        photos.read("nowhere.jpg")
    (other / "er").mkdir()
    (other / "er" / "1.jpg").write_bytes(b"another")
    for place in (open_photos, PhotoFiles):  # the very name wins over one that is found elsewhere
        assert place(Path(f"{other},{folder}")).read("train2017/1.jpg") == content("train2017/1.jpg")


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
    with pytest.raises(SourceError, match="contains no photo to compare with"):
        hash_folder(tmp_path)
