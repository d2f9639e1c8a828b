"""Recomposes the image of a view from its photos and operations, without the builder's code."""

from collections.abc import Callable, Sequence
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data.common.errors import PhotoError, SegmentationError
from cgc_data.masks import compressed_rle
from cgc_data.validate.samples import Operation, Part, Rectangle, View

Pixels = NDArray[np.uint8]
LEVELS = np.arange(256)[None, :, None]  # of a channel
AROUND = 8  # pixels around a pasted object that can affect its edge
EDGE = 0.9  # pixels by which the edge of a pasted object is blurred


def composed(view: View, photo_of: Callable[[Part], Pixels]) -> Pixels:
    """Pixels (height, width, 3) of the view in blue-green-red order, before the view is encoded.

    Raises PhotoError if a photo cannot be read, or if the operations cannot be applied or do not result in the view's
    size.
    """
    pixels = photo_of(view.parts[0])
    for step in view.operations:
        try:
            pixels = _after(pixels, step, view, photo_of)
        except (ValueError, IndexError, SegmentationError, cv2.error) as error:
            raise PhotoError(f"the operation {step.name} {list(step.values)} cannot be applied ({error})") from None
    if pixels.shape[:2] != (view.height, view.width):
        raise PhotoError(
            f"the operations produce {pixels.shape[1]} x {pixels.shape[0]} pixels, which is not the size of the view"
        )
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
            done = _looked_up(pixels, _rounded(LEVELS * np.array([blue, green, red])))
        case "gamma", (power,):
            done = _looked_up(pixels, _rounded((LEVELS / 255.0) ** power * 255.0))
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
    """Whether `width` is between the widths of the window and the view, and `height` is between their heights.

    Both ends are included.
    """
    x1, y1, x2, y2 = view.window
    ways = ((width, view.width, x2 - x1), (height, view.height, y2 - y1))
    return all(min(there, here) <= side <= max(there, here) for side, there, here in ways)


def _looked_up(pixels: Pixels, levels: Pixels) -> Pixels:
    """The pixels, with each level replaced by its entry in the lookup table `levels` of shape (1, 256, channels)."""
    return np.asarray(cv2.LUT(pixels, levels), dtype=np.uint8)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    method = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), dtype=np.uint8)


def _pasted(pixels: Pixels, part: Part, lender: Pixels) -> Pixels:
    height, width = lender.shape[:2]
    # checked because decoding run lengths that do not fill the photo is unsafe
    mask = coco_mask.decode(compressed_rle(part.mask, height, width))
    a, b, c, d, e, f = part.transform
    # an object that shrinks is area-averaged to its final size before it is moved
    scale = min(1.0, abs(a * e - b * d) ** 0.5)
    left, top, right, bottom = _around(mask, AROUND / scale)
    layers = _layers(lender[top:bottom, left:right], mask[top:bottom, left:right], scale)
    across, down = layers[0].shape[1] / (right - left), layers[0].shape[0] / (bottom - top)
    c, f = c + a * left + b * top, f + d * left + e * top
    a, b, d, e = a / across, b / down, d / across, e / down
    # maps pixel centers; the first center is at 0.5
    moved = np.array([[a, b, c + (a + b - 1) / 2], [d, e, f + (d + e - 1) / 2]])
    x1, y1, x2, y2 = _reached(moved, layers[0], pixels)
    done: Pixels = pixels.copy()
    if x1 < x2 and y1 < y2:
        moved[:, 2] -= x1, y1
        shown, alpha = (cv2.warpAffine(layer, moved, (x2 - x1, y2 - y1)) for layer in layers)
        below = pixels[y1:y2, x1:x2]
        done[y1:y2, x1:x2] = _rounded(below + (shown.astype(np.float64) - below) * alpha[..., None])
    return done


def _around(mask: NDArray[np.uint8], margin: float) -> Rectangle:
    """The bounding rectangle of a mask, expanded by a margin and clipped to the photo."""
    x, y, width, height = cv2.boundingRect(mask)
    right, bottom = ceil(x + width + margin), ceil(y + height + margin)
    return max(int(x - margin), 0), max(int(y - margin), 0), min(right, mask.shape[1]), min(bottom, mask.shape[0])


def _layers(lender: Pixels, mask: NDArray[np.uint8], scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The colors (height, width, 3) and the opacity (height, width) of an object, scaled by area averaging."""
    inside = mask.astype(np.float32)
    inner = cv2.GaussianBlur(cv2.erode(inside, np.ones((3, 3))), (0, 0), EDGE) * inside
    size = max(round(mask.shape[1] * scale), 1), max(round(mask.shape[0] * scale), 1)
    colors, opacity = (cv2.resize(layer, size, interpolation=cv2.INTER_AREA) for layer in (np.float32(lender), inner))
    return np.asarray(colors, dtype=np.float32), np.asarray(opacity, dtype=np.float32)


def _reached(moved: NDArray[np.float64], layer: NDArray[np.float32], pixels: Pixels) -> Rectangle:
    """The rectangle around all pixels that the layer can change when it is placed by the transform `moved`.

    The rectangle is empty or inverted if there are no such pixels.
    """
    corners = np.array([[x, y, 1] for x in (-1, layer.shape[1]) for y in (-1, layer.shape[0])]) @ moved.T
    left, top = np.floor(corners.min(axis=0)).tolist()
    right, bottom = (np.ceil(corners.max(axis=0)) + 1).tolist()
    return max(int(left), 0), max(int(top), 0), min(int(right), pixels.shape[1]), min(int(bottom), pixels.shape[0])


def _outlined(pixels: Pixels, box: Sequence[float]) -> Pixels:
    """Draw the outline of a box in red.

    The line width is one hundredth of the image's shorter side, but at least 2 pixels.
    """
    x1, y1, x2, y2 = (round(value) for value in box)
    width = max(2, round(min(pixels.shape[:2]) / 100))
    return np.asarray(cv2.rectangle(pixels.copy(), (x1, y1), (x2 - 1, y2 - 1), (0, 0, 255), width), dtype=np.uint8)


def _rounded(values: NDArray[np.floating]) -> Pixels:
    return np.asarray(np.rint(values).clip(0, 255), dtype=np.uint8)
