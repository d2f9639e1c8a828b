"""How much fine detail the windows of a photo have, which decides how sharp they look and how many bytes they take.

Windows that show an object have more of it than those of sky or wall, and could be told without looking.
"""

from collections import OrderedDict
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import PhotoError
from cgc_data.images import Pixels, decode_photo
from cgc_data.index.build import Index
from cgc_data.plan.offsets import Lengths, Offsets

KEPT = 16  # photos
GRAIN = 2  # pixels of the photo to a pixel in which detail is measured


class Detail:
    """Detail of the windows of photos, read from their files; `displayed` says of which sources EXIF turns them."""

    def __init__(self, index: Index, displayed: Sequence[bool]) -> None:
        self._index, self._displayed = index, displayed
        self._sums: OrderedDict[int, Lengths] = OrderedDict()

    def of(self, photo: int, offsets: Offsets) -> Lengths:
        """Mean logarithm of the local contrast in each window, (rows, columns); 0 if the photo cannot be read."""
        sums = self._summed(photo)
        top, bottom = offsets.top // GRAIN, (offsets.top + offsets.height) // GRAIN
        left, right = offsets.left // GRAIN, (offsets.left + offsets.width) // GRAIN
        bands = sums[bottom] - sums[top]
        return np.asarray((bands[:, right] - bands[:, left]) / ((bottom - top)[:, None] * (right - left)))

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
            content = self._index.stores[listed.source].read(listed.file_name)
            pixels = decode_photo(content, turn=self._displayed[listed.source])
        except PhotoError:  # the rendering says so
            return flat
        sums = summed_detail(pixels)
        return sums if sums.shape == flat.shape else flat


def summed_detail(pixels: Pixels) -> NDArray[np.float64]:
    """Detail above and to the left of each corner, (height // GRAIN + 1, width // GRAIN + 1), of (height, width, 3)."""
    height, width = (side // GRAIN for side in pixels.shape[:2])
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    contrast = np.log1p(np.abs(cv2.Laplacian(small, cv2.CV_32F)))
    return np.asarray(cv2.integral(contrast, sdepth=cv2.CV_64F))
