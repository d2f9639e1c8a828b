"""Food: fruit, vegetables, and bakery."""

import numpy as np

from cgc_data.painter.kinds.base import Kind, Palette
from cgc_data.painter.pen import Pen, darker, lighter, mix

LEAF, STALK, CREAM, CRUST = (106, 160, 70), (112, 78, 52), (250, 238, 210), (214, 158, 88)


def apple(pen: Pen, variant: int, palette: Palette) -> None:
    """An apple."""
    skin, cheek = palette
    pen.line([(50, 28), (51, 16), (56, 5)], 5, STALK)
    if variant != 1:
        pen.blob([(54, 16), (66, 3), (88, 5), (74, 18)], LEAF)
    body = [(50, 25), (64, 17), (84, 21), (96, 42), (90, 68), (72, 94), (50, 91), (28, 94), (10, 68), (4, 42), (16, 21)]
    pen.blob([*body, (36, 17)], skin)
    if variant == 2:
        pen.ellipse(68, 56, 17, 23, mix(skin, cheek, 0.3), edge=False, shade=False)
        pen.ellipse(71, 56, 11, 17, mix(skin, cheek, 0.55), edge=False, shade=False)
    pen.ellipse(50, 26, 11, 4, darker(skin, 0.35), edge=False, shade=False)
    pen.ellipse(25, 44, 7, 13, lighter(skin, 0.6), edge=False, shade=False)


def banana(pen: Pen, variant: int, palette: Palette) -> None:
    """A banana."""
    skin, tip = palette
    curve = [(12, 6), (12, 26), (26, 52), (56, 72), (92, 72), (114, 58), (118, 48), (108, 47), (84, 50), (54, 40)]
    pen.blob([*curve, (32, 20), (22, 4)], skin)
    pen.line([(18, 16), (36, 44), (66, 60), (104, 56)], 2, darker(skin, 0.25), edge=False)
    pen.polygon([(10, 2), (23, 0), (26, 12), (12, 14)], tip)
    pen.blob([(112, 46), (120, 45), (119, 54), (112, 57)], darker(tip, 0.4))
    if variant == 1:
        for x, y in ((36, 36), (58, 63), (80, 58), (46, 52), (95, 63)):
            pen.ellipse(x, y, 3, 2, (126, 84, 40), edge=False, shade=False)


def orange(pen: Pen, variant: int, palette: Palette) -> None:
    """An orange."""
    skin, flesh = palette
    pen.ellipse(50, 52, 45, 44, skin)
    if variant == 2:  # halved, with the cut face toward the viewer
        pen.ellipse(50, 52, 39, 38, CREAM, edge=False, shade=False)
        for k in range(8):
            start = k * 45 + 4
            angles = np.deg2rad([start, start + 18, start + 37])
            wedge = [(50 + 34 * np.cos(a), 52 + 33 * np.sin(a)) for a in angles]
            pen.polygon([(50 + 5 * np.cos(angles[1]), 52 + 5 * np.sin(angles[1])), *wedge], flesh, edge=False)
        return
    for x, y in ((30, 66), (44, 78), (62, 72), (74, 56), (60, 34), (40, 50), (70, 82)):
        pen.dot(x, y, 1.6, darker(skin, 0.25))
    pen.ellipse(30, 34, 9, 6, lighter(skin, 0.6), edge=False, shade=False)
    pen.dot(52, 14, 5, darker(LEAF))
    if variant == 0:
        pen.blob([(54, 12), (66, 1), (88, 6), (72, 16)], LEAF)


def carrot(pen: Pen, variant: int, palette: Palette) -> None:
    """A carrot."""
    root, leaf = palette
    for end in ((6, 4), (24, 0), (2, 22)) if variant != 1 else ((16, 6), (8, 16)):
        pen.line([(36, 30), (26, 22), end], 7, leaf)
    pen.blob([(28, 32), (38, 24), (54, 32), (84, 66), (112, 96), (70, 74), (36, 48)], root)
    for x, y in ((46, 34), (60, 58), (74, 64)):
        pen.line([(x, y), (x + 8, y - 3 + variant)], 2, darker(root, 0.3), edge=False)


def pizza(pen: Pen, variant: int, palette: Palette) -> None:
    """A pizza."""
    cheese, topping = palette
    if variant == 0:  # a slice
        pen.polygon([(8, 20), (112, 20), (62, 98)], cheese)
        pen.box(2, 6, 118, 26, CRUST, radius=10)
        spots: tuple[tuple[int, int], ...] = ((36, 40), (78, 42), (58, 66), (60, 34))
    else:
        pen.ellipse(60, 52, 58, 46, CRUST)
        pen.ellipse(60, 50, 48, 37, cheese)
        spots = ((36, 38), (66, 26), (88, 48), (56, 56), (34, 62), (74, 74), (96, 62))
    for k, (x, y) in enumerate(spots):
        pen.ellipse(x, y, 8, 7, topping)
        if variant == 2:
            pen.line([(x + 8, y + 9), (x + 14, y + 5 + 4 * (k % 2))], 4, LEAF, edge=False)
    if variant == 1:
        for angle in np.deg2rad([0, 60, 120]):
            dx, dy = 48 * np.cos(angle), 37 * np.sin(angle)
            pen.line([(60 - dx, 50 - dy), (60 + dx, 50 + dy)], 1.5, darker(cheese, 0.35), edge=False)


def donut(pen: Pen, variant: int, palette: Palette) -> None:
    """A donut."""
    icing, sprinkle = palette
    pen.ellipse(60, 50, 56, 45, CRUST)
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    wave = 1 + 0.05 * np.sin(7 * t)
    pen.polygon(np.stack((60 + 47 * wave * np.cos(t), 47 + 36 * wave * np.sin(t)), axis=1), icing)
    pen.ellipse(60, 47, 18, 12, CRUST)
    pen.ellipse(60, 50, 13, 8, darker(CRUST, 0.6), edge=False, shade=False)
    for k in range(14 if variant == 0 else 0):
        x, y, a = 60 + 33 * np.cos(k * 0.45 + 0.2), 46 + 24 * np.sin(k * 0.45 + 0.2), k * 1.9
        pen.line([(x, y), (x + 5 * np.cos(a), y + 5 * np.sin(a))], 3, sprinkle if k % 2 else CREAM, edge=False)
    if variant == 1:
        pen.line([(20, 40), (40, 24), (52, 34), (74, 18), (84, 36), (102, 46)], 3, sprinkle, edge=False)


def cake(pen: Pen, variant: int, palette: Palette) -> None:
    """A cake."""
    sponge, icing, berry = palette
    if variant == 0:  # a slice
        pen.polygon([(6, 44), (84, 26), (114, 44), (114, 90), (6, 90)], sponge)
        pen.polygon([(6, 60), (114, 60), (114, 70), (6, 70)], icing, shade=False)
        pen.polygon([(4, 44), (82, 22), (116, 40), (116, 48), (6, 50)], icing)
        pen.dot(88, 24, 9, darker(berry, 0.6))
        pen.dot(88, 24, 7.5, berry)
        return
    for k in range(4):
        x = 33 + 18 * k
        pen.box(x - 3, 10, x + 3, 34, berry)
        pen.blob([(x, -2), (x + 3, 5), (x, 9), (x - 3, 5)], (250, 196, 70))
    pen.box(12, 34, 108, 92, sponge, radius=6)
    drops = [(12, 32), (108, 32), (108, 52), (98, 60), (88, 50), (74, 62), (60, 50), (46, 62), (32, 50), (22, 58)]
    pen.blob([*drops, (12, 50)], icing)
    if variant == 2:
        for x in range(20, 106, 14):
            pen.dot(x, 80, 4, berry)
    pen.box(2, 88, 118, 98, (226, 226, 232), radius=5)


RED, YELLOW, GREEN, PINK = (206, 50, 46), (246, 204, 62), (140, 184, 66), (244, 160, 186)
FRUIT: tuple[tuple[str, ...], ...] = (("apple",),) * 3

KINDS = (
    Kind("apple", apple, (100, 100), 78, ((RED, (232, 150, 70)), (GREEN, (214, 108, 74)), (YELLOW, RED)), FRUIT, 12),
    Kind("banana", banana, (122, 80), 78, ((YELLOW, (122, 96, 48)), ((200, 202, 76), GREEN)), (("banana",),) * 2, 35),
    Kind("orange", orange, (100, 100), 76, (((242, 142, 40), (250, 176, 66)), ((232, 120, 34), (238, 120, 62))),
         (("orange_(fruit)",),) * 3, 20),
    Kind("carrot", carrot, (116, 100), 84, (((238, 126, 44), LEAF), ((226, 104, 52), (70, 130, 64))),
         (("carrot",),) * 2, 30),
    Kind("pizza", pizza, (120, 100), 96, ((YELLOW, RED), ((250, 222, 140), (176, 62, 52))), (("pizza",),) * 3),
    Kind("donut", donut, (120, 100), 70, ((PINK, (110, 190, 220)), ((116, 74, 52), PINK), (CREAM, RED)),
         (("doughnut",),) * 3),
    Kind("cake", cake, (120, 100), 110, ((CRUST, PINK, RED), ((122, 82, 60), CREAM, RED),
         ((246, 220, 160), (150, 206, 214), (232, 92, 120))), (("cake",),) * 3),
)  # fmt: skip
