"""Traffic and street furniture."""

import numpy as np

from cgc_data.painter.kinds.base import Kind, Palette
from cgc_data.painter.pen import INK, WHITE, Color, Pen, darker, lighter

GLASS, TYRE, STEEL, LAMP = (176, 214, 232), (58, 56, 64), (190, 194, 202), (252, 226, 130)


def _wheel(pen: Pen, x: float, y: float, radius: float) -> None:
    pen.ellipse(x, y, radius, radius, TYRE)
    pen.ellipse(x, y, radius * 0.5, radius * 0.5, STEEL)


def car(pen: Pen, variant: int, palette: Palette) -> None:
    """A car."""
    paint, roof = palette
    cabin: list[tuple[float, float]] = [(36, 40), (54, 10), (114, 10), (142, 40)]
    if variant == 1:  # hatchback
        cabin = [(22, 40), (32, 8), (104, 8), (136, 40)]
    if variant == 2:  # taxi
        paint, roof = (250, 200, 50), WHITE
        pen.box(74, 0, 100, 11, WHITE, radius=3)
    pen.polygon(cabin, paint if variant == 2 else roof)
    (x1, _), (x2, _), (x3, _), (x4, _) = cabin
    pen.polygon([(x1 + 10, 38), (x2 + 5, 16), (82, 16), (82, 38)], GLASS)
    pen.polygon([(88, 38), (88, 16), (x3 - 3, 16), (x4 - 12, 38)], GLASS)
    pen.blob(
        [(6, 44), (30, 37), (90, 37), (146, 38), (172, 46), (178, 62), (174, 74), (90, 76), (8, 74), (3, 60)], paint
    )
    if variant == 2:
        for k in range(9):
            pen.box(44 + 10 * k, 56 + 5 * (k % 2), 54 + 10 * k, 61 + 5 * (k % 2), INK, edge=False, shade=False)
    pen.line([(85, 42), (85, 70)], 1.5, darker(paint, 0.4), edge=False)
    pen.line([(92, 50), (102, 50)], 3, darker(paint, 0.4), edge=False)
    pen.ellipse(172, 54, 6, 5, LAMP)
    pen.ellipse(7, 54, 4, 6, (214, 60, 50))
    for x in (42, 140):
        _wheel(pen, x, 74, 17)


def bus(pen: Pen, variant: int, palette: Palette) -> None:
    """A bus."""
    paint, stripe = palette
    if variant == 1:  # double-decker
        pen.box(6, 4, 214, 112, paint, radius=9)
        rows: tuple[tuple[float, float], ...] = ((12, 36), (60, 84))
        pen.box(6, 46, 214, 52, stripe, edge=False)
    else:
        pen.box(6, 26, 214, 112, paint, radius=11)
        rows = ((38, 70),)
        pen.box(7, 82, 213, 92, stripe, edge=False, shade=False)
    for top, bottom in rows:
        for k in range(5):
            pen.box(16 + 32 * k, top, 42 + 32 * k, bottom, GLASS, radius=3)
    pen.box(178, rows[-1][0], 210, rows[-1][1] + 4, GLASS, radius=4)
    pen.ellipse(208, 98, 5, 5, LAMP)
    for x in (52, 166):
        _wheel(pen, x, 112, 18)


def truck(pen: Pen, variant: int, palette: Palette) -> None:
    """A truck."""
    paint, load = palette
    if variant == 1:  # pickup
        pen.polygon([(96, 62), (108, 28), (146, 28), (162, 62)], paint)
        pen.polygon([(106, 58), (115, 34), (142, 34), (152, 58)], GLASS)
        pen.polygon([(6, 56), (100, 56), (186, 60), (196, 68), (196, 92), (6, 92)], paint)
        pen.box(4, 50, 98, 62, darker(paint, 0.15), radius=3)
    elif variant == 2:  # fire engine
        paint = (208, 46, 42)
        pen.box(150, 12, 168, 26, (80, 130, 220), radius=4)
        pen.box(4, 34, 196, 94, paint, radius=7)
        pen.box(140, 42, 188, 64, GLASS, radius=4)
        for x in (14, 54, 94):
            pen.box(x, 52, x + 34, 80, STEEL, radius=2)
        for y in (20, 32):
            pen.line([(2, y), (136, y)], 4, WHITE)
        for x in range(10, 136, 14):
            pen.line([(x, 20), (x, 32)], 3, WHITE, edge=False)
        pen.box(4, 84, 196, 90, WHITE, edge=False, shade=False)
    else:  # box truck
        pen.box(4, 8, 132, 88, load, radius=3)
        for x in (36, 68, 100):
            pen.line([(x, 14), (x, 82)], 2, darker(load, 0.15), edge=False)
        pen.blob([(136, 40), (150, 30), (178, 30), (190, 54), (197, 62), (197, 94), (136, 94)], paint)
        pen.polygon([(148, 58), (148, 38), (174, 38), (184, 58)], GLASS)
        pen.box(4, 86, 196, 96, TYRE, radius=3)
    pen.ellipse(192, 76, 4, 5, LAMP)
    for x in (38, 160) if variant else (32, 66, 164):
        _wheel(pen, x, 96, 16)


def bicycle(pen: Pen, variant: int, palette: Palette) -> None:
    """A bicycle."""
    frame, saddle = palette
    for x in (30, 124):
        rim = [(x + 27 * np.cos(a), 66 + 27 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 40)]
        pen.line(rim, 5, TYRE, edge=False, curved=False)
        for a in np.linspace(0, np.pi, 4, endpoint=False):
            dx, dy = 25 * np.cos(a), 25 * np.sin(a)
            pen.line([(x - dx, 66 - dy), (x + dx, 66 + dy)], 1.4, STEEL, edge=False)
    tubes = [
        [(30, 66), (52, 26), (110, 24)],
        [(30, 66), (70, 68), (52, 26)],
        [(70, 68), (110, 24), (106, 10)],
        [(110, 24), (124, 66)],
    ]
    if variant == 1:  # low step
        tubes = [
            [(30, 66), (52, 30)],
            [(30, 66), (70, 68), (50, 18)],
            [(70, 68), (90, 50), (110, 24), (106, 8)],
            [(110, 24), (124, 66)],
        ]
    for tube in tubes:
        pen.line(tube, 4.5, frame, curved=False)
    pen.line([(52, 28), (50, 14)], 4, frame)
    pen.blob([(36, 12), (52, 8), (66, 13), (50, 17)], saddle)
    pen.line(
        [(106, 10), (118, 6), (126, 12)] if variant != 2 else [(106, 10), (122, 8), (124, 22), (114, 24)], 4, saddle
    )
    pen.ellipse(70, 68, 8, 8, STEEL)
    if variant == 1:
        pen.polygon([(112, 14), (144, 14), (138, 36), (116, 36)], (190, 140, 86))


def traffic_light(pen: Pen, variant: int, palette: Palette) -> None:
    """A traffic light."""
    (case,) = palette
    pen.box(25, 110, 35, 210, (120, 124, 132))
    pen.box(16, 204, 44, 214, (120, 124, 132), radius=3)
    pen.box(6, 6, 54, 118, case, radius=11)
    lamps: tuple[Color, ...] = ((228, 60, 50), (250, 190, 50), (90, 200, 100))
    for k, lamp in enumerate(lamps):
        y = 28 + 34 * k
        pen.ellipse(30, y, 13, 13, lamp if k == variant else darker(lamp, 0.62), shade=False)
        pen.line([(16, y - 8), (30, y - 15), (44, y - 8)], 4, darker(case, 0.6), edge=False)


def stop_sign(pen: Pen, variant: int, palette: Palette) -> None:
    """A stop sign."""
    (pole,) = palette
    pen.box(46, 90, 54, 196, pole)
    for radius, color in ((48, WHITE), (43, (204, 44, 46))):
        angles = np.deg2rad(np.arange(8) * 45 + 22.5)
        pen.polygon(np.stack((50 + radius * np.cos(angles), 50 + radius * np.sin(angles)), axis=1), color, shade=False)
    letters: tuple[list[tuple[float, float]], ...] = (
        [(30, 42), (27, 38), (20, 39), (19, 45), (24, 50), (30, 55), (28, 61), (21, 62), (18, 58)],
        [(34, 39), (48, 39), (41, 39), (41, 62)],
        [(58, 38), (64, 44), (64, 56), (58, 62), (52, 56), (52, 44), (58, 38)],
        [(70, 62), (70, 39), (78, 39), (82, 45), (78, 51), (70, 51)],
    )
    for letter in letters:
        pen.line(letter, 4.5, WHITE, edge=False, curved=False)
    if variant == 1:
        pen.box(22, 100, 78, 118, WHITE, radius=3)
        pen.line([(30, 109), (70, 109)], 4, INK, edge=False)


def fire_hydrant(pen: Pen, variant: int, palette: Palette) -> None:
    """A fire hydrant."""
    body, cap = palette
    pen.box(14, 108, 66, 118, darker(body, 0.15), radius=3)
    for x in (4, 62):
        pen.box(x, 54, x + 14, 74, cap, radius=4)
    pen.box(22, 38, 58, 110, body, radius=4)
    pen.ellipse(40, 38, 22, 24, cap if variant == 1 else body, arc=(180, 360))
    pen.box(34, 6, 46, 17, cap, radius=2)
    pen.box(14, 34, 66, 44, cap, radius=4)
    pen.ellipse(40, 66, 12, 12, cap)
    pen.ellipse(40, 66, 5, 5, darker(cap, 0.4))
    if variant == 2:
        pen.box(22, 90, 58, 98, cap, edge=False)


def bench(pen: Pen, variant: int, palette: Palette) -> None:
    """A bench."""
    wood, iron = palette
    for x in (30, 154):
        pen.line([(x, 8), (x, 62)], 6, iron)
    for k in range(3 if variant != 1 else 2):
        pen.box(6, 8 + 16 * k, 178, 20 + 16 * k, wood, radius=3)
    pen.polygon([(14, 58), (170, 58), (180, 72), (4, 72)], lighter(wood, 0.15))
    pen.box(2, 70, 182, 78, wood, radius=3)
    for x in (22, 162):
        pen.line([(x, 76), (x, 100)] if variant != 2 else [(x, 76), (x - 8, 100), (x + 8, 100)], 7, iron, curved=False)


RED, BLUE, TEAL, CREAM, GREEN = (206, 66, 58), (66, 114, 190), (58, 150, 146), (246, 234, 206), (92, 146, 92)
CARS = (("car_(automobile)",), ("car_(automobile)",), ("car_(automobile)", "cab_(taxi)"))
TRUCKS = (("truck",), ("truck", "pickup_truck"), ("truck", "fire_engine"))
CAR_PAINTS = (
    (RED, RED),
    (BLUE, CREAM),
    (TEAL, TEAL),
    ((236, 236, 238), (236, 236, 238)),
    (GREEN, CREAM),
    ((90, 88, 104), (90, 88, 104)),
)

KINDS = (
    Kind("car", car, (182, 94), 104, CAR_PAINTS, CARS),
    Kind("bus", bus, (220, 132), 176, ((RED, CREAM), (BLUE, WHITE), (GREEN, (250, 210, 90)), ((240, 150, 60), WHITE)),
         (("bus_(vehicle)",),) * 3),
    Kind("truck", truck, (200, 114), 156, ((BLUE, WHITE), (GREEN, CREAM), ((236, 160, 60), (150, 190, 210))), TRUCKS),
    Kind("bicycle", bicycle, (154, 96), 118,
         ((RED, INK), (TEAL, (130, 80, 50)), ((90, 90, 180), INK), ((240, 180, 60), INK)),
         (("bicycle",),) * 3),
    Kind("traffic light", traffic_light, (60, 216), 210, (((70, 72, 82),), ((236, 184, 60),), ((64, 110, 92),)),
         (("traffic_light",),) * 3),
    Kind("stop sign", stop_sign, (100, 198), 184, (((150, 154, 162),), ((146, 104, 70),)), (("stop_sign",),) * 2,
         mirrors=False),
    Kind("fire hydrant", fire_hydrant, (80, 120), 104, ((RED, (236, 190, 70)), ((246, 196, 60), BLUE), (BLUE, WHITE)),
         (("fireplug",),) * 3),
    Kind("bench", bench, (184, 106), 116, (((172, 116, 70), (70, 70, 80)), (GREEN, (70, 70, 80)), (RED, CREAM)),
         (("bench",),) * 3),
)  # fmt: skip
