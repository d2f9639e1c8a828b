"""Measures how much the colors of a piece (a recolored crop of a photo) reveal about the place where it was cut out.

Two things are measured: the color distance between the piece and the most similar place, and whether this place is the
right one.

Histograms are compared in several ways, because one comparison often finds the place of a piece when another fails.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgc_data.geometry import Window
from cgc_data.images import Pixels
from cgc_data.plan.pieces import Piece
from cgc_data.plan.resemblance import SAME_PLACE, Picture

SEEN, SEEN_OF_PIECE = 256, 64  # pixels of the longer side; sampled, because averaging would change the colors
CELL = 8  # pixels between compared places
LEVELS = 16  # bins per channel, in the histogram of one channel
JOINT_LEVELS = 6  # bins per channel, in the joint histogram of all three channels
HUES, MOST_HUE = 10, 80  # number of red-green levels and of blue-yellow levels, and their limit

CHANNELS = slice(0, 3 * LEVELS)
JOINT = slice(CHANNELS.stop, CHANNELS.stop + JOINT_LEVELS**3)
CHROMA = slice(JOINT.stop, JOINT.stop + HUES**2)
Shares = NDArray[np.float32]  # (..., CHROMA.stop) share of the pixels at each level
Distances = NDArray[np.float32]


def _distances(difference: Shares) -> Distances:
    """Distances between colors, (4, ...).

    The first distance compares the levels of each channel. The second is the earth mover's distance between the same
    levels. The third compares the joint levels of all three channels. The fourth compares chroma, which ignores
    brightness.
    """
    apart, channels = np.abs(difference), difference[..., CHANNELS].reshape(*difference.shape[:-1], 3, LEVELS)
    moved = np.abs(channels.cumsum(axis=-1)).sum(axis=(-2, -1))
    levels, joint, chroma = (apart[..., part].sum(axis=-1) for part in (CHANNELS, JOINT, CHROMA))
    return np.stack([levels, moved, joint, chroma])


@dataclass(frozen=True)
class Places:
    """The colors of all places (rows, columns) in a window, and a mask of the places that mostly coincide with the
    piece's own place. Each place is as large as the piece.
    """

    shares: Shares
    is_home: NDArray[np.bool_]

    def distances(self, shares: Shares) -> Distances:
        """Distances (4, rows, columns) between the colors of each place and the given colors, one for each of the four
        comparisons.
        """
        return _distances(self.shares - shares)

    def tell(self, shares: Shares) -> bool:
        """Whether any of the comparisons finds the place of the piece by its colors."""
        distances = self.distances(shares)
        home, elsewhere = (
            distances.min(axis=(1, 2), where=there, initial=np.inf) for there in (self.is_home, ~self.is_home)
        )
        return bool((elsewhere > home).any())


class Colors:
    """The colors of a window of a photo."""

    def __init__(self, picture: Picture, window: Window) -> None:
        self._picture, self._window = picture, window
        pixels = picture.sampled(window, SEEN)
        self._cell = CELL * max(window.width, window.height) / max(pixels.shape[:2])  # photo pixels
        rows, columns = (side // CELL for side in pixels.shape[:2])
        cells = pixels[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL, 3).swapaxes(1, 2)
        shares = _shares(cells.reshape(rows, columns, -1, 3))
        self._whole = shares.mean(axis=(0, 1))
        self._sums = np.pad(shares.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0), (0, 0)))
        # the most recent only: pieces are checked one after another, each several times
        self._piece: tuple[Piece, Shares] | None = None
        self._means: tuple[tuple[int, int], Shares] | None = None

    def of(self, piece: Piece) -> Shares:
        """The colors of a piece after recoloring."""
        if self._piece is None or self._piece[0] != piece:
            self._piece = piece, self._colors_of(piece)
        return self._piece[1]

    def _colors_of(self, piece: Piece) -> Shares:
        return _shares(piece.tone.applied(self._picture.sampled(piece.window, SEEN_OF_PIECE)).reshape(-1, 3))

    def distances(self, shares: Shares, places: Places) -> Distances:
        """Five distances to the given colors, (5,). The first four are the distances of the closest place in each
        comparison. The last compares the joint levels of the whole window.
        """
        nearest = places.distances(shares).min(axis=(1, 2))
        return np.append(nearest, np.abs(self._whole - shares)[JOINT].sum())

    def places(self, piece: Window) -> Places:
        """All places in the window that are as large as the piece."""
        rows, columns = (max(round(side / self._cell), 1) for side in (piece.height, piece.width))
        means = self._mean_of_places(rows, columns)
        y, x = (
            start + self._cell * np.arange(count)
            for start, count in zip((self._window.y1, self._window.x1), means.shape[:2], strict=True)
        )
        common = _common(y, piece.height, piece.y1)[:, None] * _common(x, piece.width, piece.x1)[None, :]
        area = piece.width * piece.height
        return Places(means, common >= SAME_PLACE * (2 * area - common))

    def _mean_of_places(self, rows: int, columns: int) -> Shares:
        """Colors of all places that span this many rows and columns of cells."""
        if self._means is None or self._means[0] != (rows, columns):
            across = self._sums[:, columns:] - self._sums[:, :-columns]
            self._means = (rows, columns), (across[rows:] - across[:-rows]) / (rows * columns)
        return self._means[1]


def _common(starts: NDArray[np.float64], side: int, start: int) -> NDArray[np.float64]:
    """Length (n,) of the overlap between the interval that starts at `start` and the intervals that start at `starts`.
    All intervals have the length `side`.
    """
    return np.asarray(np.maximum(side - np.abs(starts - start), 0.0))


def _shares(pixels: Pixels) -> Shares:
    """Histograms of the pixels (..., n, 3), blue-green-red: the share of pixels at each level."""
    count, width = pixels.shape[-2], CHROMA.stop
    bins = _bins(pixels).reshape(-1, count, 5)
    bins += (width * np.arange(len(bins), dtype=np.int32))[:, None, None]
    counts = np.bincount(bins.ravel(), minlength=width * len(bins))
    return np.asarray(counts.reshape(*pixels.shape[:-2], width) / count, dtype=np.float32)


def _bins(pixels: Pixels) -> NDArray[np.int32]:
    """Histogram bins (..., 5) of the pixels (..., 3), blue-green-red: one bin per channel, the joint bin, and the
    chroma bin.
    """
    bins = np.empty((*pixels.shape[:-1], 5), dtype=np.int32)
    for channel in range(3):
        bins[..., channel] = _LEVEL_OF[channel][pixels[..., channel]]
    blue, green, red = np.moveaxis(pixels.astype(np.int16), -1, 0)
    bins[..., 3] = _JOINT_OF[0][blue] + _JOINT_OF[1][green] + _JOINT_OF[2][red]
    # red versus green, and blue versus yellow
    bins[..., 4] = _HUE_OF[0][red - green + 255] + _HUE_OF[1][blue - (red + green) // 2 + 255]
    return bins


# Table lookup: dividing each value is three times slower.
_VALUES, _APART = np.arange(256, dtype=np.int32), np.arange(-255, 256, dtype=np.int32)
_LEVEL_OF = [_VALUES * LEVELS // 256 + LEVELS * channel for channel in range(3)]
_JOINT_OF = [
    _VALUES * JOINT_LEVELS // 256 * weight + start
    for weight, start in ((JOINT_LEVELS**2, JOINT.start), (JOINT_LEVELS, 0), (1, 0))
]
_STEP_OF = (_APART + MOST_HUE).clip(0, 2 * MOST_HUE - 1) * HUES // (2 * MOST_HUE)
_HUE_OF = [_STEP_OF * HUES + CHROMA.start, _STEP_OF]
