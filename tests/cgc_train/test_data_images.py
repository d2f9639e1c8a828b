"""The store of images: byte for byte where that fits, else resized; one file a content, whole or not at all."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cgc_data.common.errors import PhotoError
from cgc_train.data.bounds import Bounds
from cgc_train.data.images import ImageStore
from tests.cgc_train.made_rows import drawing

BOUNDS = Bounds(32, 1024, 65_536)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images", BOUNDS)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_fits_is_kept_byte_for_byte(store: ImageStore, kind: str) -> None:
    content = drawing(1, (96, 64), kind)
    assert store.add(content).read_bytes() == content


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colours_become_rgb(store: ImageStore, mode: str) -> None:
    stored = Image.open(store.add(drawing(1, (96, 64), "JPEG", mode)))
    assert (stored.mode, stored.size) == ("RGB", (96, 64))


@pytest.mark.parametrize("size", [(100, 70), (20, 20), (700, 500)], ids=str)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_does_not_fit_is_resized(store: ImageStore, size: tuple[int, int], kind: str) -> None:
    content = drawing(2, size, kind)
    stored = Image.open(store.add(content))
    assert stored.size == BOUNDS.size(*size)
    assert stored.format == kind
    expected = Image.open(io.BytesIO(content)).resize(stored.size, Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(stored, float) - np.asarray(expected, float)).mean() < 2


def test_a_rotation_tag_does_not_part_pixels_from_boxes(store: ImageStore) -> None:
    image, exif = Image.open(io.BytesIO(drawing(3, (96, 64), "JPEG"))), Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    stored = Image.open(store.add(buffer.getvalue()))
    assert stored.size == (96, 64)
    assert stored.getexif().get(0x0112, 1) == 1


def test_one_file_a_content(store: ImageStore) -> None:
    paths = {store.add(drawing(number % 3, (100, 70))) for number in range(9)}
    assert len(paths) == 3 == len(list(store.folder.rglob("*.png")))


def test_other_bounds_make_another_file(store: ImageStore) -> None:
    wider = ImageStore(store.folder, Bounds(32, 65_536, 409_600))
    assert store.add(drawing(1)) != wider.add(drawing(1))


def test_many_may_store_at_once(store: ImageStore) -> None:
    contents = [drawing(number % 4, (100, 70)) for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(store.add, contents))
    assert len(set(paths)) == 4
    assert all(Image.open(path).size == (96, 64) for path in paths)
    assert sorted(p for p in store.folder.rglob("*") if p.is_file()) == sorted(set(paths)), "nothing half-written"


def test_a_file_cut_short_is_written_again(store: ImageStore) -> None:
    content = drawing(1)
    path = store.add(content)
    path.write_bytes(content[:40])
    assert store.add(content).read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not an image", id="text"),
        pytest.param(drawing(1, (100, 70), "JPEG")[:-200], id="JPEG cut short"),
        pytest.param(drawing(1, (100, 70))[:-20], id="PNG cut short"),
        pytest.param(drawing(1, (100, 70))[:60] + bytes(40) + drawing(1, (100, 70))[100:], id="bytes overwritten"),
        pytest.param(drawing(1)[:60] + bytes(40) + drawing(1)[100:], id="bytes overwritten of one that fits"),
    ],
)
def test_damaged_images_are_refused(store: ImageStore, content: bytes) -> None:
    with pytest.raises(PhotoError):
        store.add(content)
    assert not list(store.folder.rglob("*.*"))
