"""Awkward photos are decoded in the frame that annotations see, and broken ones are refused."""

import io
import struct
import sys
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from cgc_data import images
from cgc_data.common.errors import CgcError, PhotoError
from cgc_data.images import (
    UnshownError,
    check_whole,
    decode_photo,
    encode_like,
    exif_orientation,
    form_of,
    photo_size,
    strip_orientation,
)
from cgc_data.index.pictures import perceptual_hash

WIDTH, HEIGHT = 64, 40
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="8"/></rdf:RDF></x:xmpmeta>'
)


def picture() -> Image.Image:
    """Red left, blue right, green along the top."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:, : WIDTH // 2, 0] = pixels[:, WIDTH // 2 :, 2] = 220
    pixels[: HEIGHT // 4] = (0, 220, 0)
    return Image.fromarray(pixels)


def save(form: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture().convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    data = Image.Exif()
    data[0x010F] = "maker"
    data[images.ORIENTATION] = orientation
    return data


def thumbnail_exif(orientation: int) -> bytes:
    """EXIF that holds a whole small JPEG, as cameras write it."""
    return exif(orientation).tobytes() + save(quality=20)


def blank_png(width: int, height: int) -> bytes:
    """A whole PNG, black above and white below: kilobytes at any size."""
    packer, rows = zlib.compressobj(), b""
    for shade in (b"\0", b"\xff"):
        for _ in range(height // 2):
            rows += packer.compress(b"\0" + shade * (width // 8))
    rows += packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    packed = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("size", [(13_000, 13_000), (40_000, 40_000)])
def test_a_photo_too_large_to_decode_is_refused_by_its_header(size: tuple[int, int]) -> None:
    content = blank_png(*size)
    tracemalloc.start()
    for read in (decode_photo, photo_size):
        with pytest.raises(PhotoError, match=r"100,000,000|decompression bomb"):
            read(content)
    assert perceptual_hash(content) is None
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


def test_a_large_photo_within_the_limit_is_read() -> None:
    assert decode_photo(blank_png(6_400, 5_000)).shape == (5_000, 6_400, 3)
    assert perceptual_hash(blank_png(6_400, 5_000)) is not None


PHOTOS = {
    "JPEG": save(quality=95),
    "progressive JPEG": save(quality=95, progressive=True),
    "CMYK JPEG": save(mode="CMYK", quality=95),
    "PNG": save("PNG"),
    "palette PNG": save("PNG", "P"),
    "alpha PNG": save("PNG", "RGBA"),
    "WebP": save("WEBP", quality=95),
    "rotated JPEG": save(quality=95, exif=exif(6)),
    "mirrored JPEG": save(quality=95, exif=exif(2)),
    "rotated PNG": save("PNG", exif=exif(3)),
    "XMP-rotated JPEG": save(quality=95, xmp=XMP),
    "JPEG with a thumbnail": save(quality=95, exif=thumbnail_exif(6)),
}


@pytest.mark.parametrize("name", PHOTOS)
def test_the_stored_frame_is_decoded_in_colour(name: str) -> None:
    data = PHOTOS[name]
    pixels = decode_photo(data)
    assert photo_size(data) == (WIDTH, HEIGHT)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert pixels.dtype == np.uint8
    corners = [pixels[2, 10], pixels[30, 10], pixels[30, 50]]
    assert [int(np.argmax(corner)) for corner in corners] == [1, 2, 0]  # green, red, blue as blue-green-red


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "L"), ("PNG", "L"), ("PNG", "1"), ("PNG", "LA")])
def test_grey_photos_have_three_equal_channels(form: str, mode: str) -> None:
    pixels = decode_photo(save(form, mode))
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("name", [name for name in PHOTOS if name != "WebP"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.995])
def test_truncated_photos_are_refused(name: str, kept: float) -> None:
    data = PHOTOS[name][: int(len(PHOTOS[name]) * kept)]
    for check in (check_whole, decode_photo):
        with pytest.raises(PhotoError, match="truncated photo; download it again"):
            check(data)
    with pytest.raises(PhotoError, match="truncated"):
        check_whole(data + bytes(5000))  # filled up, as a download that was laid out in advance


@pytest.mark.parametrize("data", [b"", b"<html>404</html>", bytes(100), PHOTOS["WebP"][:-20]])
def test_what_is_no_photo_is_refused(data: bytes) -> None:
    with pytest.raises(PhotoError):
        decode_photo(data)


@pytest.mark.parametrize("function", [photo_size, exif_orientation, strip_orientation])
def test_headers_of_what_is_no_photo_are_refused(function: Any) -> None:
    with pytest.raises(PhotoError, match="not readable by Pillow"):
        function(b"<html>404</html>")


def test_bytes_behind_the_end_do_no_harm() -> None:
    np.testing.assert_array_equal(decode_photo(PHOTOS["JPEG"] + b"\0" * 77), decode_photo(PHOTOS["JPEG"]))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_orientation_is_read_and_stripped_without_loss(form: str, orientation: int) -> None:
    data = save(form, exif=exif(orientation))
    assert exif_orientation(data) == orientation
    upright = strip_orientation(data)
    assert exif_orientation(upright) == 1
    assert len(upright) == len(data)
    np.testing.assert_array_equal(decode_photo(upright), decode_photo(data))
    with Image.open(io.BytesIO(upright)) as photo:
        assert photo.getexif()[0x010F] == "maker"
        shown = np.asarray(ImageOps.exif_transpose(photo))  # as a reader that applies orientation shows it
    np.testing.assert_array_equal(shown[..., ::-1], decode_photo(data))


@pytest.mark.parametrize(("mark", "order"), [(b"II", "<"), (b"MM", ">")])
def test_either_byte_order_is_stripped(mark: bytes, order: str) -> None:
    def block(orientation: int) -> bytes:
        entry = struct.pack(order + "HHIHH", images.ORIENTATION, 3, 1, orientation, 0)
        return b"Exif\0\0" + mark + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)

    data = save(exif=block(6))
    assert exif_orientation(data) == 6
    assert strip_orientation(data) == save(exif=block(1))


@pytest.mark.parametrize("name", ["XMP-rotated JPEG", "JPEG with a thumbnail"])
def test_orientation_elsewhere_is_stripped_too(name: str) -> None:
    assert exif_orientation(PHOTOS[name]) != 1
    upright = strip_orientation(PHOTOS[name])
    assert exif_orientation(upright) == 1
    np.testing.assert_array_equal(decode_photo(upright), decode_photo(PHOTOS[name]))


def test_an_upright_photo_stays_as_it_is() -> None:
    for name in ("JPEG", "PNG", "WebP", "CMYK JPEG"):
        assert exif_orientation(PHOTOS[name]) == 1
        assert strip_orientation(PHOTOS[name]) is PHOTOS[name]


def test_an_orientation_that_cannot_be_stripped_is_refused() -> None:
    with pytest.raises(PhotoError, match="save the photo upright"):
        strip_orientation(save("WEBP", exif=exif(6)))


def test_an_invalid_orientation_counts_as_upright() -> None:
    assert exif_orientation(save(exif=exif(42))) == 1


def test_the_mend_is_said_where_opencv_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    images._opencv.cache_clear()
    with pytest.raises(CgcError, match="pip install --force-reinstall --no-deps opencv-python-headless"):
        decode_photo(PHOTOS["JPEG"])


@pytest.mark.parametrize(
    ("form", "mode", "extra"),
    [
        ("JPEG", "CMYK", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "LA", {}),
        ("PNG", "P", {"transparency": 0}),
        ("GIF", "P", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("TIFF", "RGB", {}),
        ("BMP", "RGB", {}),
    ],
)
def test_photos_are_decoded_as_readers_show_them(form: str, mode: str, extra: dict[str, Any]) -> None:
    data = save(form, mode, **extra)
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.int16)[:, :, ::-1]
    assert float(np.abs(decode_photo(data).astype(np.int16) - shown).mean()) < 4


@pytest.mark.parametrize(("form", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I"), ("TIFF", "F")])
def test_photos_that_readers_show_white_or_black_are_refused(form: str, mode: str) -> None:
    gray = np.asarray(picture().convert("L"))
    kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    buffer = io.BytesIO()
    Image.fromarray(gray.astype(kind) * 16).save(buffer, form)
    with pytest.raises(UnshownError, match=r"^more than 8 bits per channel \(.*convert it to 8 bits"):
        decode_photo(buffer.getvalue())


@pytest.mark.parametrize("color", ["white", "black", "#123456"])
def test_photos_of_one_color_are_refused(color: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(buffer, "PNG")
    with pytest.raises(UnshownError, match="only one color"):
        decode_photo(buffer.getvalue())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_as_pillow_turns_them(orientation: int) -> None:
    data = save("PNG", exif=exif(orientation))
    shown = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))[:, :, ::-1]
    assert np.array_equal(decode_photo(data, turn=True), shown)
    again = encode_like(shown, data, 92)
    assert np.array_equal(decode_photo(again), shown)
    assert (form_of(again), exif_orientation(again)) == ("PNG", 1)
