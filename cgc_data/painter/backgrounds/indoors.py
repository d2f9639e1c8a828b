"""Indoor backgrounds. They never show objects of the annotated kinds."""

import numpy as np

from cgc_data.painter.backgrounds.outdoors import GRASS, SKIES
from cgc_data.painter.pen import WHITE, Color, darker, lighter, mix
from cgc_data.painter.stage import Stage

WALLS: tuple[Color, ...] = (
    (226, 214, 190), (196, 214, 204), (222, 198, 190), (198, 206, 224), (238, 226, 196), (186, 198, 186),
)  # fmt: skip
WOODS: tuple[Color, ...] = ((196, 148, 104), (170, 122, 84), (216, 178, 136), (150, 112, 88))


def _wall(stage: Stage, bottom: float) -> Color:
    wall = stage.choose(*WALLS)
    stage.box(0, 0, 1, bottom, wall)
    pattern = int(stage.rng.integers(4))
    if pattern == 0:
        for x in np.arange(0, 1, 0.08):
            stage.box(float(x), 0, float(x) + 0.04, bottom, lighter(wall, 0.2))
    elif pattern == 1:
        for row, y in enumerate(np.arange(0.03, bottom, 0.07)):
            for x in np.arange(0.02 + 0.035 * (row % 2), 1, 0.07):
                stage.disc(float(x), float(y), 0.007, lighter(wall, 0.45))
    elif pattern == 2:
        stage.box(0, bottom * 0.62, 1, bottom, darker(wall, 0.12))
    stage.mottle(0, bottom, 2, (60, 60))
    return wall


def _tiles(stage: Stage, bottom: float) -> None:
    tile = stage.choose((226, 232, 228), (204, 222, 222), (236, 224, 206))
    stage.box(0, 0, 1, bottom, tile)
    step = 0.11
    for row, y in enumerate(np.arange(0, bottom, step)):
        stage.line([(0, float(y)), (1, float(y))], 0.006, darker(tile, 0.14))
        for x in np.arange((row % 2) * 0.05, 1, 0.1):
            stage.line([(float(x), float(y)), (float(x), min(float(y) + step, bottom))], 0.006, darker(tile, 0.14))
    for _ in range(6):
        x, y = stage.rng.integers(0, 9), stage.rng.integers(0, max(int(bottom / step), 1))
        left, top = 0.05 * (y % 2) + 0.1 * x + 0.006, y * step + 0.008
        stage.box(left, top, left + 0.088, min(top + step - 0.014, bottom), mix(tile, (120, 170, 180), 0.35))


def _window(stage: Stage, x: float, y: float, width: float, height: float) -> None:
    stage.box(x - 0.014, y - 0.018, x + width + 0.014, y + height + 0.018, WHITE)
    sky = stage.choose(*SKIES)
    stage.box(x, y, x + width, y + height, sky)
    base, right = y + height, x + width
    hill = [(x, y + height * 0.7), (x + width * 0.5, y + height * 0.55), (right, y + height * 0.75)]
    stage.polygon([(x, base), *hill, (right, base)], mix(GRASS[0], sky, 0.35))
    stage.line([(x + width / 2, y), (x + width / 2, y + height)], 0.014, WHITE)
    stage.line([(x, y + height / 2), (x + width, y + height / 2)], 0.014, WHITE)


def _picture(stage: Stage, x: float, y: float, size: float) -> None:
    stage.box(x, y, x + size, y + size * 1.2, stage.choose(*WOODS))
    stage.box(x + 0.015, y + 0.018, x + size - 0.015, y + size * 1.2 - 0.018, WHITE)
    tone = stage.choose((206, 130, 110), (120, 160, 170), (216, 180, 100))
    stage.polygon(
        [(x + 0.02, y + size * 1.1), (x + size * 0.5, y + size * 0.4), (x + size - 0.02, y + size * 1.1)], tone
    )


def _decorate(stage: Stage, bottom: float) -> None:
    """Draw a window, a picture, or both on a wall."""
    side = float(stage.rng.choice([0.06, 0.6]))
    if stage.rng.random() < 0.6:
        _window(stage, side, 0.08, 0.3, bottom * 0.6)
    if stage.rng.random() < 0.7:
        _picture(stage, float(stage.rng.uniform(0.42, 0.5)), 0.07, 0.11)


def _planks(stage: Stage, top: float, wood: Color, rows: int) -> None:
    stage.gradient(top, 1, darker(wood, 0.08), wood)
    for k in range(rows + 1):
        y = top + (1 - top) * (k / rows) ** 1.4
        stage.line([(0, y), (1, y)], 0.005, darker(wood, 0.25))
        for x in stage.rng.uniform(0, 1, 2):
            stage.line(
                [(float(x), y), (float(x), min(y + (1 - top) / rows * (0.4 + k / rows), 1))], 0.005, darker(wood, 0.25)
            )
    stage.mottle(top, 1, 4, (90, 5))


def kitchen(stage: Stage) -> None:
    """A kitchen."""
    _tiles(stage, 0.42)
    if stage.rng.random() < 0.6:
        _window(stage, float(stage.rng.uniform(0.08, 0.6)), 0.03, 0.26, 0.26)
    _planks(stage, 0.4, stage.choose(*WOODS), 6)


def dining(stage: Stage) -> None:
    """A dining room."""
    _wall(stage, 0.3)
    cloth = stage.choose((236, 230, 218), (206, 222, 226), (240, 214, 200), (222, 226, 200))
    stage.box(0, 0.28, 1, 1, cloth)
    tone = mix(cloth, stage.choose((206, 90, 80), (90, 130, 180), (110, 150, 100)), 0.22)
    for x in np.arange(-0.3, 1.3, 0.13):
        stage.polygon([(0.5 + (x - 0.5) * 0.7, 0.28), (0.5 + (x - 0.45) * 0.7, 0.28), (x + 0.07, 1), (x, 1)], tone)
    for k in range(6):
        y = 0.3 + 0.7 * (k / 6) ** 1.3
        stage.box(0, y, 1, y + 0.02 + 0.008 * k, mix(tone, cloth, 0.4))
    stage.mottle(0.28, 1, 2, (8, 8))


def living_room(stage: Stage) -> None:
    """A living room."""
    wall = _wall(stage, 0.62)
    _decorate(stage, 0.6)
    _planks(stage, 0.6, stage.choose(*WOODS), 4)
    stage.box(0, 0.58, 1, 0.61, lighter(wall, 0.5))
    rug = stage.choose((190, 100, 90), (100, 130, 160), (200, 170, 110))
    stage.disc(0.5, 0.84, 0.55, rug, flat=0.22)
    stage.disc(0.5, 0.84, 0.48, lighter(rug, 0.3), flat=0.2)


def playroom(stage: Stage) -> None:
    """A playroom."""
    wall = _wall(stage, 0.56)
    for _ in range(7):
        x, y = stage.rng.uniform((0, 0.05), (1, 0.42))
        stage.disc(float(x), float(y), float(stage.rng.uniform(0.015, 0.045)), mix(wall, (240, 180, 90), 0.3))
    carpet = stage.choose((150, 178, 196), (206, 180, 196), (186, 196, 150))
    stage.box(0, 0.55, 1, 1, carpet)
    stage.box(0, 0.53, 1, 0.56, WHITE)
    stage.mottle(0.56, 1, 5, (6, 5))


def desk(stage: Stage) -> None:
    """A desk in front of a wall."""
    wall = _wall(stage, 0.5)
    x = float(stage.rng.uniform(0.1, 0.5))
    stage.box(x, 0.05, x + 0.34, 0.34, (196, 158, 110))
    for dx, dy, tone in ((0.03, 0.04, (250, 236, 150)), (0.14, 0.07, (190, 220, 236)), (0.23, 0.03, (244, 190, 190))):
        stage.polygon(
            [(x + dx, 0.05 + dy), (x + dx + 0.08, 0.06 + dy), (x + dx + 0.075, 0.17 + dy), (x + dx, 0.16 + dy)], tone
        )
    stage.box(0, 0.47, 1, 0.5, darker(wall, 0.2))
    _planks(stage, 0.49, stage.choose(*WOODS), 3)


def station(stage: Stage) -> None:
    """A station hall."""
    wall = stage.choose((206, 196, 180), (184, 196, 206), (210, 186, 170))
    stage.gradient(0, 0.62, lighter(wall, 0.3), wall)
    for x in np.arange(-0.05, 1, 0.27):
        stage.box(float(x), 0.1, float(x) + 0.2, 0.5, mix(wall, SKIES[0], 0.6))
        stage.disc(float(x) + 0.1, 0.1, 0.1 * stage.width / min(stage.width, stage.height), mix(wall, SKIES[0], 0.6))
        stage.box(float(x) + 0.22, 0, float(x) + 0.25, 0.62, darker(wall, 0.16))
    floor = stage.choose((216, 210, 200), (196, 190, 196))
    stage.box(0, 0.6, 1, 1, floor)
    for k in range(6):
        y = 0.6 + 0.4 * (k / 5) ** 1.5
        stage.line([(0, y), (1, y)], 0.005, darker(floor, 0.16))
    for x in np.arange(-1, 2, 0.2):
        stage.line([(0.5 + (x - 0.5) * 0.5, 0.6), (float(x), 1)], 0.005, darker(floor, 0.16))
    stage.mottle(0.6, 1, 2, (20, 12))


def market(stage: Stage) -> None:
    """A market."""
    wall = stage.choose((176, 120, 104), (140, 150, 160), (186, 170, 150))
    stage.box(0, 0, 1, 0.45, wall)
    for row, y in enumerate(np.arange(0.14, 0.45, 0.045)):
        stage.line([(0, float(y)), (1, float(y))], 0.004, lighter(wall, 0.25))
        for x in np.arange(0.04 * (row % 2), 1, 0.08):
            stage.line([(float(x), float(y)), (float(x), float(y) + 0.045)], 0.004, lighter(wall, 0.25))
    tone = stage.choose((206, 80, 72), (70, 130, 120), (84, 120, 180))
    for k in range(10):
        color = tone if k % 2 else WHITE
        stage.box(k / 10, 0, k / 10 + 0.1, 0.13, color)
        stage.disc(k / 10 + 0.05, 0.13, 0.05 * stage.width / min(stage.width, stage.height), color, flat=0.8)
    _planks(stage, 0.43, stage.choose(*WOODS), 5)


def plain(stage: Stage) -> None:
    """A background of two flat colors, the easiest background for a model."""
    wall, table = stage.choose(*WALLS), stage.choose((206, 196, 186), (180, 188, 196), (214, 206, 178))
    horizon = float(stage.rng.uniform(0.2, 0.4))
    stage.box(0, 0, 1, 1, wall)
    stage.box(0, horizon, 1, 1, table)
