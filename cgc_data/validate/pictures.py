"""Checks the stored pixels. Each image must show the photo that its view states, either unchanged or changed only by
the view's operations, such as a crop.
"""

import io
from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image

from cgc_data.common.errors import PhotoError
from cgc_data.validate.image_files import REMEMBERED, ImageFile, orientation, tables_of
from cgc_data.validate.pixels import Pixels, as_displayed, decode, decode_checked
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Sample, View
from cgc_data.validate.world import World

CHECKS = {
    "images": "each view has one image, which decodes to the size of the view and appears upright in every viewer",
    "photos untouched": "an uncropped photo is identical to its file, byte for byte, except for its EXIF orientation",
    "windows": "a window shows the pixels at its place in the photo, changed only by the listed operations",
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
# By image and view: why the image does not match the view
Compared: TypeAlias = dict[tuple[bytes, View], str]


class PictureCheck:
    """Compares each distinct image once with the photos that it comes from.

    `done` contains the results of earlier comparisons.
    """

    def __init__(self, ledger: Ledger, world: World, done: Compared | None = None) -> None:
        self._ledger, self._world = ledger, world
        self._done: Compared = {} if done is None else done

    def check(self, sample: Sample, files: Sequence[ImageFile]) -> None:
        """Check all images of a sample if the release stores images. `files` contains the properties of the images."""
        if not sample.images:
            return
        count = len(sample.images)
        message = f"{count} images, {len(sample.views)} views"
        if not self._ledger.require(count == len(sample.views), "images", sample.id, message):
            return
        for number, (content, file, view) in enumerate(zip(sample.images, files, sample.views, strict=True), 1):
            readable = _unreadable(file, view)
            if self._ledger.require(not readable, "images", sample.id, f"image {number}: {readable}"):
                alike = self._compared(content, file, view)
                check = "windows" if view.operations else "photos untouched"
                self._ledger.require(not alike, check, sample.id, f"image {number}: {alike}")
        fault = _unlike(sample, files)
        self._ledger.require(not fault, "encoded alike", sample.id, fault)

    def _compared(self, content: bytes, file: ImageFile, view: View) -> str:
        """The reason why a readable image does not match the view; "" if it does."""
        key = (file.digest, view)
        if key not in self._done:
            if len(self._done) >= REMEMBERED:
                self._done.clear()
            self._done[key] = self._elsewhere(content, file, view) if view.operations else self._altered(content, view)
        return self._done[key]

    def _altered(self, content: bytes, view: View) -> str:
        """The reason why the image is not an unchanged copy of the whole photo; "" if it is."""
        source = self._world.sources[view.source]
        frame = (0, 0, *source.size(view.image_id))
        if view.window != frame or (view.width, view.height) != frame[2:]:
            return (
                f"window {view.window}, shown at {view.width} x {view.height} pixels, is not the whole photo, "
                f"which has the size {frame[2:]}"
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

    def _elsewhere(self, content: bytes, file: ImageFile, view: View) -> str:
        """The reason why the image does not show the view's window of the photo; "" if it does."""
        try:
            pixels, original = decode_checked(content, cv2.IMREAD_COLOR), self._world.composed(view)
        except PhotoError as error:
            return str(error)
        if fault := _quality(file, view):
            return fault
        stored, expected = _halved(pixels), _halved(original)
        if (apart := _apart(stored, expected)) > DIFFERENCE:
            return f"differs from the window {view.window} of {view.file_name} by {apart:.1f} gray levels"
        apart = _mean_difference(stored, expected)
        better = apart > 1 and _shifted(stored, expected) < 0.95 * apart
        return f"fits {view.file_name} better if the window {view.window} is moved by {2 * SHIFT} px" if better else ""


def _not_turned(content: bytes, original: bytes) -> str:
    """The reason why the image does not show the photo after EXIF rotation; "" if it does. Re-encoding is allowed."""
    stored, expected = decode(content), as_displayed(original)
    if stored.shape != expected.shape:
        return f"is {stored.shape[1]} x {stored.shape[0]} pixels, unlike its photo after EXIF rotation"
    apart = _apart(_halved(stored), _halved(expected))
    return f"differs from its rotated photo by {apart:.1f} gray levels" if apart > DIFFERENCE else ""


def _quality(file: ImageFile, view: View) -> str:
    """The reason why the image is not a JPEG with the quality that the view's last operation states; "" if it is."""
    last = view.operations[-1]
    if last.name != "jpeg" or len(last.values) != 1:
        return "the last operation is not a JPEG encoding"
    return "" if file.tables == _tables(int(last.values[0])) else f"is not encoded at quality {last.values[0]:g}"


@cache
def _tables(quality: int) -> str:
    """Quantization tables of a JPEG file with this quality."""
    sample = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    with Image.open(io.BytesIO(sample.tobytes())) as image:
        return tables_of(image)


def _apart(stored: Pixels, expected: Pixels) -> float:
    """Mean difference, in gray levels, between two images of the same size.

    The difference is measured in luma, and also in color after the images are halved in size. The larger of the two
    values is returned.
    """
    luma, color = (
        [cv2.cvtColor(pixels, cv2.COLOR_BGR2YCrCb)[..., channels] for pixels in pair]
        for channels, pair in ((0, (stored, expected)), (slice(1, None), (_halved(stored), _halved(expected))))
    )
    return max(_mean_difference(*luma), _mean_difference(*color))


def _mean_difference(one: Pixels, other: Pixels) -> float:
    return float(cv2.norm(one, other, cv2.NORM_L1) / one.size)


def _halved(pixels: Pixels) -> Pixels:
    """The image at half size. Halving averages out the fine noise that resampling and encoding add or remove."""
    odd = pixels.shape[0] % 2, pixels.shape[1] % 2
    even = cv2.copyMakeBorder(pixels, 0, odd[0], 0, odd[1], cv2.BORDER_REPLICATE) if any(odd) else pixels
    size = even.shape[1] // 2, even.shape[0] // 2
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _unreadable(file: ImageFile, view: View) -> str:
    if file.size and file.size != (view.width, view.height):
        return f"is {file.size[0]} x {file.size[1]}, but the view states {view.width} x {view.height}"
    return file.fault


def _only_untagged(content: bytes, original: bytes) -> bool:
    """Whether the files differ only in the orientation tag, which is 1 in the stored image but not in the original."""
    if len(content) != len(original) or _orientation(original) == 1 or _orientation(content) != 1:
        return False
    changed = np.flatnonzero(np.frombuffer(content, np.uint8) != np.frombuffer(original, np.uint8))
    return len(changed) <= 2 and int(changed[-1] - changed[0]) <= 1


def _orientation(content: bytes) -> int:
    with Image.open(io.BytesIO(content)) as image:
        return orientation(image)


def _shifted(stored: Pixels, expected: Pixels) -> float:
    """Mean difference between two images after one of them is shifted by `SHIFT` pixels.

    Four directions are tried, and the smallest difference is returned.
    """
    s = SHIFT
    if min(stored.shape[:2]) <= 4 * s:
        return float("inf")
    pairs = (
        (stored[s:], expected[:-s]),
        (stored[:-s], expected[s:]),
        (stored[:, s:], expected[:, :-s]),
        (stored[:, :-s], expected[:, s:]),
    )
    return min(_mean_difference(one, other) for one, other in pairs)


def _unlike(sample: Sample, files: Sequence[ImageFile]) -> str:
    forms = set()
    for number in sample.answer_images:
        file, windows = files[number - 1], sample.view(number).operations
        if not file.format:
            return ""  # the check `images` already reports this
        forms.add((file.format, file.tables if windows and not sample.kind.draws_quality else "None"))
    return "" if len(forms) <= 1 else f"formats or qualities differ: {sorted({str(form) for form, _ in forms})}"
