"""Furniture and ornaments."""

import numpy as np

from cgc_data.painter.kinds.base import Kind, Palette
from cgc_data.painter.pen import INK, WHITE, Pen, darker, lighter, mix

WOOD, PALE_WOOD, LEAF, SOIL = (150, 100, 62), (206, 162, 106), (84, 148, 76), (92, 66, 52)


def chair(pen: Pen, variant: int, palette: Palette) -> None:
    """A chair."""
    cloth, frame = palette
    if variant == 1:  # armchair
        for x in (26, 90):
            pen.box(x - 5, 122, x + 5, 138, frame)
        pen.box(20, 8, 96, 96, cloth, radius=20)
        pen.box(22, 74, 94, 104, lighter(cloth, 0.25), radius=9)
        pen.box(18, 98, 98, 128, cloth, radius=6)
        pen.box(4, 60, 28, 128, cloth, radius=12)
        pen.box(88, 60, 112, 128, cloth, radius=12)
        return
    if variant == 2:  # office chair
        pen.line([(58, 96), (58, 124)], 7, frame)
        for x in (24, 58, 92):
            pen.line([(58, 118), (x, 132)], 6, frame)
            pen.dot(x, 134, 5, INK)
        pen.box(28, 8, 88, 78, cloth, radius=16)
        pen.box(54, 70, 62, 92, frame)
        pen.box(20, 84, 96, 102, cloth, radius=9)
        return
    for x in (32, 84):
        pen.box(x - 4, 88, x + 4, 130, darker(frame))
    for y in (12, 36, 58):
        pen.box(28, y, 88, y + 13, frame, radius=4)
    for x in (28, 88):
        pen.box(x - 4, 4, x + 4, 92, frame, radius=4)
    pen.polygon([(26, 80), (90, 80), (102, 96), (14, 96)], cloth)
    pen.box(12, 94, 104, 102, frame, radius=3)
    for x in (18, 98):
        pen.box(x - 5, 100, x + 5, 138, frame)


def couch(pen: Pen, variant: int, palette: Palette) -> None:
    """A couch."""
    cloth, cushion = palette
    for x in (26, 194):
        pen.box(x - 6, 92, x + 6, 106, WOOD)
    seats = 2 if variant == 1 else 3
    width = 168 / seats
    for k in range(seats):
        pen.box(26 + k * width, 8, 26 + (k + 1) * width, 70, cloth, radius=12)
    for k in range(seats):
        pen.box(26 + k * width, 52, 26 + (k + 1) * width, 78, lighter(cloth, 0.22), radius=7)
    pen.box(18, 74, 202, 98, cloth, radius=5)
    pen.box(4, 36, 32, 98, cloth, radius=13)
    pen.box(188, 36, 216, 98, cloth, radius=13)
    if variant != 2:
        pen.polygon([(40, 34), (70, 28), (74, 58), (44, 62)], cushion)
        pen.polygon([(152, 30), (182, 36), (176, 62), (148, 58)], cushion)


def potted_plant(pen: Pen, variant: int, palette: Palette) -> None:
    """A potted plant."""
    pot, leaf = palette
    if variant == 0:  # broad leaves
        for x, y in ((14, 44), (86, 44), (26, 16), (74, 16), (50, 4)):
            side = np.sign(x - 50) * 9
            pen.blob(
                [
                    (50, 88),
                    ((50 + x) / 2 + side, (88 + y) / 2 - 14),
                    (x, y),
                    ((50 + x) / 2 - side - 8, (88 + y) / 2 + 6),
                ],
                leaf,
            )
            pen.line([(50, 84), (x, y + 6)], 1.5, darker(leaf, 0.3), edge=False)
    elif variant == 1:  # cactus
        pen.line([(50, 60), (26, 58), (24, 38)], 13, leaf)
        pen.line([(50, 68), (74, 64), (76, 46)], 13, leaf)
        pen.box(36, 10, 64, 98, leaf, radius=14)
        for x in (44, 56):
            pen.line([(x, 22), (x, 90)], 1.5, darker(leaf, 0.35), edge=False)
        pen.dot(50, 11, 7, (240, 120, 150))
    else:  # flowers
        for x, y, c in ((50, 20, 0), (24, 36, 1), (76, 34, 1), (38, 52, 0), (64, 56, 1)):
            pen.line([(50, 96), (x, y)], 4, leaf)
            petals = ((240, 120, 150), (250, 204, 90))[c]
            for a in np.arange(5) * 1.257:
                pen.ellipse(x + 9 * np.cos(a), y + 9 * np.sin(a), 7, 7, petals)
            pen.dot(x, y, 5, (180, 110, 50))
        pen.blob([(50, 92), (24, 84), (12, 70), (34, 72)], leaf)
        pen.blob([(50, 92), (76, 84), (88, 70), (66, 72)], leaf)
    pen.polygon([(22, 92), (78, 92), (70, 138), (30, 138)], pot)
    pen.box(17, 84, 83, 98, lighter(pot, 0.15), radius=3)


def vase(pen: Pen, variant: int, palette: Palette) -> None:
    """A vase."""
    glaze, trim = palette
    bodies = (
        [(28, 4), (52, 4), (50, 26), (70, 54), (66, 92), (54, 112), (26, 112), (14, 92), (10, 54), (30, 26)],
        [(20, 6), (60, 6), (54, 30), (52, 70), (62, 104), (56, 112), (24, 112), (18, 104), (28, 70), (26, 30)],
        [(26, 10), (54, 10), (70, 34), (72, 60), (60, 96), (56, 112), (24, 112), (20, 96), (8, 60), (10, 34)],
    )
    pen.blob(bodies[variant], glaze)
    for y, half in ((58, 28), (76, 27)) if variant != 1 else ((40, 12), (60, 11)):
        pen.line(
            [(40 - half, y), (40 - half / 2, y - 6), (40, y), (40 + half / 2, y + 6), (40 + half, y)],
            4,
            trim,
            edge=False,
        )
    pen.ellipse(40, 8, 16 if variant != 1 else 20, 5, darker(glaze, 0.45))
    pen.ellipse(24, 50, 4, 11, lighter(glaze, 0.6), edge=False, shade=False)


def clock(pen: Pen, variant: int, palette: Palette) -> None:
    """A clock."""
    rim, face = palette
    if variant == 1:  # alarm clock
        for x, turned in ((28, -1), (72, 1)):
            pen.line([(50 + turned * 26, 84), (50 + turned * 34, 98)], 7, rim)
            pen.ellipse(x, 14, 17, 12, rim)
    if variant == 2:
        pen.box(4, 6, 96, 98, rim, radius=12)
    else:
        pen.ellipse(50, 53, 46, 45, rim)
    pen.ellipse(50, 53, 37, 36, face, shade=False)
    for k in range(12):
        a = k * np.pi / 6
        pen.dot(50 + 31 * np.cos(a), 53 + 30 * np.sin(a), 2.6 if k % 3 == 0 else 1.5)
    pen.line([(50, 53), (50 - 4 * variant, 30)], 4, INK, edge=False)
    pen.line([(50, 53), (68, 60 - 8 * variant)], 4, INK, edge=False)
    pen.dot(50, 53, 4, (206, 66, 58))


def book(pen: Pen, variant: int, palette: Palette) -> None:
    """A book."""
    cover, trim = palette
    if variant == 0:  # upright, seen from the front
        pen.polygon([(84, 8), (94, 14), (94, 98), (84, 100)], WHITE)
        pen.box(10, 4, 86, 100, cover, radius=3)
        pen.box(10, 4, 22, 100, darker(cover), radius=3)
        pen.box(34, 20, 76, 40, trim)
        pen.line([(36, 56), (72, 56)], 3, trim, edge=False)
    elif variant == 1:  # open
        pen.polygon([(0, 26), (100, 26), (100, 92), (0, 92)], cover)
        for a in (-1, 1):
            pen.blob(
                [(50, 26), (50 + a * 24, 16), (50 + a * 46, 22), (50 + a * 46, 84), (50 + a * 24, 78), (50, 88)], WHITE
            )
            for y in range(34, 74, 9):
                pen.line([(50 + a * 10, y), (50 + a * 40, y - 4)], 2, mix(WHITE, INK, 0.4), edge=False)
    else:  # lying, with the pages toward the viewer
        pen.polygon([(14, 30), (90, 30), (98, 60), (4, 60)], cover)
        pen.box(6, 60, 98, 80, WHITE)
        for y in (66, 73):
            pen.line([(8, y), (96, y)], 1.5, mix(WHITE, INK, 0.35), edge=False)
        pen.box(2, 78, 98, 86, cover, radius=3)
        pen.box(0, 58, 10, 86, darker(cover), radius=4)
        pen.polygon([(34, 38), (70, 38), (74, 50), (30, 50)], trim, shade=False)


def teddy_bear(pen: Pen, variant: int, palette: Palette) -> None:
    """A teddy bear."""
    fur, belly = palette
    for x in (30, 70):
        pen.ellipse(x, 14, 13, 12, fur)
        pen.ellipse(x, 15, 6, 6, belly, edge=False)
    for a in (-1, 1):
        pen.ellipse(50 + a * 33, 66, 12, 18, fur)
        pen.ellipse(50 + a * 24, 106, 17, 14, fur)
        pen.ellipse(50 + a * 25, 107, 9, 8, belly, edge=False)
    pen.ellipse(50, 80, 29, 31, fur)
    pen.ellipse(50, 84, 18, 20, belly, edge=False)
    pen.ellipse(50, 34, 30, 27, fur)
    pen.ellipse(50, 43, 13, 10, belly, edge=False)
    pen.ellipse(50, 38, 5, 4, INK)
    for x in (38, 62):
        pen.dot(x, 30, 3.5)
    if variant == 1:
        for a in (-1, 1):
            pen.polygon([(50, 62), (50 + a * 18, 54), (50 + a * 18, 70)], (206, 66, 58))


BLUE, RED, TEAL, GRAY, MUSTARD = (84, 120, 178), (196, 80, 72), (72, 146, 140), (132, 136, 150), (222, 170, 70)
CHAIRS = (("chair",), ("chair", "armchair"), ("chair",))
CLOCKS = (("clock", "wall_clock"), ("clock", "alarm_clock"), ("clock", "wall_clock"))

KINDS = (
    Kind("chair", chair, (116, 142), 190, ((RED, WOOD), (TEAL, PALE_WOOD), (BLUE, (90, 84, 92))), CHAIRS),
    Kind("couch", couch, (220, 110), 168, ((TEAL, MUSTARD), (GRAY, RED), ((186, 120, 92), WHITE)), (("sofa",),) * 3),
    Kind("potted plant", potted_plant, (100, 142), 160,
         (((196, 112, 76), LEAF), (WHITE, (60, 124, 96)), (BLUE, (120, 170, 80))), ((),) * 3),
    Kind("vase", vase, (80, 116), 116, ((BLUE, WHITE), (WHITE, BLUE), (RED, MUSTARD), (TEAL, WHITE)), (("vase",),) * 3),
    Kind("clock", clock, (100, 102), 88,
         ((WOOD, WHITE), (RED, (252, 244, 216)), ((60, 66, 84), WHITE), (TEAL, WHITE)), CLOCKS),
    Kind("book", book, (100, 104), 84,
         ((RED, WHITE), (BLUE, MUSTARD), (TEAL, WHITE), (MUSTARD, INK)), (("book",),) * 3),
    Kind("teddy bear", teddy_bear, (100, 124), 112,
         (((176, 122, 76), (232, 200, 156)), ((228, 206, 176), (186, 140, 104)), ((226, 160, 176), WHITE)),
         (("teddy_bear",),) * 2),
)  # fmt: skip
