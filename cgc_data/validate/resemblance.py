"""Finds the places in an image from which a piece could have been cut.

Places are compared by the normalized correlation of gray pixels, which is computed with a Fourier transform.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cgc_data.validate.pixels import Pixels
from cgc_data.validate.samples import Box

LONGER_SIDE = 96  # maximum number of pixels on the longer side of an image that is searched
STEP, STEPS = 1.12, 6  # scales at which the piece is searched for, from half to twice its size
FLAT = 1.0  # standard deviation in gray levels below which a place is plain
SAME_PLACE = 0.45  # IoU; lower than in the planner, because sizes are rounded to whole pixels
WEIGHTS = (0.114, 0.587, 0.299)  # weights of blue, green, and red in gray

Gray = NDArray[np.float64]


class Found(NamedTuple):
    """The highest correlation at the piece's true place, and the highest at any other place.

    A value is -1 if there is no place to compare.
    """

    home: float
    elsewhere: float


def search(piece: Pixels, image: Pixels, size: tuple[float, float], home: Box | None) -> Found:
    """Search for a piece in an image at several scales, both mirrored and not mirrored.

    `size` is the width and height of the piece in pixels of the image, and `home` is its true place in the image.
    """
    scale = LONGER_SIDE / max(image.shape[:2])
    scene = small(image, image.shape[1] * scale, image.shape[0] * scale)
    found = Found(-1.0, -1.0)
    for step in range(-STEPS, STEPS + 1):
        template = small(piece, size[0] * scale * STEP**step, size[1] * scale * STEP**step)
        if template.shape[0] > scene.shape[0] or template.shape[1] > scene.shape[1]:
            continue
        for mirrored, scores in enumerate(_correlations(scene, template)):
            own = _own(scores.shape, template.shape, [value * scale for value in home or ()])
            at_home = -1.0 if mirrored else scores.max(where=own, initial=-1.0)
            found = Found(max(found.home, at_home), max(found.elsewhere, scores.max(where=~own, initial=-1.0)))
    return found


def small(pixels: Pixels, width: float, height: float) -> Gray:
    """Convert pixels (height, width, 3) in blue-green-red order to gray, and resize them.

    The new size is `width` x `height`, rounded to whole pixels.
    """
    size = max(1, round(width)), max(1, round(height))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) @ np.array(WEIGHTS))


def _correlations(scene: Gray, template: Gray) -> Iterator[Gray]:
    """Yield two arrays: the normalized correlation of the template with each place of the scene, and then the same for
    the mirrored template.
    """
    rows, columns = template.shape
    count = rows * columns
    mean = _sums(scene, rows, columns) / count
    spread = np.sqrt(np.maximum(_sums(scene**2, rows, columns) / count - mean**2, 0.0))
    shape = fft.next_fast_len(scene.shape[0], real=True), fft.next_fast_len(scene.shape[1], real=True)
    transformed = fft.rfft2(scene - scene.mean(), shape)
    for turned in (template, template[:, ::-1]):
        centered = turned - turned.mean()
        product = fft.irfft2(transformed * np.conj(fft.rfft2(centered, shape)), shape)[: len(mean), : mean.shape[1]]
        known = (spread >= FLAT) & (centered.std() >= FLAT)
        yield np.where(known, product / np.maximum(count * spread * max(centered.std(), FLAT), 1e-9), 0.0)


def _sums(values: Gray, rows: int, columns: int) -> Gray:
    """The sum of the values in each rectangle of `rows` x `columns` values."""
    total = np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    across = total[:, columns:] - total[:, :-columns]
    return np.asarray(across[rows:] - across[:-rows])


def _own(shape: tuple[int, ...], size: tuple[int, ...], home: list[float]) -> NDArray[np.bool_]:
    """Mask (rows, columns) of the places that count as the true place.

    These are the places whose IoU with the true place is at least `SAME_PLACE`.

    `size` is the size of each place in rows and columns. If `home` is empty, the mask contains only False.
    """
    if not home:
        return np.zeros(shape, dtype=bool)
    x1, y1, x2, y2 = home
    top, left = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    common = np.maximum(np.minimum(left + size[1], x2) - np.maximum(left, x1), 0.0) * np.maximum(
        np.minimum(top + size[0], y2) - np.maximum(top, y1), 0.0
    )
    union = size[0] * size[1] + (x2 - x1) * (y2 - y1) - common
    return np.asarray(common / union >= SAME_PLACE)
