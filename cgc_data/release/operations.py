"""The operations that turn photos into the image of a view. They are applied in the order in which the row lists them.

Each operation has a name and numbers. The same operations always produce the same bytes. Positions are in pixels of the
photo for operations before `crop`, and in pixels of the view for operations after `resize`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data.common.errors import PhotoError, SegmentationError
from cgc_data.images import MOST_PIXELS, Pixels
from cgc_data.masks import compressed_rle
from cgc_data.release.rows import OperationRow, PartRow

CROP, RESIZE, PASTE, GAIN, GAMMA, DRAW_BOX, JPEG = "crop", "resize", "paste", "gain", "gamma", "draw_box", "jpeg"
EDGE = 0.9  # standard deviation of the Gaussian that softens the edge of a pasted object, pixels
RED = (0, 0, 255)  # BGR
Frame: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Operation:
    """One operation: its name (a key of `OPERATIONS`, or `JPEG`) and its numbers."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Part:
    """A photo that supplies a pasted object: the photo's pixels (height, width, 3), and where the object is placed."""

    pixels: Pixels
    row: PartRow


Step: TypeAlias = Callable[[Pixels, Sequence[float], Sequence[Part]], Pixels]


def window_operations(window: Frame, size: tuple[int, int], jpeg_quality: int) -> tuple[Operation, ...]:
    """Operations that crop a window (x1, y1, x2, y2, half-open, pixels of the photo), resize it to (width, height), and
    encode it.
    """
    return (
        Operation(CROP, tuple(map(float, window))),
        Operation(RESIZE, tuple(map(float, size))),
        Operation(JPEG, (float(jpeg_quality),)),
    )


def changes_of(operations: Sequence[Operation]) -> str:
    """The changes to the photo, in words; "none" if it is unchanged."""
    words = {
        CROP: "cropped",
        RESIZE: "resized",
        PASTE: "objects of other photos added",
        GAIN: "colors adjusted",
        GAMMA: "brightness adjusted",
        DRAW_BOX: "a box drawn",
    }
    done = dict.fromkeys(words[step.name] for step in operations if step.name in words)
    *first, last = done or ("none",)
    return f"{', '.join(first)} and {last}" if first else last


def compose(photo: Pixels, lenders: Sequence[Part], steps: Sequence[OperationRow], name: str) -> bytes:
    """Apply the operations to a photo, and return the encoded image. `lenders` are the photos that supply the objects
    to paste.

    Raises PhotoError, which names the photo (`name`), if an operation cannot be applied.
    """
    *before, last = steps
    if last["name"] != JPEG:
        raise PhotoError(f"{name}: its last operation is {last['name']!r}, not {JPEG!r}; build the release again")
    pixels = photo
    for step in before:
        try:
            pixels = OPERATIONS[step["name"]](pixels, step["values"], lenders)
        except (KeyError, IndexError, ValueError, OverflowError, SegmentationError, cv2.error) as error:
            raise PhotoError(f"{name}: the operation {step['name']!r} cannot be applied ({error})") from None
    done, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(last["values"][0])])
    if not done:
        raise PhotoError(f"{name}: the view could not be encoded")
    return bytes(encoded.tobytes())


def _crop(pixels: Pixels, values: Sequence[float], lenders: Sequence[Part]) -> Pixels:
    del lenders
    x1, y1, x2, y2 = map(int, values)
    if not (0 <= x1 < x2 <= pixels.shape[1] and 0 <= y1 < y2 <= pixels.shape[0]):
        raise ValueError(
            f"the window {[x1, y1, x2, y2]} extends beyond the photo, which may not be the photo that the build used"
        )
    return pixels[y1:y2, x1:x2]


def _resize(pixels: Pixels, values: Sequence[float], lenders: Sequence[Part]) -> Pixels:
    del lenders
    width, height = map(int, values)
    if not (width > 0 and height > 0 and width * height <= MOST_PIXELS):
        raise ValueError(f"the view cannot have {width} x {height} pixels")
    method = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), dtype=np.uint8)


def _gain(pixels: Pixels, values: Sequence[float], lenders: Sequence[Part]) -> Pixels:
    """Multiply each channel by its factor; the factors are in the order red, green, blue."""
    del lenders
    red, green, blue = values
    return _whole(pixels.astype(np.float32) * np.array([blue, green, red], dtype=np.float32))


def _gamma(pixels: Pixels, values: Sequence[float], lenders: Sequence[Part]) -> Pixels:
    """Apply a gamma curve: scale each channel to 0-1, raise it to the power in `values`, and scale it back."""
    del lenders
    (power,) = values
    return _whole(255 * (np.arange(256, dtype=np.float32) / 255) ** power)[pixels]


def _draw_box(pixels: Pixels, values: Sequence[float], lenders: Sequence[Part]) -> Pixels:
    """Draw the outline of a box (x1, y1, x2, y2) in red. The line width is one hundredth of the image's shorter
    side, but at least 2 pixels.
    """
    del lenders
    x1, y1, x2, y2 = (round(value) for value in values)
    width = max(2, round(min(pixels.shape[:2]) / 100))
    return np.asarray(cv2.rectangle(pixels.copy(), (x1, y1), (x2 - 1, y2 - 1), RED, width), dtype=np.uint8)


def _paste(pixels: Pixels, values: Sequence[float], lenders: Sequence[Part]) -> Pixels:
    """Paste an object from another photo, with a soft edge. `values` contains a single number: the position of the
    other photo in `lenders`, starting at 1. The `transform` of that photo determines where the object is placed.
    """
    number = int(values[0])
    if not 1 <= number <= len(lenders):
        raise ValueError(f"an object should be pasted from part {number}, which the view does not have")
    lender = lenders[number - 1]
    mask = _mask(lender)
    inner = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), EDGE) * (mask > 0)
    size = pixels.shape[1], pixels.shape[0]
    transform = np.array(lender.row["transform"], dtype=np.float64).reshape(2, 3)
    alpha = _moved(inner, transform, size)[:, :, None]
    moved = _moved(lender.pixels.astype(np.float32), transform, size)
    return _whole(pixels * (1 - alpha) + moved * alpha)


def _moved(layer: NDArray[np.float32], transform: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float32]:
    """Warp a layer (height, width, ...) by a point transform, and crop it to a size (width, height).

    If the transform shrinks the layer, the pixels are first averaged to reduce the layer to about its final size,
    because a warp alone would skip pixels.
    """
    height, width = layer.shape[:2]
    shrink = min(1.0, float(np.sqrt(abs(np.linalg.det(transform[:, :2])))))
    small = max(round(width * shrink), 1), max(round(height * shrink), 1)
    reduced = cv2.resize(layer, small, interpolation=cv2.INTER_AREA) if small != (width, height) else layer
    rest = transform.copy()
    rest[:, :2] *= (width / small[0], height / small[1])
    return np.asarray(cv2.warpAffine(reduced, of_centers(rest), size, flags=cv2.INTER_LINEAR), dtype=np.float32)


def of_centers(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert a point transform (2, 3) to OpenCV's convention, in which integer coordinates are the centers of pixels,
    not their corners.
    """
    moved = np.array(transform, dtype=np.float64)
    moved[:, 2] += moved[:, :2] @ (0.5, 0.5) - 0.5
    return np.asarray(moved)


def _mask(lender: Part) -> NDArray[np.uint8]:
    height, width = lender.pixels.shape[:2]
    # checked: decoding run lengths that do not fill the photo is unsafe
    return np.asarray(coco_mask.decode(compressed_rle(lender.row["mask"], height, width)), dtype=np.uint8)


def _whole(values: NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


OPERATIONS: dict[str, Step] = {
    CROP: _crop,
    RESIZE: _resize,
    PASTE: _paste,
    GAIN: _gain,
    GAMMA: _gamma,
    DRAW_BOX: _draw_box,
}
