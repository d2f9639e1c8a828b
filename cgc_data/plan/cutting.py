"""Cuts pieces from an uncropped photo. The piece to locate appears only once in the photo. The other pieces are shown
with it.
"""

from collections.abc import Sequence

import numpy as np

from cgc_data.geometry import Window
from cgc_data.plan.choices import untold_pieces
from cgc_data.plan.colors import Colors
from cgc_data.plan.pieces import Piece, apart, draw_rectangles, draw_tone, is_unique, windows_of
from cgc_data.plan.resemblance import LEAST_SPREAD, Picture, Scene

LEAST_SIDE = 80  # photo pixels, shorter side of a piece; a smaller one shows too little
AREA = (0.03, 0.1)  # share of the photo that a piece covers
MOST_COVERED = 0.5  # share of the photo that all pieces together cover
PROOFS = 10  # pieces tried before giving up on a photo


def unique_piece(picture: Picture, whole: Window, least: float, rng: np.random.Generator) -> Piece | None:
    """A piece that appears at only one place in the photo. The shorter side of the piece is at least `least` pixels."""
    scene, colors = Scene.of(picture, whole), Colors(picture, whole)
    for window in _textured(picture, whole, (), max(least, LEAST_SIDE), AREA[1], rng)[:PROOFS]:
        piece = next(untold_pieces(colors, window, rng), None)
        if piece and is_unique(picture, piece, [scene]):
            return piece
    return None


def with_others(picture: Picture, whole: Window, asked: Piece, count: int, rng: np.random.Generator) -> list[Piece]:
    """A list of `count` pieces that do not overlap, starting with the piece to locate. The list is shorter if the photo
    has no room for all of them.
    """
    pieces = [asked]
    while len(pieces) < count:
        windows, most = [piece.window for piece in pieces], min(AREA[1], MOST_COVERED / count)
        found = _textured(picture, whole, windows, LEAST_SIDE, most, rng)
        if not found:
            break
        pieces.append(Piece(found[0], draw_tone(rng)))
    return pieces


def _textured(
    picture: Picture, whole: Window, others: Sequence[Window], least: float, most: float, rng: np.random.Generator
) -> list[Window]:
    """Textured places in the photo that do not overlap the other pieces. Each place covers at most the share `most` of
    the photo.
    """
    drawn = draw_rectangles(whole, (AREA[0], most), least, rng)
    return windows_of(drawn[apart(drawn, others) & (picture.spread(drawn) >= LEAST_SPREAD)])
