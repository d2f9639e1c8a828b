"""A stage: the sheet on which a background is painted. It has the size of the photo.

Positions are fractions of the width and height of the stage. Backgrounds are flat and have no outlines, so that objects
stand out; noise and strokes add texture.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from cgc_data.painter.pen import Bytes, Color, Point, darker, lighter

_SHIFT = 4


class Stage:
    """Paints into `pixels`, an RGB array of shape (height, width, 3)."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.width, self.height, self.rng = width, height, rng
        self.pixels: Bytes = np.zeros((height, width, 3), np.uint8)

    def choose(self, *colors: Color) -> Color:
        """Choose one of the colors, and make it slightly lighter or darker."""
        color = colors[int(self.rng.integers(len(colors)))]
        amount = float(self.rng.uniform(-0.12, 0.15))
        return lighter(color, amount) if amount > 0 else darker(color, -amount)

    def polygon(self, points: Sequence[Point], color: Color) -> None:
        """Fill a polygon with smooth edges."""
        scaled = np.asarray(points, dtype=np.float64) * (self.width, self.height) * (1 << _SHIFT)
        cv2.fillPoly(self.pixels, [np.round(scaled).astype(np.int32)], color, lineType=cv2.LINE_AA, shift=_SHIFT)

    def box(self, x1: float, y1: float, x2: float, y2: float, color: Color) -> None:
        """Fill an upright rectangle."""
        self.polygon([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], color)

    def disc(self, x: float, y: float, radius: float, color: Color, *, flat: float = 1.0) -> None:
        """Fill an ellipse.

        `radius` is a fraction of the stage's shorter side, and `flat` is the ratio of height to width.
        """
        reach = radius * min(self.width, self.height)
        center = (round(x * self.width * (1 << _SHIFT)), round(y * self.height * (1 << _SHIFT)))
        axes = (max(round(reach * (1 << _SHIFT)), 1), max(round(reach * flat * (1 << _SHIFT)), 1))
        cv2.ellipse(self.pixels, center, axes, 0, 0, 360, color, -1, cv2.LINE_AA, _SHIFT)

    def line(self, points: Sequence[Point], width: float, color: Color) -> None:
        """Draw a stroke whose `width` is a fraction of the stage's shorter side."""
        path = np.round(np.asarray(points) * (self.width, self.height) * (1 << _SHIFT)).astype(np.int32)
        thick = max(round(width * min(self.width, self.height)), 1)
        cv2.polylines(self.pixels, [path], False, color, thick, cv2.LINE_AA, _SHIFT)

    def gradient(self, y1: float, y2: float, top: Color, bottom: Color) -> None:
        """Fill a full-width band with a gradient from one color to another."""
        first, last = round(y1 * self.height), round(y2 * self.height)
        share = np.linspace(0, 1, max(last - first, 1))[:, None, None]
        self.pixels[first:last] = np.round(np.array(top) * (1 - share) + np.array(bottom) * share)

    def wave(self, y: float, swing: float, color: Color) -> None:
        """Fill everything below a soft random curve around height `y`, for example to paint hills or surf."""
        x = np.linspace(0, 1, 60)
        phase = self.rng.uniform(0, 2 * np.pi, 3)
        curve = sum(np.sin((2.5 * k + 2) * x + p) / (k + 1) for k, p in enumerate(phase))
        self.polygon([(0, 1), *zip(x, y + swing * curve, strict=True), (1, 1)], color)

    def mottle(self, y1: float, y2: float, strength: float, cell: tuple[int, int]) -> None:
        """Vary the brightness of a band with smooth noise. `cell` is the size of the noise cells (width, height) in
        pixels. Long cells look like wood.
        """
        first, last = round(y1 * self.height), round(y2 * self.height)
        band = self.pixels[first:last]
        grid = (-(-len(band) // cell[1]) + 1, -(-self.width // cell[0]) + 1)
        noise = self.rng.standard_normal(grid).astype(np.float32) * np.float32(strength)
        field = cv2.resize(noise, (self.width, len(band)), interpolation=cv2.INTER_CUBIC)
        band[:] = np.clip(band + field[:, :, None], 0, 255)

    def strokes(self, y1: float, y2: float, count: int, color: Color, reach: Point) -> None:
        """Scatter short strokes of extent `reach` (x, y in pixels), for example to paint grass, ripples, or grains."""
        starts = self.rng.uniform((0, y1 * self.height), (self.width, y2 * self.height), (count, 2))
        ends = starts + np.array(reach) * self.rng.uniform(0.5, 1.3, (count, 1))
        for path in np.round(np.stack((starts, ends), axis=1)).astype(np.int32):
            cv2.line(self.pixels, path[0].tolist(), path[1].tolist(), color, 1, cv2.LINE_AA)
