"""Whether a piece of a photo could be from another place: by correlation of gray pixels, at many sizes and mirrored."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.geometry import Window
from cgc_data.images import Pixels
from cgc_data.masks import Box

SEARCHED = 96  # pixels of the longer side of an image in which a piece is searched for
LADDER = tuple(1.12**step for step in sorted(range(-6, 7), key=abs))  # sizes of the piece, the likeliest first
AT_HOME, ELSEWHERE = 0.8, 0.7  # least correlation at the piece's own place, and the one that no other place may reach
SAME_PLACE = 0.5  # IoU
LEAST_SPREAD = 20.0  # standard deviation of gray levels

Gray = NDArray[np.uint8]


class Picture:
    """A photo of width and height `size` at low resolution: `pixels` (height, width, 3), blue-green-red."""

    def __init__(self, pixels: Pixels, size: tuple[int, int]) -> None:
        self._pixels = pixels
        self._scale = np.array([pixels.shape[1] / size[0], pixels.shape[0] / size[1]] * 2)
        self._sums, self._squares = cv2.integral2(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))

    def cut(self, window: Window) -> Pixels:
        """Pixels (height, width, 3) of a window of the photo."""
        x1, y1, x2, y2 = self._cells(np.array([[window.x1, window.y1, window.x2, window.y2]]))[0].tolist()
        return self._pixels[y1:y2, x1:x2]

    def spread(self, rectangles: NDArray[np.int64]) -> NDArray[np.float64]:
        """Standard deviation (n,) of the gray levels in rectangles (n, 4) of the photo."""
        cells = self._cells(rectangles)
        count = (cells[:, 2] - cells[:, 0]) * (cells[:, 3] - cells[:, 1])
        mean, square = (_inside(sums, cells) / count for sums in (self._sums, self._squares))
        return np.asarray(np.sqrt(np.maximum(square - mean**2, 0)))

    def _cells(self, rectangles: NDArray[np.int64]) -> NDArray[np.int64]:
        cells = np.rint(rectangles * self._scale).astype(np.int64)
        cells[:, 2:] = np.maximum(cells[:, 2:], cells[:, :2] + 1)
        return cells


@dataclass(frozen=True)
class Scene:
    """An image that shows a window of a photo, in gray, and how many of its pixels one pixel of the photo takes."""

    window: Window
    gray: Gray
    scale: float

    @classmethod
    def of(cls, picture: Picture, window: Window) -> "Scene":
        """The window at the size at which pieces are searched for in it."""
        scale = SEARCHED / max(window.width, window.height)
        return cls(window, gray_at(picture.cut(window), window, scale), scale)

    def holds(self, piece: Window) -> bool:
        """Is all of a window of the photo in it?"""
        whole = self.window
        return whole.x1 <= piece.x1 and whole.y1 <= piece.y1 and piece.x2 <= whole.x2 and piece.y2 <= whole.y2

    def place(self, piece: Window) -> Box:
        """Where a part of the window is, pixels of the scene."""
        x, y = self.window.x1, self.window.y1
        x1, y1, x2, y2 = (value * self.scale for value in (piece.x1 - x, piece.y1 - y, piece.x2 - x, piece.y2 - y))
        return x1, y1, x2, y2


def gray_at(pixels: Pixels, window: Window, scale: float) -> Gray:
    """Pixels (height, width, 3) of a window of the photo in gray, at `scale` times the window's size."""
    size = max(round(window.width * scale), 1), max(round(window.height * scale), 1)
    return np.asarray(cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA))


def only_at(piece: Gray, scene: Scene, home: Box | None) -> bool:
    """Is a piece, as large as in the scene, found at its place there and at no other? Without a home: at none.

    Takes the photo's own size first, so that a piece that resembles another place is mostly refused at once.
    """
    found = home is None
    for size in LADDER:
        width, height = round(piece.shape[1] * size), round(piece.shape[0] * size)
        if width > scene.gray.shape[1] or height > scene.gray.shape[0]:
            continue
        template = cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA if size < 1 else cv2.INTER_LINEAR)
        for mirrored in (False, True):
            scores = _correlation(scene.gray, template[:, ::-1] if mirrored else template)
            if scores.max() < ELSEWHERE:
                continue
            there = _same_place(scores.shape, (width, height), home)
            if (scores[~there] >= ELSEWHERE).any():
                return False
            found |= not mirrored and bool((scores[there] >= AT_HOME).any())
    return found


def _correlation(gray: Gray, template: Gray) -> NDArray[np.float32]:
    """Normalized correlation of the template with each place of the gray pixels."""
    return np.asarray(cv2.matchTemplate(gray, np.ascontiguousarray(template), cv2.TM_CCOEFF_NORMED))


def _same_place(shape: tuple[int, ...], size: tuple[int, int], home: Box | None) -> NDArray[np.bool_]:
    """Which places (rows, columns) of a template of this width and height overlap its home."""
    if home is None:
        return np.zeros(shape, dtype=np.bool_)
    across = _common(np.arange(shape[1]), size[0], home[0], home[2])
    down = _common(np.arange(shape[0]), size[1], home[1], home[3])
    common = down[:, None] * across[None, :]
    union = size[0] * size[1] + (home[2] - home[0]) * (home[3] - home[1]) - common
    return np.asarray(common >= SAME_PLACE * union)


def _common(starts: NDArray[np.int64], length: int, low: float, high: float) -> NDArray[np.float64]:
    return np.asarray(np.clip(np.minimum(starts + length, high) - np.maximum(starts, low), 0, None))


def _inside(sums: NDArray[np.float64], cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums (n,) over cells (n, 4) of an integral image."""
    x1, y1, x2, y2 = cells.T
    return np.asarray(sums[y2, x2] - sums[y1, x2] - sums[y2, x1] + sums[y1, x1], dtype=np.float64)
