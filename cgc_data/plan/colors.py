"""What colors alone tell of the place of a piece: how like a window is, and where in it the likest place is."""

import numpy as np
from numpy.typing import NDArray

from cgc_data.geometry import Window, iou
from cgc_data.images import Pixels
from cgc_data.plan.pieces import Piece
from cgc_data.plan.resemblance import SAME_PLACE, Picture

SEEN = 64  # pixels of the longer side of an image whose colors are compared
BINS = 8  # of the levels of each channel

Shares = NDArray[np.float32]


class Colors:
    """The colors of a window of a photo."""

    def __init__(self, picture: Picture, window: Window) -> None:
        self._picture, self._window, self._scale = picture, window, SEEN / max(window.width, window.height)
        levels = _levels(picture.shown(window, self._scale))
        self._shares = levels.mean(axis=(0, 1))
        self._sums = np.pad(levels.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0), (0, 0)))

    def of(self, piece: Piece) -> Shares:
        """Shares (3 * bins,) of a piece's pixels at each level of each channel, in its changed colors."""
        scale = SEEN / max(piece.window.width, piece.window.height)
        return np.asarray(_levels(self._picture.shown(piece.window, scale, piece.tone.applied)).mean(axis=(0, 1)))

    def distance(self, shares: Shares) -> float:
        """How far the colors of the whole window are from these."""
        return float(np.abs(self._shares - shares).sum())

    def tell(self, shares: Shares, piece: Window) -> bool:
        """Is the place in the window whose colors are likest to these, a piece's, where the piece is from?"""
        rows, columns = (max(round(side * self._scale), 1) for side in (piece.height, piece.width))
        across = self._sums[:, columns:] - self._sums[:, :-columns]
        means = (across[rows:] - across[:-rows]) / (rows * columns)
        top, left = np.unravel_index(int(np.abs(means - shares).sum(axis=2).argmin()), means.shape[:2])
        x, y = self._window.x1 + left / self._scale, self._window.y1 + top / self._scale
        likest = (float(x), float(y), float(x) + piece.width, float(y) + piece.height)
        return iou(likest, (piece.x1, piece.y1, piece.x2, piece.y2)) >= SAME_PLACE


def _levels(pixels: Pixels) -> Shares:
    """Whether each pixel is at each level of each channel, (height, width, 3 * bins)."""
    level = pixels.astype(np.int64) * BINS // 256
    return np.asarray((level[..., None] == np.arange(BINS)).reshape(*pixels.shape[:2], -1), dtype=np.float32)
