"""Picks random rectangular pieces of a photo, changes their colors, and makes the views that show them."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.config import BuildConfig
from cgc_data.geometry import Window
from cgc_data.images import Pixels
from cgc_data.plan.questions import View
from cgc_data.plan.resemblance import LARGEST, LEAST_SPREAD, Gray, Picture, Scene, gray, only_at
from cgc_data.release.operations import GAIN, GAMMA, OPERATIONS, Operation, compose, window_operations
from cgc_data.tasks import REFERENCE

DRAWN = 256  # rectangles drawn at a time; the first one that fits is used
WIDEST_ASPECT = 1.5
MOST_GAIN = 0.15  # largest relative change of a color channel
GAMMAS = (0.8, 1.25)
MOST_ENLARGED = 2.0
RESIZED = 2.0  # standard deviation in gray levels that resizing can remove before the view is checked
APART = 8  # photo pixels between a piece and any window that must not show a part of the piece

Rectangles = NDArray[np.int64]  # (n, 4) x1, y1, x2, y2, half-open, photo pixels


@dataclass(frozen=True)
class Tone:
    """How the colors of a piece are changed: one factor per color channel (red, green, blue), and one exponent."""

    gain: tuple[float, float, float]
    gamma: float

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations that change the colors."""
        return Operation(GAIN, self.gain), Operation(GAMMA, (self.gamma,))

    def applied(self, pixels: Pixels) -> Pixels:
        """Change the colors of pixels (height, width, 3), blue-green-red."""
        table: Pixels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
        for step in self.operations:
            table = OPERATIONS[step.name](table, step.values, ())
        return np.asarray(cv2.LUT(pixels, table), dtype=np.uint8)


@dataclass(frozen=True)
class Piece:
    """A window of the photo, and how its colors are changed."""

    window: Window
    tone: Tone


def draw_tone(rng: np.random.Generator) -> Tone:
    """A random factor per color channel and a random exponent, so that the colors of a piece do not reliably reveal its
    place. The values are rounded for storage.
    """
    red, green, blue = (round(float(value), 4) for value in rng.uniform(1 - MOST_GAIN, 1 + MOST_GAIN, 3))
    low, high = np.log(GAMMAS)
    return Tone((red, green, blue), round(float(np.exp(rng.uniform(low, high))), 4))


def draw_rectangles(inside: Window, area: tuple[float, float], least: float, rng: np.random.Generator) -> Rectangles:
    """Choose random rectangles at uniformly distributed places inside a window. `area` contains the smallest and the
    largest share of the window that a rectangle may cover.

    The shorter side of each rectangle is at least `least` photo pixels. The result is empty if no rectangle fits.
    """
    aspect = np.exp(rng.uniform(-np.log(WIDEST_ASPECT), np.log(WIDEST_ASPECT), DRAWN))
    pixels = inside.width * inside.height * np.exp(rng.uniform(np.log(area[0]), np.log(area[1]), DRAWN))
    sides = np.rint([np.sqrt(pixels * aspect), np.sqrt(pixels / aspect)]).astype(np.int64).T
    room = np.array([inside.width, inside.height]) - sides
    corner = np.array([inside.x1, inside.y1]) + np.floor(rng.random((DRAWN, 2)) * (room + 1)).astype(np.int64)
    fitting = (room >= 0).all(axis=1) & (sides >= least).all(axis=1)
    return np.asarray(np.concatenate([corner, corner + sides], axis=1)[fitting])


def apart(rectangles: Rectangles, windows: Iterable[Window], margin: int = APART) -> NDArray[np.bool_]:
    """Mask (n,) of the rectangles that overlap no window, even after a margin is added to the windows."""
    free = np.ones(len(rectangles), dtype=np.bool_)
    x1, y1, x2, y2 = rectangles.T
    for w in windows:
        free &= (x2 <= w.x1 - margin) | (x1 >= w.x2 + margin) | (y2 <= w.y1 - margin) | (y1 >= w.y2 + margin)
    return free


def windows_of(rectangles: Rectangles) -> list[Window]:
    """The rectangles (n, 4) as windows."""
    return [Window(*values) for values in rectangles.tolist()]


def is_unique(picture: Picture, piece: Piece, scenes: Iterable[Scene]) -> bool:
    """Whether the recolored piece has enough texture and matches no other place in these scenes."""
    for scene in scenes:
        small, large = (_gray(picture, piece, scene.scale * size) for size in (1.0, LARGEST))
        home = scene.home(piece.window)
        if small.std() < LEAST_SPREAD + RESIZED or not only_at(
            large, (piece.window.width, piece.window.height), scene, home
        ):
            return False
    return True


def _gray(picture: Picture, piece: Piece, scale: float) -> Gray:
    return gray(picture.shown(piece.window, scale, piece.tone.applied))


def is_unique_in_views(picture: Picture, piece: View, views: Iterable[View], jpeg_quality: int) -> bool:
    """Whether the piece still matches only its own place after all views are resized and compressed.

    When fine textures such as twigs are resized, they can change so much that they no longer match their own place.
    """
    pixels, window = gray(_composed(picture, piece, jpeg_quality)), piece.window
    for view in views:
        scene = Scene.of_view(_composed(picture, view, jpeg_quality), view.window)
        if not only_at(pixels, (window.width, window.height), scene, scene.home(window)):
            return False
    return True


def _composed(picture: Picture, view: View, jpeg_quality: int) -> Pixels:
    """The pixels of a view in the release. A view that shows the whole photo at its original size is the unchanged
    photo.
    """
    height, width = picture.pixels.shape[:2]
    steps = view.steps((width, height), jpeg_quality)
    if not steps:
        return picture.pixels
    encoded = compose(picture.pixels, (), [{"name": s.name, "values": list(s.values)} for s in steps], "the photo")
    return np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def piece_view(photo: int, piece: Piece, config: BuildConfig, rng: np.random.Generator) -> View:
    """The piece as a separate image, at its size in the photo or enlarged by a random factor that keeps it sharp."""
    window, tone = piece.window, piece.tone
    scale = min(
        float(np.exp(rng.uniform(0, np.log(min(config.limits.enlargement, MOST_ENLARGED))))),
        max(config.intra.view_sizes) / max(window.width, window.height),
    )
    size = max(round(window.width * scale), 1), max(round(window.height * scale), 1)
    frame = window.x1, window.y1, window.x2, window.y2
    crop, resize, encode = window_operations(frame, size, config.intra.jpeg_quality)
    return View(photo, window, *size, REFERENCE, operations=(crop, resize, *tone.operations, encode))
