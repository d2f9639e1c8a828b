"""A pen that draws flat, outlined, and softly shaded shapes, and records the exact silhouette of the drawing.

Every shape is a polygon in drawing units (x right, y down). One affine map places, rotates, and mirrors the drawing.
Simplification: shapes are not anti-aliased; they are rasterized at three times the final size and scaled down by
averaging.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Color: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float64]

INK: Color = (62, 46, 54)
WHITE: Color = (250, 248, 243)
OVERSAMPLING = 3
_SHIFT = 4  # fractional bits of the coordinates passed to OpenCV


def mix(color: Color, other: Color, share: float) -> Color:
    """`color` mixed with a `share` (0-1) of `other`."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(color, other, strict=True))
    return (r, g, b)


def darker(color: Color, share: float = 0.2) -> Color:
    """`color` moved toward the ink."""
    return mix(color, INK, share)


def lighter(color: Color, share: float = 0.35) -> Color:
    """`color` moved toward white."""
    return mix(color, WHITE, share)


def smooth(points: Sequence[Point], *, closed: bool = True, steps: int = 8) -> Floats:
    """Catmull-Rom curve through `points`, as a dense (N, 2) polyline."""
    p = np.asarray(points, dtype=np.float64)
    ends = (p[-1:], p[:2]) if closed else (p[:1], p[-1:])
    padded = np.concatenate((ends[0], p, ends[1]))
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    dense = curve.reshape(-1, 2)
    return dense if closed else np.concatenate((dense, p[-1:]))


@dataclass(frozen=True)
class Layer:
    """A finished drawing: premultiplied RGB (H, W, 3) and coverage (H, W), both uint8, cropped to the drawn area."""

    pixels: Bytes
    alpha: Bytes

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Mask of the pixels that are at least half covered by the drawing."""
        return self.alpha >= 128

    def paste(self, pixels: Bytes, x: int, y: int) -> None:
        """Blend the drawing over `pixels`: place its upper left corner at (x, y), and clip the parts outside the
        picture.
        """
        here, there = _meet(self.alpha.shape, pixels.shape, x, y)
        rest = (255 - self.alpha[here])[:, :, None].astype(np.uint16)
        pixels[there] = self.pixels[here] + ((pixels[there] * rest + 127) // 255).astype(np.uint8)

    def receive(self, other: "Layer", x: int, y: int) -> None:
        """Blend another layer over this one."""
        other.paste(self.pixels, x, y)
        here, there = _meet(other.alpha.shape, self.alpha.shape, x, y)
        np.maximum(self.alpha[there], other.alpha[here], out=self.alpha[there])

    def cropped(self) -> "Layer":
        """The drawn part."""
        x, y, width, height = cv2.boundingRect(self.alpha)
        part = np.s_[y : y + height, x : x + width]
        return Layer(np.ascontiguousarray(self.pixels[part]), np.ascontiguousarray(self.alpha[part]))

    def placed_mask(self, size: tuple[int, int], x: int, y: int) -> npt.NDArray[np.bool_]:
        """The mask of the drawing, placed at (x, y) in a photo of `size` (width, height)."""
        mask = np.zeros((size[1], size[0]), bool)
        here, there = _meet(self.alpha.shape, mask.shape, x, y)
        mask[there] = self.alpha[here] >= 128
        return mask


class Pen:
    """Draws on a sheet of `size` (width, height) in drawing units.

    `scale` is the number of final pixels per drawing unit, and `turn` is a rotation in degrees.
    """

    def __init__(self, size: Point, scale: float, *, turn: float = 0.0, flip: bool = False) -> None:
        width, height = size
        self._zoom = scale * OVERSAMPLING
        radians = np.deg2rad(turn)
        rotation = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
        self._matrix = rotation @ np.diag([-1.0 if flip else 1.0, 1.0]) * self._zoom
        self._center = np.array([width / 2, height / 2])
        reach = np.abs(self._matrix) @ (self._center * 1.12) + 4 * OVERSAMPLING
        columns, rows = (int(np.ceil(2 * r)) for r in reach)
        self._middle = np.array([columns / 2, rows / 2])
        self._pixels: Bytes = np.zeros((rows, columns, 3), np.uint8)
        self._alpha: Bytes = np.zeros((rows, columns), np.uint8)
        # keeps the outline visible in small drawings and thin in large ones
        self._outline = OVERSAMPLING * float(np.clip(0.011 * scale * max(size), 0.8, 2.4))

    def polygon(self, points: Sequence[Point] | Floats, color: Color, *, edge: bool = True, shade: bool = True) -> None:
        """Fill a closed polygon; `edge` draws its outline, `shade` darkens it at the lower right."""
        contour = self._place(points)
        corner, corner2 = contour.min(axis=0), contour.max(axis=0)
        x, y = (max(int(v) - 8, 0) for v in corner)
        x2, y2 = (int(v) + 9 for v in corner2)
        pixels, alpha = self._pixels[y:y2, x:x2], self._alpha[y:y2, x:x2]
        fixed = _fixed(contour - (x, y))
        inside: Bytes = np.zeros(alpha.shape, np.uint8)
        cv2.fillPoly(inside, [fixed], 255, shift=_SHIFT)
        cv2.fillPoly(pixels, [fixed], color, shift=_SHIFT)
        cv2.bitwise_or(alpha, inside, dst=alpha)
        if shade:
            self._shade(pixels, inside, color, 0.09 * float(min(corner2 - corner)))
        if edge:
            self._stroke(fixed, pixels, alpha, darker(color, 0.72), self._outline, closed=True)

    def blob(self, points: Sequence[Point], color: Color, *, edge: bool = True, shade: bool = True) -> None:
        """Fill the smooth closed curve through `points`."""
        self.polygon(smooth(points), color, edge=edge, shade=shade)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, color: Color, *, edge: bool = True, shade: bool = True,
        arc: Point = (0, 360),
    ) -> None:  # fmt: skip
        """Fill an ellipse, or the part of it between two angles (degrees, clockwise from the right).

        The center (`x`, `y`) and the radii `rx` and `ry` are in drawing units.
        """
        t = np.deg2rad(np.linspace(*arc, 49))
        self.polygon(np.stack((x + rx * np.cos(t), y + ry * np.sin(t)), axis=1), color, edge=edge, shade=shade)

    def box(
        self, x1: float, y1: float, x2: float, y2: float, color: Color, *, radius: float = 0.0, edge: bool = True,
        shade: bool = True,
    ) -> None:  # fmt: skip
        """Fill an upright rectangle with corners rounded by `radius`; all lengths are in drawing units."""
        t = np.deg2rad(np.linspace(0, 90, 7))
        corners = ((x2, y2, 0), (x1, y2, 90), (x1, y1, 180), (x2, y1, 270))
        parts = []
        for x, y, start in corners:
            inner = (x + (-radius if x == x2 else radius), y + (-radius if y == y2 else radius))
            angle = t + np.deg2rad(start)
            parts.append(np.stack((inner[0] + radius * np.cos(angle), inner[1] + radius * np.sin(angle)), axis=1))
        self.polygon(np.concatenate(parts), color, edge=edge, shade=shade)

    def line(
        self, points: Sequence[Point], width: float, color: Color, *, edge: bool = True, curved: bool = True
    ) -> None:
        """Draw a round-ended stroke of `width` units through `points`."""
        path = self._place(smooth(points, closed=False) if curved and len(points) > 2 else points)
        fixed, thick = _fixed(path), width * self._zoom
        if edge:
            self._stroke(fixed, self._pixels, self._alpha, darker(color, 0.72), thick + 2 * self._outline)
        self._stroke(fixed, self._pixels, self._alpha, color, thick)

    def dot(self, x: float, y: float, radius: float, color: Color = INK) -> None:
        """Draw a plain disc, such as an eye, a button, or a lamp."""
        self.ellipse(x, y, radius, radius, color, edge=False, shade=False)

    def finish(self) -> Layer:
        """Scale the drawing down to its final size by averaging, and crop it to the drawn area."""
        rows, columns = (-(-n // OVERSAMPLING) for n in self._alpha.shape)
        border = (0, rows * OVERSAMPLING - len(self._alpha), 0, columns * OVERSAMPLING - self._alpha.shape[1])
        planes = (cv2.copyMakeBorder(a, *border, cv2.BORDER_CONSTANT, value=0) for a in (self._pixels, self._alpha))
        pixels, alpha = (cv2.resize(a, (columns, rows), interpolation=cv2.INTER_AREA) for a in planes)
        return Layer(pixels, alpha).cropped()

    def _place(self, points: Sequence[Point] | Floats) -> Floats:
        placed: Floats = (np.asarray(points, dtype=np.float64) - self._center) @ self._matrix.T + self._middle
        return placed

    @staticmethod
    def _shade(pixels: Bytes, inside: Bytes, color: Color, depth: float) -> None:
        move = np.array([[1, 0, -depth], [0, 1, -depth * 0.8]])
        lit = cv2.warpAffine(inside, move, (inside.shape[1], inside.shape[0]), flags=cv2.INTER_NEAREST)
        pixels[(inside > 0) & (lit == 0)] = darker(color, 0.17)

    @staticmethod
    def _stroke(
        path: npt.NDArray[np.int32], pixels: Bytes, alpha: Bytes, color: Color, width: float, *, closed: bool = False
    ) -> None:
        thickness = max(round(width), 1)
        cv2.polylines(pixels, [path], closed, color, thickness, shift=_SHIFT)
        cv2.polylines(alpha, [path], closed, 255, thickness, shift=_SHIFT)


def _fixed(points: Floats) -> npt.NDArray[np.int32]:
    return np.round(points * (1 << _SHIFT)).astype(np.int32)


def _meet(
    inner: tuple[int, ...], outer: tuple[int, ...], x: int, y: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The area in which the inner array, placed at (x, y), overlaps the outer array: (row, column) slices of each
    array.
    """
    (top, bottom), (left, right) = (
        (min(max(p, 0), m), min(max(p + n, 0), m)) for p, n, m in zip((y, x), inner, outer, strict=False)
    )
    return np.s_[top - y : bottom - y, left - x : right - x], np.s_[top:bottom, left:right]
