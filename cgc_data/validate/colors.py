"""Measures how well colors alone reveal the place from which a piece (a recolored part of a photo) was cut.

The colors of the piece are compared with those of each whole image, and of each box of the piece's size in the image.
The images are not downscaled, because downscaling changes their colors. Counts of pixels are integers, so that sums are
exact.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.validate.pixels import Pixels
from cgc_data.validate.samples import Rectangle

CELLS = 32  # number of cells along the longer side of an image; boxes start and end between cells
LEVELS, TOP = 8, 0b11100000  # of a channel, and the bits that state the level

Shares = NDArray[np.float64]
Codes = NDArray[np.uint8] | NDArray[np.uint16]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Histogram:
    """A way to count colors in bins.

    `bins` is the number of bins, and `of` maps pixels (height, width, 3) to the numbers of their bins (height, width).
    """

    bins: int
    of: Callable[[Pixels], Codes]


def _cube(pixels: Pixels) -> Codes:
    """The bin of each pixel in a joint histogram of the three color channels, with eight levels per channel."""
    blue, green, red = cv2.split(pixels)
    return np.asarray((blue & TOP).astype(np.uint16) << 1 | (green & TOP) >> 2 | red >> 5)


def _hues(pixels: Pixels) -> Codes:
    """The bin of each pixel in a joint histogram of twelve hues and twelve levels of saturation."""
    hue, saturation, _ = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV))
    return np.asarray(cv2.add(cv2.LUT(hue, _HUES), cv2.LUT(saturation, _SATURATIONS)), dtype=np.uint8)


_BYTES = np.arange(256)
_HUES, _SATURATIONS = (_BYTES // 15 * 12).astype(np.uint8), (_BYTES * 12 // 256).astype(np.uint8)
_CUBE, _HUE = Histogram(LEVELS**3, _cube), Histogram(144, _hues)
# Whether a bin of the cube, (512,), has a level in each channel, (24,)
_CHANNELS = np.hstack([_BYTES[:LEVELS] == level[:, None] for level in np.indices((LEVELS,) * 3).reshape(3, -1)])
# Of the channels, eight levels each, counted separately; of the three channels jointly; of hue and saturation
HISTOGRAMS = ("channels", "cube", "hues")


@dataclass(frozen=True)
class Likeness:
    """The color similarity of an image and a piece.

    Attributes:
        apart: color distance between the piece and the whole image.
        nearest: color distance between the piece and the most similar box in the image.
        likest: the most similar box in the image, with coordinates 0-1000.
    """

    apart: float
    nearest: float
    likest: Rectangle


def color_shares(piece: Pixels) -> dict[str, Shares]:
    """For each histogram in `HISTOGRAMS`: the share of the piece's pixels in each bin, with shape (bins,)."""
    count = piece.shape[0] * piece.shape[1]
    return {name: cells.total() / count for name, cells in _counted(piece, piece.shape[:2]).items()}


def likenesses(own: Mapping[str, Shares], image: Pixels, share: tuple[float, float]) -> dict[str, Likeness]:
    """Compare the colors of an image with those of a piece, for each histogram in `HISTOGRAMS`.

    `own` contains the `color_shares` of the piece. `share` is the width and height of a box of the piece's size, as
    fractions of the image's width and height.
    """
    cell = max(max(image.shape[:2]) // CELLS, 1)
    there = _counted(image, (cell, cell))
    return {name: _likeness(there[name], own[name], cell, image.shape[:2], share) for name in HISTOGRAMS}


class _Cells(NamedTuple):
    """The number of pixels per grid cell and color bin.

    `counts` has shape (rows, columns, len(used)). `used` contains the numbers of the counted bins; all other bins are
    empty.
    """

    counts: Counts
    used: NDArray[np.int64]
    bins: int

    def total(self) -> Shares:
        """Number of pixels in each bin, summed over all cells, with shape (bins,)."""
        total = np.zeros(self.bins)
        total[self.used] = self.counts.sum(axis=(0, 1))
        return total


def _likeness(cells: _Cells, own: Shares, cell: int, size: tuple[int, int], share: tuple[float, float]) -> Likeness:
    pixels, (rows, columns) = cell**2, cells.counts.shape[:2]
    height, width = (
        min(max(1, round(part * side / cell)), count)
        for part, side, count in zip(reversed(share), size, (rows, columns), strict=True)
    )
    differences = _box_sums(cells.counts, height, width) / (height * width * pixels)
    differences -= own[cells.used]
    elsewhere = float(np.delete(own, cells.used).sum())
    apart = np.abs(differences, out=differences).sum(axis=2) + elsewhere
    top, left = (int(place) * cell for place in np.unravel_index(int(apart.argmin()), apart.shape))
    edges = left, top, left + width * cell, top + height * cell
    x1, y1, x2, y2 = (round(1000 * edge / side) for edge, side in zip(edges, (size[1], size[0]) * 2, strict=True))
    everywhere = float(np.abs(cells.total() / (rows * columns * pixels) - own).sum())
    return Likeness(everywhere, float(apart.min()), (x1, y1, x2, y2))


def _box_sums(counts: Counts, height: int, width: int) -> Counts:
    """The sum of the counts in each box of `height` rows and `width` columns."""
    rows, columns, bins = counts.shape
    total = np.zeros((rows + 1, columns + 1, bins), dtype=np.int64)
    for row in range(rows):  # much faster than `cumsum`, which jumps through memory
        np.add(total[row, 1:], counts[row], out=total[row + 1, 1:])
    for column in range(columns):
        total[:, column + 1] += total[:, column]
    across = total[:, width:] - total[:, :-width]
    return np.asarray(across[height:] - across[:-height])


def _counted(pixels: Pixels, cell: tuple[int, int]) -> dict[str, _Cells]:
    """Color counts of each grid cell, for each histogram. `cell` is the height and width of a cell in pixels."""
    cube = _by_cells(pixels, cell, _CUBE)
    channels = (cube.counts.astype(np.float64) @ _CHANNELS[cube.used]).astype(np.int64)
    bins = channels.shape[2]
    return {"channels": _Cells(channels, np.arange(bins), bins), "cube": cube, "hues": _by_cells(pixels, cell, _HUE)}


def _by_cells(pixels: Pixels, cell: tuple[int, int], histogram: Histogram) -> _Cells:
    rows, columns = pixels.shape[0] // cell[0], pixels.shape[1] // cell[1]
    codes = histogram.of(pixels[: rows * cell[0], : columns * cell[1]])
    places = _first_bins(rows, columns, cell, histogram.bins) + codes
    found = np.bincount(places.ravel(), minlength=rows * columns * histogram.bins)
    counts = found.reshape(rows, columns, histogram.bins)
    used = np.flatnonzero(counts.reshape(-1, histogram.bins).any(axis=0))
    return _Cells(counts.take(used, axis=2), used, histogram.bins)


@lru_cache(maxsize=4)
def _first_bins(rows: int, columns: int, cell: tuple[int, int], bins: int) -> NDArray[np.int64]:
    """For each pixel, the index of the first bin of its cell, with shape (height, width).

    The bins of all cells are numbered consecutively, one cell after the other.
    """
    numbers = np.arange(rows * columns).reshape(rows, columns) * bins
    return numbers.repeat(cell[0], axis=0).repeat(cell[1], axis=1)
