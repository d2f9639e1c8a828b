"""What colors alone reveal about the origin of a piece: how similar each image is to it, and which box in the image is
most similar.

Histograms use all pixels, because downscaling an image changes its colors.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.validate.pixels import Pixels
from cgc_data.validate.samples import Rectangle

CELLS = 32  # number of cells along the longer side of an image; boxes start and end between cells

Shares = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Histogram:
    """A way to count colors: the number of `bins`, and a function that maps pixels (height, width, 3) to their bins
    (height, width, k).
    """

    bins: int
    of: Callable[[Pixels], Codes]


def _channels(pixels: Pixels) -> Codes:
    """Eight levels per channel, each channel separately."""
    return pixels.astype(np.int64) // 32 + 8 * np.arange(3)


def _cube(pixels: Pixels) -> Codes:
    """Eight levels per channel, the three channels jointly."""
    return np.asarray(pixels.astype(np.int64) // 32 @ np.array([[64], [8], [1]]))


def _hues(pixels: Pixels) -> Codes:
    """Twelve hues by twelve levels of saturation."""
    colors = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV).astype(np.int64)
    return np.asarray(colors[..., :1] // 15 * 12 + colors[..., 1:2] * 12 // 256)


HISTOGRAMS = {"channels": Histogram(24, _channels), "cube": Histogram(512, _cube), "hues": Histogram(144, _hues)}


@dataclass(frozen=True)
class Likeness:
    """Color distance between a piece and an image, and between the piece and the most similar box in the image; and
    this box (0-1000).
    """

    apart: float
    nearest: float
    likest: Rectangle


def likeness(piece: Pixels, image: Pixels, share: tuple[float, float], histogram: Histogram) -> Likeness:
    """Compare an image with a piece that takes up a `share` of the width and height of the image."""
    cell = max(max(image.shape[:2]) // CELLS, 1)
    cells, own = _by_cells(image, cell, histogram), _whole(piece, histogram)
    height, width = (
        min(max(1, round(part * side / cell)), count)
        for part, side, count in zip(reversed(share), image.shape[:2], cells.shape[:2], strict=True)
    )
    total = np.pad(cells.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0), (0, 0)))
    across = total[:, width:] - total[:, :-width]
    apart = np.abs((across[height:] - across[:-height]) / (width * height) - own).sum(axis=2)
    top, left = (int(place) * cell for place in np.unravel_index(int(apart.argmin()), apart.shape))
    edges = left, top, left + width * cell, top + height * cell
    x1, y1, x2, y2 = (round(1000 * edge / side) for edge, side in zip(edges, image.shape[1::-1] * 2, strict=True))
    return Likeness(float(np.abs(cells.mean(axis=(0, 1)) - own).sum()), float(apart.min()), (x1, y1, x2, y2))


def _by_cells(pixels: Pixels, cell: int, histogram: Histogram) -> Shares:
    """Share of each cell's pixels in each bin, (rows, columns, bins)."""
    rows, columns = (side // cell for side in pixels.shape[:2])
    codes = histogram.of(pixels[: rows * cell, : columns * cell])
    number = (np.arange(rows * cell) // cell * columns)[:, None] + np.arange(columns * cell) // cell
    found = np.bincount((number[..., None] * histogram.bins + codes).ravel(), minlength=rows * columns * histogram.bins)
    return np.asarray(found.reshape(rows, columns, histogram.bins) / cell**2)


def _whole(pixels: Pixels, histogram: Histogram) -> Shares:
    """Share of all pixels in each bin, (bins,)."""
    counts = np.bincount(histogram.of(pixels).ravel(), minlength=histogram.bins)
    return np.asarray(counts / (pixels.shape[0] * pixels.shape[1]))
