"""Thumbnails of photos, for planners that depend on colors. Thumbnails are read on demand, and the most recent ones are
cached.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.config import BuildConfig
from cgc_data.images import Pixels
from cgc_data.index.build import Index
from cgc_data.masks import Box
from cgc_data.plan.pixels import PhotoPixels

LONGEST = 160  # pixels
KEPT = 1024
GRAY, MOST = 4, 0.99  # largest channel difference in a black-and-white photo, in this share of its pixels

Boxes = NDArray[np.float64]


class Thumbnails:
    """Thumbnails of the photos in the index, and the colors of places in them."""

    def __init__(self, index: Index, config: BuildConfig) -> None:
        self._index, self._pixels = index, PhotoPixels(index, config)
        self.of = lru_cache(maxsize=KEPT)(self._read)
        self._lab_sums = lru_cache(maxsize=KEPT // 4)(self._sums)

    def _read(self, photo: int) -> Pixels:
        """Pixels (height, width, 3), blue-green-red. Raises PhotoError."""
        return self._pixels.small(photo, LONGEST)

    def _sums(self, photo: int) -> NDArray[np.float64]:
        """Sum of the Lab colors of all pixels above and to the left of each pixel corner, (height + 1, width + 1,
        3).
        """
        lab = cv2.cvtColor(self.of(photo).astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
        return np.asarray(cv2.integral(lab, sdepth=cv2.CV_64F), dtype=np.float64)

    def colors(self, photo: int, places: Boxes) -> Boxes:
        """Mean Lab color (n, 3) of places (n, 4) in photo pixels; NaN for a place that covers less than one pixel of
        the thumbnail.
        """
        sums, shown = self._lab_sums(photo), self._index.photos[photo]
        most = np.array([sums.shape[1] - 1, sums.shape[0] - 1] * 2)
        scale = most / np.array([shown.width, shown.height] * 2)
        x1, y1, x2, y2 = np.clip(np.rint(places * scale), 0, most).astype(np.intp).T
        pixels = np.maximum(x2 - x1, 0) * np.maximum(y2 - y1, 0)
        total = sums[y2, x2] - sums[y1, x2] - sums[y2, x1] + sums[y1, x1]
        return np.asarray(np.where(pixels > 0, total.T / np.maximum(pixels, 1), np.nan).T, dtype=np.float64)

    def is_gray(self, photo: int) -> bool:
        """Whether the photo is black-and-white."""
        return bool(np.quantile(np.ptp(self.of(photo), axis=2), MOST) <= GRAY)

    def cut(self, photo: int, place: Box) -> Pixels:
        """Pixels (height, width, 3) of the thumbnail inside a box in photo pixels; empty if the box covers less than
        one pixel of the thumbnail.
        """
        pixels, shown = self.of(photo), self._index.photos[photo]
        across, down = pixels.shape[1] / shown.width, pixels.shape[0] / shown.height
        left, right = max(round(place[0] * across), 0), max(round(place[2] * across), 0)
        top, bottom = max(round(place[1] * down), 0), max(round(place[3] * down), 0)
        return pixels[top:bottom, left:right]
