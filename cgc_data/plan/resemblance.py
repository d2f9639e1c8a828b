"""Tests whether a piece could come from another place in the photo, by correlating gray pixels at many sizes, with and
without mirroring.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.geometry import Window
from cgc_data.images import Pixels
from cgc_data.masks import Box

SEARCHED = 96  # pixels, longer side of an image that is searched for a piece
COARSE = 320  # pixels, longer side of the photo when plain places are detected
LADDER = tuple(1.12**step for step in sorted(range(-6, 7), key=abs))  # sizes of the piece, likeliest first
LARGEST = max(LADDER)
# Minimum correlation at the piece's own place, and the limit for any other place. Both are 0.02 stricter than the
# check of the finished release, which rounds differently.
AT_HOME, ELSEWHERE = 0.82, 0.68
SAME_PLACE = 0.5  # IoU
LEAST_SPREAD = 20.0  # standard deviation of gray levels

Gray = NDArray[np.uint8]


class Picture:
    """The pixels (height, width, 3), blue-green-red, of a photo."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        coarse = cv2.resize(pixels, _size(pixels.shape[1], pixels.shape[0], COARSE / max(pixels.shape[:2])))
        self._sums, self._squares = cv2.integral2(cv2.cvtColor(coarse, cv2.COLOR_BGR2GRAY))
        self._cell = np.array([coarse.shape[1] / pixels.shape[1], coarse.shape[0] / pixels.shape[0]] * 2)

    @property
    def pixels(self) -> Pixels:
        """All pixels of the photo."""
        return self._pixels

    def shown(self, window: Window, scale: float, colored: Callable[[Pixels], Pixels] | None = None) -> Pixels:
        """A resized window of the photo, optionally with changed colors."""
        part = self._pixels[window.y1 : window.y2, window.x1 : window.x2]
        part = colored(part) if colored else part  # before resizing, because strong colors are clipped at white
        size = _size(window.width, window.height, scale)
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def sampled(self, window: Window, longer: int) -> Pixels:
        """Pixels of a window, sampled at even steps so that the longer side has about `longer` pixels; all pixels if
        the window is smaller.
        """
        step = max(max(window.width, window.height) / longer, 1.0)
        y, x = (
            (first + np.arange(0, last - first, step)).astype(np.int64)
            for first, last in ((window.y1, window.y2), (window.x1, window.x2))
        )
        return np.asarray(self._pixels[y[:, None], x], dtype=np.uint8)

    def spread(self, rectangles: NDArray[np.int64]) -> NDArray[np.float64]:
        """Standard deviation (n,) of the gray levels in rectangles (n, 4) of photo pixels, measured on the downsampled
        photo.
        """
        x1, y1, x2, y2 = np.rint(rectangles * self._cell).astype(np.int64).T
        x2, y2 = np.maximum(x2, x1 + 1), np.maximum(y2, y1 + 1)
        count = (x2 - x1) * (y2 - y1)
        mean, square = ((s[y2, x2] - s[y1, x2] - s[y2, x1] + s[y1, x1]) / count for s in (self._sums, self._squares))
        return np.asarray(np.sqrt(np.maximum(square - mean**2, 0)))


@dataclass(frozen=True)
class Scene:
    """A gray image of a window of a photo, with its scale in image pixels per photo pixel."""

    window: Window
    gray: Gray
    scale: float

    @classmethod
    def of(cls, picture: Picture, window: Window) -> "Scene":
        """The window, resized for the search for pieces."""
        scale = SEARCHED / max(window.width, window.height)
        return cls(window, gray(picture.shown(window, scale)), scale)

    @classmethod
    def of_view(cls, pixels: Pixels, window: Window) -> "Scene":
        """The window as it appears in a finished view, resized for the search for pieces."""
        height, width = pixels.shape[:2]
        size = _size(width, height, SEARCHED / max(height, width))  # as in the check, whose rounding can differ by 1
        resized = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        return cls(window, gray(resized), SEARCHED / max(window.width, window.height))

    def holds(self, piece: Window) -> bool:
        """Whether the scene fully contains a window of the photo."""
        whole = self.window
        return whole.x1 <= piece.x1 and whole.y1 <= piece.y1 and piece.x2 <= whole.x2 and piece.y2 <= whole.y2

    def home(self, piece: Window) -> Box | None:
        """Box of a window of the photo, in scene pixels; None if the scene does not fully contain the window."""
        return self.place(piece) if self.holds(piece) else None

    def place(self, piece: Window) -> Box:
        """Box of a part of the scene's window, in scene pixels."""
        x, y = self.window.x1, self.window.y1
        x1, y1, x2, y2 = (value * self.scale for value in (piece.x1 - x, piece.y1 - y, piece.x2 - x, piece.y2 - y))
        return x1, y1, x2, y2


def gray(pixels: Pixels) -> Gray:
    """Convert pixels (height, width, 3), blue-green-red, to gray."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def only_at(piece: Gray, size: tuple[int, int], scene: Scene, home: Box | None) -> bool:
    """Whether a piece matches no place in the scene except its own. If the scene contains the piece's own place, the
    piece must match there. `home`: the piece's own place in scene pixels; None if the scene does not contain it.

    `size`: width and height of the piece in photo pixels; the resolution of the piece is at least `LARGEST` times the
    resolution of the scene.

    The piece's size in the photo is tried first, because a piece that resembles another place is usually rejected at
    this size.
    """
    found = home is None
    for step in LADDER:
        width, height = (max(round(side * scene.scale * step), 1) for side in size)
        if width > scene.gray.shape[1] or height > scene.gray.shape[0]:
            continue
        template = np.asarray(cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
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
    """Normalized correlation of the template with each place in the gray pixels."""
    return np.asarray(cv2.matchTemplate(gray, np.ascontiguousarray(template), cv2.TM_CCOEFF_NORMED))


def _same_place(shape: tuple[int, ...], size: tuple[int, int], home: Box | None) -> NDArray[np.bool_]:
    """Mask (rows, columns) of the places where a template of `size` (width, height) overlaps its original place `home`
    enough to count as the same place.
    """
    if home is None:
        return np.zeros(shape, dtype=np.bool_)
    across = _common(np.arange(shape[1]), size[0], home[0], home[2])
    down = _common(np.arange(shape[0]), size[1], home[1], home[3])
    common = down[:, None] * across[None, :]
    union = size[0] * size[1] + (home[2] - home[0]) * (home[3] - home[1]) - common
    return np.asarray(common >= SAME_PLACE * union)


def _common(starts: NDArray[np.int64], length: int, low: float, high: float) -> NDArray[np.float64]:
    return np.asarray(np.clip(np.minimum(starts + length, high) - np.maximum(starts, low), 0, None))


def _size(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(round(width * scale), 1), max(round(height * scale), 1)
