"""Definition of a kind of object: how to draw it, its possible looks, and its COCO and LVIS names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cgc_data.painter.pen import Color, Layer, Pen, Point

Palette: TypeAlias = tuple[Color, ...]
Draw: TypeAlias = Callable[[Pen, int, Palette], None]


@dataclass(frozen=True)
class Kind:
    """A COCO category that can be drawn.

    `size` is the size of the drawing sheet in drawing units, and `tall` is the usual height in pixels in a photo of 640
    x 480. `looks` contains the LVIS names of each variant, most general first. Each variant exists in every palette.
    `turn` is the largest rotation in degrees; 0 for objects that stand upright. `mirrors` is false for objects with
    letters.
    """

    name: str
    draw: Draw
    size: Point
    tall: float
    palettes: tuple[Palette, ...]
    looks: tuple[tuple[str, ...], ...]
    turn: float = 0.0
    mirrors: bool = True


@dataclass(frozen=True)
class Look:
    """One appearance of a kind."""

    variant: int
    palette: int
    flip: bool = False
    turn: float = 0.0


def sketch(kind: Kind, look: Look, height: float) -> Layer:
    """Draw `kind`. Before rotation, the drawing sheet is `height` pixels tall."""
    pen = Pen(kind.size, height / kind.size[1], turn=look.turn, flip=look.flip)
    kind.draw(pen, look.variant, kind.palettes[look.palette])
    return pen.finish()
