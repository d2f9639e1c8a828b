"""What colors alone tell of the place that a piece is from: how like each image is, and which box in it is likest."""

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.validate.pixels import Pixels
from cgc_data.validate.samples import Rectangle

BINS = 8  # of the levels of each channel
LONGER_SIDE = 64  # pixels at which an image is searched

Shares = NDArray[np.float64]


def stamp(image: Pixels) -> Pixels:
    """An image (height, width, 3) at the size at which colors are compared."""
    scale = LONGER_SIDE / max(image.shape[:2])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def color_distance(first: Pixels, second: Pixels) -> float:
    """How far apart the colors of two stamps are: summed over the levels of each channel."""
    return float(np.abs(_shares(first).mean(axis=(0, 1)) - _shares(second).mean(axis=(0, 1))).sum())


def likest_box(piece: Pixels, image: Pixels, share: tuple[float, float]) -> Rectangle:
    """The box (x1, y1, x2, y2, 0-1000) of an image whose colors are likest to a piece's; both are stamps.

    `share`: of the image's width and height that the piece takes.
    """
    levels, size = _shares(image), (image.shape[1], image.shape[0])
    width, height = (min(max(1, round(part * side)), side) for part, side in zip(share, size, strict=True))
    total = np.pad(levels.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0), (0, 0)))
    across = total[:, width:] - total[:, :-width]
    means = (across[height:] - across[:-height]) / (width * height)
    apart = np.abs(means - _shares(piece).mean(axis=(0, 1))).sum(axis=2)
    top, left = np.unravel_index(int(apart.argmin()), apart.shape)
    edges = left / size[0], top / size[1], (left + width) / size[0], (top + height) / size[1]
    x1, y1, x2, y2 = (round(1000 * float(edge)) for edge in edges)
    return x1, y1, x2, y2


def _shares(pixels: Pixels) -> Shares:
    """Whether each pixel has each level of each channel, (height, width, 3 * levels)."""
    level = pixels.astype(np.int64) * BINS // 256
    return np.asarray((level[..., None] == np.arange(BINS)).reshape(*pixels.shape[:2], -1), dtype=np.float64)
