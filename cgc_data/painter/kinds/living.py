"""People and animals."""

from cgc_data.painter.kinds.base import Kind, Palette
from cgc_data.painter.pen import INK, WHITE, Color, Pen, darker, lighter

PINK = (240, 170, 170)


def person(pen: Pen, variant: int, palette: Palette) -> None:
    """A person."""
    skin, hair, top, legs = palette
    for x in (36, 56):
        if variant == 1:  # skirt: bare legs
            pen.box(x + 1, 128, x + 11, 182, skin)
        else:
            pen.box(x - 2, 104, x + 14, 182, legs, radius=3)
        pen.blob([(x - 4, 180), (x + 12, 178), (x + 19, 188), (x - 4, 190)], INK)
    if variant == 1:
        pen.polygon([(36, 94), (70, 94), (86, 144), (20, 144)], legs)
        pen.blob([(30, 20), (53, 2), (76, 20), (80, 56), (66, 66), (40, 66), (26, 56)], hair)
    arm = [(78, 66), (92, 46), (96, 22)] if variant == 2 else [(78, 64), (88, 86), (84, 108)]
    for path in ([(28, 64), (18, 86), (22, 108)], arm):
        pen.line(path, 11, top)
        pen.ellipse(*path[-1], 7, 7, skin)
    pen.box(46, 44, 60, 62, skin)
    pen.blob([(28, 56), (53, 52), (78, 56), (80, 76), (74, 110), (53, 113), (32, 110), (26, 76)], top)
    if variant == 2:
        pen.box(27, 74, 79, 86, lighter(top, 0.55), edge=False)
    pen.ellipse(53, 30, 21, 23, skin)
    pen.blob([(31, 28), (36, 8), (54, 1), (72, 8), (76, 28), (66, 18), (48, 16), (38, 20)], hair)
    for x in (46, 61):
        pen.dot(x, 32, 2.4)
    pen.line([(47, 42), (53, 45), (60, 42)], 2, (170, 70, 66), edge=False)


def _legs(pen: Pen, xs: tuple[float, ...], top: float, bottom: float, width: float, fur: Color, hoof: bool) -> None:
    for k, x in enumerate(xs):
        pen.box(x, top, x + width, bottom, darker(fur, 0.22) if k % 2 else fur, radius=3)
        if hoof:
            pen.box(x, bottom - 6, x + width, bottom, INK, radius=2, edge=False, shade=False)


def dog(pen: Pen, variant: int, palette: Palette) -> None:
    """A dog."""
    fur, patch = palette
    pen.line([(26, 50), (12, 38), (8, 18)], 8, fur)
    _legs(pen, (42, 28, 96, 82), 62, 98, 11, fur, False)
    pen.blob([(22, 48), (44, 39), (76, 40), (100, 38), (108, 52), (100, 72), (70, 72), (44, 72), (24, 68)], fur)
    if variant == 1:
        pen.blob([(44, 42), (66, 42), (70, 56), (54, 64), (42, 54)], patch, edge=False)
    pen.ellipse(108, 30, 20, 19, fur)
    pen.blob([(116, 26), (134, 30), (140, 38), (132, 46), (114, 46)], lighter(fur, 0.5))
    pen.ellipse(137, 32, 5, 4, INK)
    pen.dot(114, 24, 3.2)
    if variant == 2:
        pen.polygon([(92, 22), (90, 0), (108, 12)], patch)
    else:
        pen.blob([(98, 12), (88, 18), (82, 40), (90, 50), (99, 42), (104, 22)], patch)
    pen.line([(92, 44), (104, 54), (116, 50)], 5, (206, 60, 56), edge=False)


def cat(pen: Pen, variant: int, palette: Palette) -> None:
    """A cat."""
    fur, stripe = palette
    pen.line([(72, 108), (96, 104), (98, 82), (88, 68)], 9, fur)
    pen.blob([(34, 58), (50, 54), (66, 58), (78, 84), (80, 108), (66, 118), (34, 118), (20, 108), (22, 84)], fur)
    if variant == 1:
        pen.blob([(40, 64), (60, 64), (62, 86), (50, 98), (38, 86)], WHITE, edge=False)
    for x in (42, 58):
        pen.box(x - 6, 84, x + 6, 119, lighter(fur, 0.12), radius=6)
    for a in (-1, 1):
        pen.polygon([(50 + a * 28, 4), (50 + a * 31, 36), (50 + a * 6, 18)], fur)
        pen.polygon([(50 + a * 25, 12), (50 + a * 27, 28), (50 + a * 14, 20)], PINK, edge=False)
    pen.blob([(18, 40), (26, 22), (50, 15), (74, 22), (82, 40), (70, 58), (50, 63), (30, 58)], fur)
    if variant != 1:
        for path in ([(50, 16), (50, 27)], [(40, 18), (42, 27)], [(60, 18), (58, 27)]):
            pen.line(path, 3.5, stripe, edge=False)
        for y in (74, 86, 98):
            for a in (-1, 1):
                pen.line([(50 + a * 27, y), (50 + a * 18, y + 2)], 4, stripe, edge=False)
    for x in (37, 63):
        pen.ellipse(x, 39, 5.5, 6.5, (150, 196, 90), shade=False)
        pen.ellipse(x, 39, 2, 5, INK, edge=False, shade=False)
    pen.polygon([(46, 47), (54, 47), (50, 52)], (226, 110, 116))
    for a in (-1, 1):
        for dy in (-2, 3):
            pen.line([(50 + a * 14, 50), (50 + a * 38, 49 + dy * 2)], 1.2, INK, edge=False)


def bird(pen: Pen, variant: int, palette: Palette) -> None:
    """A bird."""
    plumage, wing, belly = palette
    beak = (242, 160, 50)
    if variant == 1:  # duck
        pen.blob([(8, 50), (30, 54), (60, 50), (84, 54), (92, 68), (78, 86), (44, 90), (20, 78)], plumage)
        pen.blob([(66, 60), (68, 34), (78, 24), (90, 34), (88, 58)], (70, 140, 90))
        pen.ellipse(84, 22, 17, 16, (70, 140, 90))
        pen.blob([(98, 20), (116, 22), (118, 28), (98, 30)], beak)
        pen.blob([(26, 58), (50, 56), (70, 66), (52, 78), (32, 72)], wing)
        pen.dot(89, 18, 3)
        return
    for x in (54, 66):
        pen.line([(x, 76), (x + 2, 96), (x + 9, 97)], 3, beak, curved=False)
    pen.polygon([(30, 56), (2, 66), (6, 78), (34, 70)], wing)
    pen.blob([(24, 62), (40, 42), (64, 18), (86, 12), (100, 28), (96, 56), (78, 78), (46, 80)], plumage)
    pen.blob([(92, 38), (92, 58), (76, 75), (56, 77), (72, 58)], belly, edge=False)
    pen.polygon([(98, 22), (119, 30), (98, 36)], beak)
    if variant == 2:  # wing raised
        pen.blob([(62, 52), (46, 30), (24, 4), (20, 36), (36, 60)], wing)
    else:
        pen.blob([(66, 46), (56, 64), (22, 68), (36, 48), (52, 40)], wing)
    pen.dot(86, 26, 3.4)


def sheep(pen: Pen, variant: int, palette: Palette) -> None:
    """A sheep."""
    wool, face = palette
    _legs(pen, (46, 34, 92, 80), 66, 98, 9, face, True)
    puffs = [
        (28, 50),
        (34, 36),
        (50, 28),
        (68, 26),
        (86, 30),
        (98, 42),
        (98, 58),
        (84, 68),
        (66, 72),
        (48, 70),
        (32, 64),
    ]
    for x, y in puffs:
        pen.ellipse(x, y, 15, 14, wool)
    pen.ellipse(64, 50, 38, 25, wool, edge=False, shade=False)
    for x, y in ((48, 46), (68, 42), (60, 60), (82, 54)):
        pen.ellipse(x, y, 8, 7, darker(wool, 0.1), edge=False, shade=False)
    if variant == 1:  # a ram
        for k in range(2):
            pen.line([(104, 24), (96, 18 + 2 * k), (88, 28), (96, 38), (104, 34)], 7, (206, 176, 130))
    else:
        pen.blob([(98, 32), (84, 30), (80, 38), (92, 42)], face)
    pen.blob([(100, 24), (118, 22), (130, 44), (124, 58), (110, 54), (100, 42)], face)
    pen.ellipse(107, 22, 11, 9, wool)
    pen.dot(115, 36, 3.4, WHITE)
    pen.dot(116, 36, 1.8)


def cow(pen: Pen, variant: int, palette: Palette) -> None:
    """A cow."""
    hide, patch = palette
    pen.line([(18, 40), (8, 56), (10, 76)], 4, hide)
    pen.ellipse(10, 80, 5, 8, patch)
    _legs(pen, (36, 22, 104, 90), 70, 110, 12, hide, True)
    pen.ellipse(54, 80, 13, 8, PINK)
    pen.blob([(16, 40), (40, 32), (80, 34), (112, 30), (124, 44), (118, 74), (90, 82), (50, 80), (20, 76)], hide)
    if variant != 1:
        pen.blob([(32, 36), (54, 34), (62, 50), (46, 62), (32, 54)], patch, edge=False)
        pen.blob([(80, 48), (98, 38), (108, 54), (98, 70), (82, 66)], patch, edge=False)
        pen.ellipse(66, 72, 8, 6, patch, edge=False)
    for a, x in ((-1, 122), (1, 148)):
        pen.line([(x, 14), (x + a * 7, 8), (x + a * 5, 0)], 5, (236, 220, 180))
        pen.ellipse(x + a * 13, 22, 10, 5, hide)
    pen.blob(
        [(118, 16), (135, 9), (152, 16), (152, 38), (146, 58), (124, 58), (118, 38)], hide if variant != 2 else patch
    )
    pen.ellipse(135, 52, 19, 13, PINK)
    for x in (128, 142):
        pen.ellipse(x, 52, 2.5, 3.5, darker(PINK, 0.6), edge=False, shade=False)
        pen.dot(x, 28, 3)


def horse(pen: Pen, variant: int, palette: Palette) -> None:
    """A horse."""
    coat, mane = palette
    pen.blob([(20, 52), (8, 64), (6, 98), (14, 108), (22, 84), (28, 62)], mane)
    _legs(pen, (40, 26, 100, 86), 78, 138, 12, coat, True)
    pen.blob([(18, 56), (40, 48), (70, 52), (96, 46), (114, 54), (112, 80), (90, 90), (50, 90), (22, 84)], coat)
    pen.blob([(90, 56), (98, 30), (112, 8), (130, 14), (124, 40), (114, 72), (100, 76)], coat)
    pen.polygon([(112, 12), (114, -2), (122, 8)], coat)
    pen.blob([(108, 10), (124, 6), (150, 34), (154, 46), (144, 52), (124, 38), (112, 30)], coat)
    pen.blob([(116, 2), (104, 6), (92, 26), (86, 52), (96, 54), (104, 34), (114, 16)], mane)
    pen.ellipse(147, 46, 8, 6, lighter(coat, 0.3), edge=False)
    pen.dot(126, 20, 3.2)
    pen.dot(149, 43, 1.8)
    if variant == 1:  # saddled
        pen.blob([(48, 48), (62, 42), (78, 48), (82, 72), (66, 78), (50, 72)], (190, 62, 56))
        pen.blob([(50, 46), (56, 38), (72, 44), (80, 38), (80, 54), (64, 58)], (112, 70, 46))
    if variant == 2:
        pen.line([(122, 12), (136, 30)], 6, WHITE, edge=False)
        for x in (40, 26, 100, 86):
            pen.box(x + 0.5, 116, x + 11.5, 132, WHITE, edge=False, shade=False)


SKINS = ((246, 206, 176), (198, 142, 102), (124, 82, 60), (232, 182, 140))
PEOPLE = tuple(
    (skin, hair, top, legs)
    for skin, hair, top, legs in (
        (SKINS[0], (112, 70, 44), (206, 66, 58), (64, 84, 130)),
        (SKINS[1], (52, 42, 44), (250, 196, 70), (60, 60, 74)),
        (SKINS[2], (44, 36, 40), (70, 150, 146), (196, 170, 130)),
        (SKINS[3], (226, 178, 84), (84, 120, 196), (120, 60, 90)),
        (SKINS[0], (196, 92, 48), (112, 160, 84), (90, 70, 60)),
        (SKINS[2], (52, 42, 44), (236, 130, 150), (72, 110, 170)),
    )
)
SAND, BROWN, BLACK, GRAY, CREAM = (222, 176, 118), (150, 98, 62), (78, 72, 80), (156, 158, 168), (248, 238, 218)

KINDS = (
    Kind("person", person, (106, 194), 236, PEOPLE, (("person",),) * 3),
    Kind("dog", dog, (144, 100), 116,
         ((SAND, BROWN), (CREAM, BLACK), (BROWN, (100, 64, 46)), (GRAY, BLACK)), (("dog",),) * 3),
    Kind("cat", cat, (104, 122), 112,
         (((234, 160, 84), (180, 96, 44)), (GRAY, BLACK), (BLACK, (44, 40, 46)), (CREAM, SAND)), (("cat",),) * 3),
    Kind("bird", bird, (122, 100), 68,
         (((84, 140, 206), (56, 96, 160), (250, 226, 190)), ((212, 84, 68), (150, 50, 54), CREAM),
          ((246, 206, 80), (206, 156, 50), WHITE), (GRAY, (110, 112, 124), WHITE)),
         (("bird",), ("bird", "duck"), ("bird",))),
    Kind("sheep", sheep, (134, 100), 116, ((CREAM, BLACK), (WHITE, SAND), ((150, 130, 116), BLACK)), (("sheep",),) * 2),
    Kind("cow", cow, (168, 114), 150,
         ((WHITE, BLACK), (WHITE, (162, 92, 56)), ((196, 128, 78), (120, 74, 50))), (("cow",),) * 3),
    Kind("horse", horse, (158, 142), 176, ((BROWN, BLACK), (SAND, CREAM), (BLACK, (44, 40, 46)), (CREAM, GRAY)),
         (("horse",),) * 3),
)  # fmt: skip
