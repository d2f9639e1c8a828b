"""The image that a view's operations make from its photos, computed again without the builder's code."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data.common.errors import PhotoError, SegmentationError
from cgc_data.masks import compressed_rle
from cgc_data.validate.samples import Operation, Part, View

Pixels = NDArray[np.uint8]
EDGE = 0.9  # pixels by which the edge of a pasted object is blurred


def composed(view: View, photo_of: Callable[[Part], Pixels]) -> Pixels:
    """Pixels (height, width, 3), blue-green-red, of the view before it is encoded.

    Raises PhotoError if a photo cannot be read or the operations do not produce the view.
    """
    pixels = photo_of(view.parts[0])
    for step in view.operations:
        try:
            pixels = _after(pixels, step, view, photo_of)
        except (ValueError, IndexError, SegmentationError, cv2.error) as error:
            raise PhotoError(f"the operation {step.name} {list(step.values)} cannot be applied ({error})") from None
    if pixels.shape[:2] != (view.height, view.width):
        raise PhotoError(f"the operations of the view produce {pixels.shape[1]} x {pixels.shape[0]} pixels")
    return pixels


def _after(pixels: Pixels, step: Operation, view: View, photo_of: Callable[[Part], Pixels]) -> Pixels:
    match step.name, step.values:
        case "crop", window if window == view.window:
            x1, y1, x2, y2 = view.window
            done = pixels[y1:y2, x1:x2]
        case "resize", (width, height) if _is_between(width, height, view):
            done = _resized(pixels, int(width), int(height))
        case "paste", (number,) if number >= 1:
            part = view.parts[int(number)]
            done = _pasted(pixels, part, photo_of(part))
        case "gain", (red, green, blue):
            done = _rounded(pixels * np.array([blue, green, red]))
        case "gamma", (power,):
            done = _rounded((pixels / 255.0) ** power * 255.0)
        case "draw_box", box:
            done = _outlined(pixels, box)
        case "jpeg", _ if step is view.operations[-1]:
            done = pixels
        case _:
            raise ValueError(
                "the operation is unknown, does not match the window of the view, or is in the wrong position"
            )
    return done


def _is_between(width: float, height: float, view: View) -> bool:
    """Whether the image has the size of the view, or a size between that of the window and that of the view."""
    x1, y1, x2, y2 = view.window
    ways = ((width, view.width, x2 - x1), (height, view.height, y2 - y1))
    return all(min(there, here) <= side <= max(there, here) for side, there, here in ways)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    method = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), dtype=np.uint8)


def _pasted(pixels: Pixels, part: Part, lender: Pixels) -> Pixels:
    height, width = lender.shape[:2]
    # checked because decoding run lengths that do not fill the photo is unsafe
    mask = coco_mask.decode(compressed_rle(part.mask, height, width)).astype(np.float32)
    inner = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3))), (0, 0), EDGE) * mask
    a, b, c, d, e, f = part.transform
    # an object that shrinks is area-averaged to its final size before it is moved
    scale = min(1.0, abs(a * e - b * d) ** 0.5)
    across, down = max(round(width * scale), 1) / width, max(round(height * scale), 1) / height
    a, b, d, e = a / across, b / down, d / across, e / down
    # maps pixel centers; the first center is at 0.5
    moved = np.array([[a, b, c + (a + b - 1) / 2], [d, e, f + (d + e - 1) / 2]])
    small = round(width * across), round(height * down)
    layers = [cv2.resize(layer, small, interpolation=cv2.INTER_AREA) for layer in (lender.astype(np.float32), inner)]
    shown, alpha = (cv2.warpAffine(layer, moved, (pixels.shape[1], pixels.shape[0])) for layer in layers)
    return _rounded(pixels + (shown.astype(np.float64) - pixels) * alpha[..., None])


def _outlined(pixels: Pixels, box: Sequence[float]) -> Pixels:
    """Draw the outline of a box in red. The line is one hundredth of the shorter side wide."""
    x1, y1, x2, y2 = (round(value) for value in box)
    width = max(2, round(min(pixels.shape[:2]) / 100))
    return np.asarray(cv2.rectangle(pixels.copy(), (x1, y1), (x2 - 1, y2 - 1), (0, 0, 255), width), dtype=np.uint8)


def _rounded(values: NDArray[np.floating]) -> Pixels:
    return np.asarray(np.rint(values).clip(0, 255), dtype=np.uint8)
