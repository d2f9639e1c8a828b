"""Devices, luggage, and toys."""

import numpy as np

from cgc_data.painter.kinds.base import Kind, Palette
from cgc_data.painter.pen import INK, WHITE, Pen, darker, lighter

SCREEN, STEEL, DARK = (60, 84, 116), (198, 204, 212), (56, 58, 70)


def tv(pen: Pen, variant: int, palette: Palette) -> None:
    """A television."""
    case, glow = palette
    if variant == 2:  # an old one with antennas and knobs
        for x in (40, 88):
            pen.line([(64, 26), (x, 2)], 3, DARK)
        for x in (30, 104):
            pen.box(x - 5, 92, x + 5, 104, DARK)
        pen.box(8, 22, 126, 96, case, radius=10)
        pen.box(18, 32, 94, 86, glow, radius=14)
        for y in (44, 62):
            pen.ellipse(110, y, 7, 7, WHITE)
        pen.line([(32, 68), (52, 42)], 5, lighter(glow, 0.4), edge=False)
        return
    pen.box(58, 82, 76, 98, darker(case, 0.1))
    pen.box(38, 95, 96, 102, case, radius=3)
    pen.box(2, 6, 132, 86, case, radius=5)
    pen.box(8, 12, 126, 79, glow, shade=False)
    pen.polygon([(20, 70), (54, 18), (76, 18), (42, 70)], lighter(glow, 0.25), edge=False, shade=False)
    if variant == 1:
        pen.ellipse(98, 34, 10, 10, (250, 214, 110), edge=False)
        pen.polygon([(62, 78), (90, 46), (126, 78)], (92, 156, 108), edge=False)


def laptop(pen: Pen, variant: int, palette: Palette) -> None:
    """A laptop."""
    case, glow = palette
    pen.box(20, 4, 120, 70, case, radius=5)
    pen.box(26, 10, 114, 64, glow, shade=False)
    if variant == 0:
        for k, y in enumerate((20, 30, 40, 50)):
            pen.line([(34, y), (70 + 9 * (k % 3), y)], 3, lighter(glow, 0.7), edge=False)
    elif variant == 1:
        pen.polygon([(26, 64), (58, 30), (78, 50), (92, 38), (114, 64)], (96, 160, 110), edge=False)
    else:
        pen.ellipse(70, 37, 14, 14, lighter(glow, 0.7), edge=False)
    pen.polygon([(20, 70), (120, 70), (138, 94), (2, 94)], case)
    pen.polygon([(26, 74), (114, 74), (122, 84), (18, 84)], DARK, edge=False, shade=False)
    pen.polygon([(56, 86), (84, 86), (86, 91), (54, 91)], darker(case, 0.3), edge=False, shade=False)
    pen.box(2, 93, 138, 98, darker(case), radius=2)


def mouse(pen: Pen, variant: int, palette: Palette) -> None:
    """A computer mouse."""
    shell, wheel = palette
    if variant == 1:
        pen.line([(40, 16), (36, 2), (52, -6)], 4, DARK)
    pen.ellipse(40, 58, 32, 46, shell)
    pen.line([(40, 13), (40, 54)], 2, darker(shell, 0.5), edge=False)
    pen.line([(9, 54), (40, 58), (71, 54)], 2, darker(shell, 0.5), edge=False)
    pen.box(35, 26, 45, 44, wheel, radius=5)


def keyboard(pen: Pen, variant: int, palette: Palette) -> None:
    """A keyboard."""
    case, keys = palette
    pen.polygon([(10, 6), (190, 6), (198, 66), (2, 66)], case)
    for row in range(3):
        count, y = 11 + variant, 12 + 14 * row
        left, step = 16 - 3 * row, (168 + 6 * row) / count
        for k in range(count):
            pen.box(left + k * step, y, left + (k + 0.78) * step, y + 10, keys, radius=2, edge=False)
    pen.box(56, 54, 140, 62, keys, radius=2, edge=False)


def cell_phone(pen: Pen, variant: int, palette: Palette) -> None:
    """A cell phone."""
    case, glow = palette
    pen.box(6, 4, 58, 106, case, radius=10)
    if variant == 1:  # with keys
        pen.box(12, 14, 52, 50, glow, shade=False)
        for y in (60, 72, 84):
            for x in (14, 28, 42):
                pen.box(x, y, x + 9, y + 7, WHITE, radius=2, edge=False)
        return
    pen.box(11, 12, 53, 96, glow, radius=3, shade=False)
    for k in range(6):
        x, y = 17 + 17 * (k % 2), 24 + 20 * (k // 2)
        pen.box(x, y, x + 12, y + 12, ((246, 196, 80), (236, 110, 100), WHITE)[k % 3], radius=3, edge=False)
    pen.line([(24, 101), (40, 101)], 2.5, lighter(case), edge=False)


def backpack(pen: Pen, variant: int, palette: Palette) -> None:
    """A backpack."""
    cloth, pocket = palette
    pen.line([(38, 16), (42, 4), (58, 4), (62, 16)], 5, darker(cloth))
    for a in (-1, 1):
        pen.box(50 + a * 42 - 9, 58, 50 + a * 42 + 9, 108, darker(cloth, 0.15), radius=8)
    pen.blob(
        [(16, 40), (24, 16), (50, 8), (76, 16), (84, 40), (88, 80), (84, 112), (50, 116), (16, 112), (12, 80)], cloth
    )
    pen.box(24, 66, 76, 108, pocket, radius=9)
    pen.line([(30, 78), (70, 78)], 3, WHITE, edge=False)
    if variant == 1:
        pen.blob([(20, 24), (50, 12), (80, 24), (78, 46), (50, 54), (22, 46)], pocket)
        pen.box(45, 44, 55, 60, WHITE, radius=2)
    else:
        pen.line([(24, 46), (30, 28), (50, 22), (70, 28), (76, 46)], 3, WHITE, edge=False)


def suitcase(pen: Pen, variant: int, palette: Palette) -> None:
    """A suitcase."""
    shell, trim = palette
    if variant == 1:  # on wheels, with a tall handle
        for x in (30, 70):
            pen.line([(x, 34), (x, 4)], 4, STEEL)
            pen.dot(x - 6 + (x > 50) * 12, 124, 6)
        pen.line([(30, 4), (70, 4)], 6, DARK)
        pen.box(12, 30, 88, 120, shell, radius=9)
        for x in (30, 43, 57, 70):
            pen.line([(x, 40), (x, 110)], 3, darker(shell, 0.25), edge=False)
        return
    pen.line([(36, 42), (36, 26), (64, 26), (64, 42)], 6, trim, curved=False)
    pen.box(-10, 40, 110, 122, shell, radius=9)
    for x in (12, 88):
        pen.box(x - 6, 40, x + 6, 122, trim)
        pen.box(x - 5, 58, x + 5, 68, (236, 200, 100), radius=2)


def umbrella(pen: Pen, variant: int, palette: Palette) -> None:
    """An umbrella."""
    first, second = palette
    pen.line([(70, 8), (70, 122), (62, 132), (52, 126)] if variant != 1 else [(70, 8), (70, 134)], 5, (122, 86, 60))
    pen.line([(70, 12), (70, 2)], 4, darker(first))
    edges, top = (2, 36, 70, 104, 138), (70, 8)
    for k in range(4):
        x1, x2 = edges[k], edges[k + 1]
        lean = [
            (x1 + (70 - x1) * t + np.sign(x1 - 70) * 22 * t * (1 - t), 62 - 54 * t**0.6) for t in np.linspace(0, 1, 9)
        ]
        back = [
            (x2 + (70 - x2) * t + np.sign(x2 - 70) * 22 * t * (1 - t), 62 - 54 * t**0.6) for t in np.linspace(1, 0, 9)
        ]
        hem = [((x1 + x2) / 2 + (x2 - x1) / 2 * c, 62 - 9 * (1 - c * c)) for c in np.linspace(0.8, -0.8, 7)]
        pen.polygon([*lean, *back, *hem], first if variant == 2 or k % 2 == 0 else second)
    pen.dot(*top, 3, darker(first, 0.5))


def ball(pen: Pen, variant: int, palette: Palette) -> None:
    """A sports ball."""
    first, second = palette
    pen.ellipse(50, 50, 47, 47, first)
    if variant == 0:  # soccer
        for k in range(5):
            a = k * 2 * np.pi / 5 - np.pi / 2
            x, y = 50 + 38 * np.cos(a), 50 + 38 * np.sin(a)
            pen.line([(50, 50), (x, y)], 2, INK, edge=False)
            points = np.arange(-1.3, 1.31, 0.65) + a
            pen.polygon(
                [(50 + 46 * np.cos(b * 0.3 + a * 0.7), 50 + 46 * np.sin(b * 0.3 + a * 0.7)) for b in points]
                + [(x - 11 * np.cos(a), y - 11 * np.sin(a))],
                INK,
                edge=False,
            )
        pen.polygon([(50 + 16 * np.cos(a), 50 + 16 * np.sin(a)) for a in np.arange(5) * 2 * np.pi / 5 - np.pi / 2], INK)
    elif variant == 1:  # beach ball
        for k in range(0, 6, 2):
            t = np.deg2rad(np.linspace(k * 60, k * 60 + 60, 12))
            pen.polygon([(50, 44), *((50 + 46 * np.cos(a), 50 + 46 * np.sin(a)) for a in t)], second, edge=False)
        pen.ellipse(50, 44, 7, 6, WHITE)
    else:  # basketball
        for path in (
            [(50, 3), (50, 97)],
            [(3, 50), (97, 50)],
            [(18, 16), (34, 50), (18, 84)],
            [(82, 16), (66, 50), (82, 84)],
        ):
            pen.line(path, 3, INK, edge=False)
    pen.ellipse(32, 24, 9, 5, lighter(first, 0.7), edge=False, shade=False)


def kite(pen: Pen, variant: int, palette: Palette) -> None:
    """A kite."""
    first, second = palette
    pen.line([(50, 96), (42, 112), (58, 126), (46, 142), (54, 156)], 2.5, INK, edge=False)
    for x, y in ((42, 112), (58, 126), (46, 142)):
        pen.polygon([(x, y), (x - 9, y - 6), (x - 9, y + 6), (x + 9, y - 6), (x + 9, y + 6)], second)
    if variant == 1:  # delta
        pen.polygon([(50, 4), (100, 84), (62, 72), (50, 98), (38, 72), (0, 84)], first)
        pen.polygon([(50, 4), (62, 72), (50, 98), (38, 72)], second)
        return
    quarters = (
        [(50, 2), (92, 40), (50, 40)],
        [(50, 2), (8, 40), (50, 40)],
        [(8, 40), (50, 98), (50, 40)],
        [(92, 40), (50, 98), (50, 40)],
    )
    for k, quarter in enumerate(quarters):
        pen.polygon(quarter, first if k % 2 == 0 or variant == 2 else second)
    pen.line([(50, 2), (50, 98)], 2, INK, edge=False)
    pen.line([(8, 40), (92, 40)], 2, INK, edge=False)


RED, BLUE, YELLOW, TEAL, PINK, GREEN = (
    (208, 70, 62),
    (70, 120, 196),
    (246, 200, 72),
    (60, 156, 150),
    (240, 140, 170),
    (110, 160, 80),
)
GLOWS = ((DARK, SCREEN), (STEEL, (108, 170, 206)), ((176, 112, 66), (150, 190, 176)))
BAGS = ((RED, (150, 52, 58)), (BLUE, YELLOW), (GREEN, (196, 160, 100)), (PINK, TEAL))
BRIGHT = ((RED, YELLOW), (BLUE, WHITE), (TEAL, PINK), ((150, 90, 170), YELLOW))
BALLS = (("ball", "soccer_ball"), ("ball", "beachball"), ("ball", "basketball"))

KINDS = (
    Kind("tv", tv, (134, 106), 128, GLOWS, (("television_set",),) * 3),
    Kind("laptop", laptop, (140, 102), 132, ((STEEL, SCREEN), (DARK, (108, 170, 206)), (PINK, (150, 120, 180))),
         (("laptop_computer",),) * 3),
    Kind("mouse", mouse, (80, 108), 62,
         ((STEEL, DARK), (DARK, RED), (WHITE, BLUE)), (("mouse_(computer_equipment)",),) * 2, 40),
    Kind("keyboard", keyboard, (200, 72), 64,
         ((DARK, STEEL), (STEEL, WHITE), (WHITE, BLUE)), (("computer_keyboard",),) * 2),
    Kind("cell phone", cell_phone, (64, 110), 96,
         ((DARK, BLUE), (RED, SCREEN), (WHITE, TEAL)), (("cellular_telephone",),) * 2, 40),
    Kind("backpack", backpack, (104, 120), 116, BAGS, (("backpack",),) * 2),
    Kind("suitcase", suitcase, (124, 130), 124,
         ((BLUE, (90, 70, 60)), ((180, 124, 74), (100, 66, 46)), (RED, DARK), (TEAL, DARK)),
         (("suitcase",),) * 2),
    Kind("umbrella", umbrella, (140, 138), 170, BRIGHT, (("umbrella",),) * 3),
    Kind("sports ball", ball, (100, 100), 66, ((WHITE, RED), (YELLOW, BLUE), ((226, 124, 56), PINK)), BALLS, 30),
    Kind("kite", kite, (100, 158), 130, BRIGHT, (("kite",),) * 3, 35),
)  # fmt: skip
