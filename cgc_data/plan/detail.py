"""Measures the fine detail in windows of a photo. The fine detail determines how sharp a window looks and how many
bytes its file has.

Windows that show an object have more detail than windows of sky or wall. If planners ignored detail, a model could use
it to guess which windows show the object.
"""

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import PhotoError
from cgc_data.config import BuildConfig
from cgc_data.images import Pixels
from cgc_data.index.build import Index
from cgc_data.plan.drawn_windows import DrawnWindows, Lengths
from cgc_data.plan.pixels import PhotoPixels

KEPT = 512  # photos
GRAIN = 8  # photo pixels, side of the blocks in which detail is measured, as in JPEG
FLAT = 1e-3  # bits per pixel, the minimum before the logarithm

_PLACES = np.arange(GRAIN)
_COSINES = np.cos((2 * _PLACES + 1) * _PLACES[:, None] * np.pi / (2 * GRAIN)) * np.sqrt(2 / GRAIN)
_COSINES[0] /= np.sqrt(2)
_STEPS = 2.0 + _PLACES + _PLACES[:, None]  # quantization of coefficients, coarser for finer detail, close to quality 92


class Detail:
    """The detail in the windows of photos, computed from the photo files."""

    def __init__(self, index: Index, config: BuildConfig) -> None:
        self._index, self._pixels = index, PhotoPixels(index, config)
        self._sums: OrderedDict[int, Lengths] = OrderedDict()

    def of(self, windows: DrawnWindows) -> Lengths:
        """Logarithm of the bits per pixel of each window, (sizes, offsets). If the photo cannot be read, all
        windows have the same value.
        """
        sums = self._summed(windows.photo)
        columns, flat = sums.shape[1], sums.ravel()
        left, right = windows.left // GRAIN, windows.right // GRAIN
        top, bottom = windows.top // GRAIN, windows.bottom // GRAIN
        blocks = np.maximum((bottom - top) * (right - left), 1)
        top *= columns
        bottom *= columns
        bits = flat.take(bottom + right) - flat.take(bottom + left) - flat.take(top + right) + flat.take(top + left)
        return np.asarray(np.log(np.maximum(bits / blocks, FLAT)))

    def _summed(self, photo: int) -> Lengths:
        if photo not in self._sums:
            self._sums[photo] = self._read(photo)
            if len(self._sums) > KEPT:
                self._sums.popitem(last=False)
        return self._sums[photo]

    def _read(self, photo: int) -> Lengths:
        listed = self._index.photos[photo]
        flat = np.zeros((listed.height // GRAIN + 1, listed.width // GRAIN + 1))
        try:
            sums = summed_detail(self._pixels.whole(photo))
        except PhotoError:  # reported during rendering
            return flat
        return sums if sums.shape == flat.shape else flat


def summed_detail(pixels: Pixels) -> NDArray[np.float64]:
    """Integral image of the bits per pixel, (height // GRAIN + 1, width // GRAIN + 1). The value at a block corner is
    the sum over all blocks above and to the left of the corner.

    `pixels` is (height, width, 3), blue-green-red. The number of bits is estimated from the coefficients of the cosine
    transform.
    """
    rows, columns = (side // GRAIN for side in pixels.shape[:2])
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)[: rows * GRAIN, : columns * GRAIN].astype(np.float32)
    blocks = gray.reshape(rows, GRAIN, columns, GRAIN).transpose(0, 2, 1, 3)
    cosines = _COSINES.astype(np.float32)
    coefficients = cosines @ blocks @ cosines.T
    coefficients[:, :, 0, 0] = 0  # the mean brightness of a block is not detail
    bits = np.log2(1 + np.abs(coefficients) / _STEPS.astype(np.float32)).mean(axis=(2, 3))
    return np.asarray(cv2.integral(bits, sdepth=cv2.CV_64F))
