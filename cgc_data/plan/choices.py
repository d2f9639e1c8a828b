"""Candidate windows of one photo. Each window contains a unique piece: the piece matches only one place in the window,
and no other candidate shows any part of it.

Because every candidate contains a unique piece, the existence of such a piece does not reveal the target.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgc_data.geometry import Window
from cgc_data.plan.colors import Colors
from cgc_data.plan.pieces import DRAWN, Piece, apart, draw_rectangles, draw_tone, is_unique, windows_of
from cgc_data.plan.resemblance import LEAST_SPREAD, Picture, Scene

COVERED = (0.45, 0.7)  # share of the photo covered by all windows together, ignoring overlap
MOST_COMMON = 0.25  # IoU of two windows
AREA = (0.08, 0.25)  # share of its window that a piece covers
LEAST_SIDE = 56  # photo pixels, shorter side of a piece
WINDOWS, PIECES = 4, 3  # windows tried per position, and pieces tried per window
PLACES, TONES = 12, 2  # places tried per window, and colors tried per place, so that some do not reveal the place
TOLD = 0.05  # share of places that colors can reveal; with none, the most similar place would always be wrong


@dataclass(frozen=True)
class Candidate:
    """A window, and a piece that matches only one place in the window."""

    scene: Scene
    piece: Piece


def draw_candidates(
    picture: Picture, whole: Window, count: int, longer: float, rng: np.random.Generator
) -> list[Candidate]:
    """Windows of one size, with a longer side of at least `longer` pixels; fewer than `count` if the photo has no room
    for more.
    """
    share = float(rng.uniform(*COVERED)) / count
    shapes = [w for w in windows_of(draw_rectangles(whole, (share, share), 1, rng)) if max(w.width, w.height) >= longer]
    found: list[Candidate] = []
    while shapes and len(found) < count:
        candidate = _another(picture, whole, shapes[0], found, rng)
        if candidate is None:
            break
        found.append(candidate)
    return found


def _another(
    picture: Picture, whole: Window, shape: Window, others: list[Candidate], rng: np.random.Generator
) -> Candidate | None:
    """Another window of the same shape that contains none of the other windows' pieces."""
    room = np.array([whole.width - shape.width, whole.height - shape.height])
    corner = np.floor(rng.random((DRAWN, 2)) * (room + 1)).astype(np.int64)
    drawn = np.concatenate([corner, corner + np.array([shape.width, shape.height])], axis=1)
    free = apart(drawn, [other.piece.window for other in others])
    windows = [other.scene.window for other in others]
    for window in windows_of(drawn[free & (_common(drawn, windows) <= MOST_COMMON)])[:WINDOWS]:
        scene = Scene.of(picture, window)
        for place in _alone(picture, window, windows, rng)[:PIECES]:
            piece = Piece(place, draw_tone(rng))
            if is_unique(picture, piece, [scene]):
                return Candidate(scene, piece)
    return None


def _alone(picture: Picture, window: Window, others: list[Window], rng: np.random.Generator) -> list[Window]:
    """Textured places in a window that no other window shows, not even in part."""
    drawn = draw_rectangles(window, AREA, LEAST_SIDE, rng)
    return windows_of(drawn[apart(drawn, others) & (picture.spread(drawn) >= LEAST_SPREAD)])


def _common(rectangles: NDArray[np.int64], windows: list[Window]) -> NDArray[np.float64]:
    """Largest IoU (n,) of each rectangle (n, 4) with any of the windows. All have the same size."""
    most = np.zeros(len(rectangles))
    for w in windows:
        sides = np.minimum(rectangles[:, 2:], (w.x2, w.y2)) - np.maximum(rectangles[:, :2], (w.x1, w.y1))
        common = np.clip(sides, 0, None).prod(axis=1)
        most = np.maximum(most, common / (2 * w.width * w.height - common))
    return most


@dataclass(frozen=True)
class Asked:
    """A piece of one of the candidates, and the number of other candidates that are closer to it in color."""

    home: int
    piece: Piece
    nearer: int


def in_colors(picture: Picture, candidates: list[Candidate], rng: np.random.Generator) -> list[Asked]:
    """Pieces of each window. The places and the color changes of pieces are chosen so that colors rarely reveal where a
    piece was cut out.
    """
    windows = [candidate.scene.window for candidate in candidates]
    colors, asked = [Colors(picture, window) for window in windows], []
    for home, window in enumerate(windows):
        others = [*windows[:home], *windows[home + 1 :]]
        for place in _alone(picture, window, others, rng)[:PLACES]:
            pieces = untold_pieces(colors[home], place, rng)
            asked += [Asked(home, piece, _nearer(colors, home, piece)) for piece in pieces]
    return asked


def _nearer(colors: list[Colors], home: int, piece: Piece) -> int:
    """Number of windows that are closer in color to the piece than the right window is.

    Colors are compared in several ways, and the lowest of the resulting numbers is returned.
    """
    shares = colors[home].of(piece)
    distances = np.array([window.distances(shares, window.places(piece.window)) for window in colors])
    return int((distances < distances[home]).sum(axis=0).min())


def untold_pieces(colors: Colors, window: Window, rng: np.random.Generator) -> Iterator[Piece]:
    """Random recolorings of the crop `window` that do not reveal the place of the crop by their colors. For a small
    share of crops, this is not checked, and a single recoloring is returned.
    """
    pieces = [Piece(window, draw_tone(rng)) for _ in range(TONES)]
    if rng.random() < TOLD:
        yield pieces[0]
        return
    places = colors.places(window)
    yield from (piece for piece in pieces if not places.tell(colors.of(piece)))
