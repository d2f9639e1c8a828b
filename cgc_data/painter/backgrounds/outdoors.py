"""Outdoor backgrounds. They never show objects of the annotated kinds."""

import numpy as np

from cgc_data.painter.pen import WHITE, Color, darker, lighter, mix
from cgc_data.painter.stage import Stage

SKIES: tuple[Color, ...] = ((150, 200, 232), (176, 214, 236), (244, 206, 176), (196, 206, 222))
GRASS: tuple[Color, ...] = ((140, 182, 98), (122, 170, 100), (164, 186, 102))


def _sky(stage: Stage, bottom: float) -> None:
    sky = stage.choose(*SKIES)
    stage.gradient(0, bottom, sky, lighter(sky, 0.55))
    for _ in range(int(stage.rng.integers(1, 5))):
        x, y = stage.rng.uniform((0, 0.04), (1, bottom * 0.6))
        for dx, dy, radius in ((-0.06, 0.012, 0.04), (0, 0, 0.06), (0.06, 0.01, 0.045)):
            stage.disc(x + dx, y + dy, radius, lighter(sky, 0.75), flat=0.6)


def _tree(stage: Stage, x: float, y: float, size: float) -> None:
    leaf = stage.choose((94, 146, 86), (120, 160, 84), (82, 128, 92))
    stage.box(x - 0.012 * size, y - 0.2 * size, x + 0.012 * size, y, (128, 98, 76))
    if stage.rng.random() < 0.35:  # a fir
        for k in range(3):
            half, top = (0.1 - 0.02 * k) * size, y - (0.28 + 0.1 * k) * size
            stage.polygon(
                [(x - half, top + 0.16 * size), (x, top), (x + half, top + 0.16 * size)], darker(leaf, 0.06 * k)
            )
        return
    for dx, dy, radius in ((-0.05, -0.24, 0.09), (0.05, -0.26, 0.09), (0, -0.34, 0.1)):
        stage.disc(x + dx * size, y + dy * size, radius * size, leaf)
    stage.disc(x - 0.03 * size, y - 0.35 * size, 0.04 * size, lighter(leaf, 0.2))


def _trees(stage: Stage, y: float, count: int, size: float) -> None:
    for x in np.sort(stage.rng.uniform(0, 1, count)):
        _tree(stage, float(x), y + float(stage.rng.uniform(-0.02, 0.02)), size * float(stage.rng.uniform(0.7, 1.3)))


def _grass(stage: Stage, top: float, color: Color) -> None:
    stage.mottle(top, 1, 4, (40, 16))
    stage.strokes(top, 1, 260, darker(color, 0.16), (2, -6))
    stage.strokes(top, 1, 160, lighter(color, 0.25), (-2, -6))


def street(stage: Stage) -> None:
    """A street."""
    _sky(stage, 0.6)
    x = -0.05
    while x < 1:
        width, top = stage.rng.uniform((0.14, 0.06), (0.26, 0.32))
        front = stage.choose((222, 172, 140), (196, 186, 204), (232, 214, 170), (170, 196, 196), (206, 150, 140))
        stage.box(x, top, x + width, 0.6, front)
        stage.box(x, top, x + width, top + 0.02, darker(front, 0.25))
        for wy in np.arange(top + 0.06, 0.5, 0.11):
            for wx in np.arange(x + 0.025, x + width - 0.03, 0.055):
                stage.box(float(wx), float(wy), float(wx) + 0.03, float(wy) + 0.06, mix(front, (90, 110, 140), 0.55))
        x += float(width)
    stage.box(0, 0.58, 1, 0.7, (204, 198, 190))
    stage.box(0, 0.69, 1, 0.71, (168, 162, 158))
    stage.gradient(0.71, 1, (124, 124, 132), (140, 140, 146))
    stage.mottle(0.58, 1, 4, (7, 5))
    for k in range(6):
        stage.box(0.02 + 0.19 * k, 0.85, 0.12 + 0.19 * k, 0.865, (238, 232, 210))


def park(stage: Stage) -> None:
    """A park."""
    _sky(stage, 0.56)
    grass = stage.choose(*GRASS)
    stage.wave(0.46, 0.03, mix(grass, SKIES[0], 0.4))
    stage.wave(0.52, 0.02, mix(grass, SKIES[0], 0.15))
    _trees(stage, 0.57, int(stage.rng.integers(4, 9)), 0.95)
    stage.box(0, 0.55, 1, 1, grass)
    if stage.rng.random() < 0.6:
        left, right = float(stage.rng.uniform(0.2, 0.6)), float(stage.rng.uniform(0, 0.5))
        stage.polygon([(left, 0.55), (left + 0.06, 0.55), (right + 0.5, 1), (right, 1)], (222, 204, 168))
    _grass(stage, 0.55, grass)


def farm(stage: Stage) -> None:
    """A farm."""
    _sky(stage, 0.5)
    grass = stage.choose((176, 186, 104), (150, 182, 96), (206, 184, 110))
    stage.wave(0.42, 0.03, mix(grass, (120, 160, 120), 0.5))
    x = float(stage.rng.uniform(0.1, 0.65))
    stage.box(x, 0.3, x + 0.22, 0.52, (176, 82, 70))
    stage.polygon([(x - 0.02, 0.31), (x + 0.04, 0.21), (x + 0.18, 0.21), (x + 0.24, 0.31)], (122, 76, 72))
    stage.box(x + 0.08, 0.38, x + 0.14, 0.52, (240, 226, 200))
    _trees(stage, 0.52, 3, 0.7)
    stage.box(0, 0.5, 1, 1, grass)
    _grass(stage, 0.5, grass)
    for y in (0.53, 0.57):
        stage.line([(0, y), (1, y)], 0.011, (236, 222, 196))
    for post in np.arange(0.03, 1, 0.11):
        stage.line([(float(post), 0.5), (float(post), 0.61)], 0.016, (236, 222, 196))


def beach(stage: Stage) -> None:
    """A beach."""
    _sky(stage, 0.4)
    sea = stage.choose((86, 160, 190), (96, 176, 182), (110, 150, 190))
    stage.gradient(0.38, 0.62, darker(sea, 0.1), lighter(sea, 0.25))
    stage.strokes(0.4, 0.56, 70, lighter(sea, 0.6), (16, 0))
    stage.wave(0.58, 0.012, WHITE)
    sand = stage.choose((236, 212, 160), (228, 200, 150))
    stage.wave(0.6, 0.012, sand)
    stage.mottle(0.62, 1, 5, (5, 4))
    stage.strokes(0.68, 1, 60, darker(sand, 0.14), (9, 1))


def lake(stage: Stage) -> None:
    """A lake."""
    _sky(stage, 0.42)
    hill = stage.choose((120, 158, 130), (140, 150, 170))
    stage.wave(0.32, 0.04, mix(hill, SKIES[0], 0.45))
    stage.wave(0.38, 0.03, hill)
    water = stage.choose((100, 160, 190), (86, 146, 170), (130, 176, 190))
    stage.gradient(0.42, 1, lighter(water, 0.3), water)
    stage.mottle(0.42, 1, 4, (70, 8))
    stage.strokes(0.44, 1, 150, lighter(water, 0.5), (20, 0))
