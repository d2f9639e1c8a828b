"""The stored pixels. Each image must be the stated photo, either unchanged or cropped to the window."""

import hashlib
import io
from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgc_data.common.errors import PhotoError
from cgc_data.validate.composing import composed
from cgc_data.validate.photos import picture_size
from cgc_data.validate.pixels import Pixels, as_displayed, decode
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Sample, View
from cgc_data.validate.world import World

CHECKS = {
    "images": "each view has one image, which decodes to the size of the view and appears upright in every viewer",
    "photos untouched": "an uncropped photo is identical to its file, byte for byte, except for its EXIF orientation",
    "windows": "a window shows the pixels of its photo at that place, changed only by the listed operations",
    "encoded alike": (
        "all images that may contain an answer have the same format, and all windows have the same JPEG quality "
        "unless the quality is drawn at random"
    ),
}
# Largest mean absolute difference that resampling and one JPEG encoding leave: in gray levels of luma at half size, and
# of color at a quarter, because JPEG stores color at half size and loses fine colored dots
DIFFERENCE = 10.0
# Pixels at half size by which a window is shifted to test whether it fits better elsewhere
SHIFT = 2
ORIENTATION = 0x0112
REMEMBERED = 200_000
# By image and view: why the image cannot be read, and why it does not match the view
Compared: TypeAlias = dict[tuple[bytes, View], tuple[str, str]]


class PictureCheck:
    """Compares images with the photos they come from, each distinct image once. `done` contains the results of earlier
    comparisons.
    """

    def __init__(self, ledger: Ledger, world: World, done: Compared | None = None) -> None:
        self._ledger, self._world = ledger, world
        self._done: Compared = {} if done is None else done

    def check(self, sample: Sample) -> None:
        """Check all images in a sample, if the release stores images."""
        if not sample.images:
            return
        count = len(sample.images)
        message = f"{count} images, {len(sample.views)} views"
        if not self._ledger.require(count == len(sample.views), "images", sample.id, message):
            return
        for number, (content, view) in enumerate(zip(sample.images, sample.views, strict=True), 1):
            readable, alike = self._compared(content, view)
            if self._ledger.require(not readable, "images", sample.id, f"image {number}: {readable}"):
                check = "windows" if view.operations else "photos untouched"
                self._ledger.require(not alike, check, sample.id, f"image {number}: {alike}")
        fault = _unlike(sample)
        self._ledger.require(not fault, "encoded alike", sample.id, fault)

    def _compared(self, content: bytes, view: View) -> tuple[str, str]:
        """The reason why the image cannot be read, and the reason why it does not match the view; "" if there is no
        such fault.
        """
        key = (hashlib.sha256(content).digest(), view)
        if key not in self._done:
            if len(self._done) >= REMEMBERED:
                self._done.clear()
            fault = _unreadable(content, view)
            compare = self._elsewhere if view.operations else self._altered
            self._done[key] = (fault, "" if fault else compare(content, view))
        return self._done[key]

    def _altered(self, content: bytes, view: View) -> str:
        """Why the image is not the file of the uncropped photo; "" if it is."""
        source = self._world.sources[view.source]
        frame = (0, 0, *source.size(view.image_id))
        if view.window != frame or (view.width, view.height) != frame[2:]:
            return (
                f"window {view.window}, shown at {view.width} x {view.height} pixels, is not the whole photo of "
                f"{frame[2:]}"
            )
        try:
            original = source.photos.read(source.file_name(view.image_id))
        except PhotoError as error:
            return str(error)
        if source.displayed and _orientation(original) != 1:
            return _not_turned(content, original)
        if content == original or _only_untagged(content, original):
            return ""
        return f"the bytes of the image differ from those of {source.file_name(view.image_id)}"

    def _elsewhere(self, content: bytes, view: View) -> str:
        """Why the image does not show the photo's window; "" if it does."""
        try:
            pixels, original = decode(content), composed(view, self._world.pixels.of)
        except PhotoError as error:
            return str(error)
        if fault := _quality(content, view):
            return fault
        if (apart := _apart(pixels, original)) > DIFFERENCE:
            return f"the image differs from {view.file_name} at {view.window} by {apart:.1f} gray levels"
        stored, expected = _smaller(pixels, 2), _smaller(original, 2)
        apart = float(np.abs(stored - expected).mean())
        better = apart > 1 and _shifted(stored, expected) < 0.95 * apart
        return f"the image fits {view.file_name} better if {view.window} is moved by {2 * SHIFT} px" if better else ""


def _not_turned(content: bytes, original: bytes) -> str:
    """Why the image is not the photo, rotated as EXIF states and encoded again; "" if it is."""
    stored, expected = decode(content), as_displayed(original)
    if stored.shape != expected.shape:
        return f"the image is {stored.shape[1]} x {stored.shape[0]}, unlike its photo as displayed"
    apart = _apart(stored, expected)
    return f"the image differs from its photo as displayed by {apart:.1f} gray levels" if apart > DIFFERENCE else ""


def _quality(content: bytes, view: View) -> str:
    """Why the image is not a JPEG with the quality in its last operation; "" if it is."""
    last = view.operations[-1]
    if last.name != "jpeg" or len(last.values) != 1:
        return "the last operation does not encode a JPEG"
    with Image.open(io.BytesIO(content)) as image:
        stored = getattr(image, "quantization", None)
    return "" if stored == _tables(int(last.values[0])) else f"the image is not encoded with quality {last.values[0]:g}"


@cache
def _tables(quality: int) -> dict[int, list[int]]:
    """Quantization tables of a JPEG file with this quality."""
    sample = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    with Image.open(io.BytesIO(sample.tobytes())) as image:
        return dict(image.quantization)


def _apart(stored: Pixels, expected: Pixels) -> float:
    """Mean difference in luma or color, whichever is larger, in gray levels."""
    one, other = (cv2.cvtColor(pixels, cv2.COLOR_BGR2YCrCb) for pixels in (stored, expected))
    luma = np.abs(_smaller(one[..., 0], 2) - _smaller(other[..., 0], 2)).mean()
    color = np.abs(_smaller(one[..., 1:], 4) - _smaller(other[..., 1:], 4)).mean()
    return float(max(luma, color))


def _smaller(pixels: Pixels, times: int) -> NDArray[np.int16]:
    """The image downscaled by this factor, which averages out the fine noise that resampling and encoding change."""
    size = max(1, pixels.shape[1] // times), max(1, pixels.shape[0] // times)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.int16)


def _unreadable(content: bytes, view: View) -> str:
    try:
        width, height = picture_size(content)
        if (width, height) != (view.width, view.height):
            return f"the image is {width} x {height} pixels, but the view states {view.width} x {view.height}"
        with Image.open(io.BytesIO(content)) as image:
            if image.getexif().get(ORIENTATION, 1) != 1:
                return "the image has an orientation tag that makes viewers rotate it"
            image.load()
    except (OSError, PhotoError, SyntaxError, ValueError) as error:
        return f"does not decode ({error})"
    return ""


def _only_untagged(content: bytes, original: bytes) -> bool:
    """Whether the only difference is an orientation tag, which is 1 in the image and not 1 in the file."""
    if len(content) != len(original) or _orientation(original) == 1 or _orientation(content) != 1:
        return False
    changed = np.flatnonzero(np.frombuffer(content, np.uint8) != np.frombuffer(original, np.uint8))
    return len(changed) <= 2 and int(changed[-1] - changed[0]) <= 1


def _orientation(content: bytes) -> int:
    with Image.open(io.BytesIO(content)) as image:
        return int(image.getexif().get(ORIENTATION, 1))


def _shifted(stored: NDArray[np.int16], expected: NDArray[np.int16]) -> float:
    """Smallest mean difference between two images if one of them is shifted."""
    s = SHIFT
    if min(stored.shape[:2]) <= 4 * s:
        return float("inf")
    pairs = (
        (stored[s:], expected[:-s]),
        (stored[:-s], expected[s:]),
        (stored[:, s:], expected[:, :-s]),
        (stored[:, :-s], expected[:, s:]),
    )
    return min(float(np.abs(a - b).mean()) for a, b in pairs)


def _unlike(sample: Sample) -> str:
    forms = set()
    for number in sample.answer_images:
        view, content = sample.view(number), sample.images[number - 1]
        try:
            with Image.open(io.BytesIO(content)) as image:
                same = view.operations and not sample.kind.draws_quality
                tables = getattr(image, "quantization", None) if same else None
                forms.add((image.format, repr(tables)))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return ""  # the check `images` already reports this
    return "" if len(forms) <= 1 else f"formats or qualities differ: {sorted({str(form) for form, _ in forms})}"
