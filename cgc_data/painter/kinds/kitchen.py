"""Objects on a table."""

from cgc_data.painter.kinds.base import Kind, Palette
from cgc_data.painter.pen import WHITE, Pen, darker, lighter, mix

STEEL, GLASS, WOOD = (196, 202, 210), (206, 228, 236), (168, 116, 72)


def cup(pen: Pen, variant: int, palette: Palette) -> None:
    """A cup."""
    body, trim = palette
    if variant == 2:  # a paper cup with a lid
        pen.polygon([(24, 22), (76, 22), (68, 98), (32, 98)], body)
        pen.polygon([(27, 44), (73, 44), (70, 74), (30, 74)], trim)
        pen.box(20, 12, 80, 24, WHITE, radius=4)
        pen.box(28, 4, 72, 13, WHITE, radius=4)
        return
    handle = (
        [(76, 36), (100, 30), (108, 50), (98, 70), (72, 72)] if variant else [(78, 42), (102, 38), (100, 62), (72, 70)]
    )
    pen.line(handle, 8, body)
    if variant:  # a mug
        pen.box(14, 16, 82, 96, body, radius=9)
        pen.box(15, 60, 81, 76, trim, edge=False)
        rim = 34.0
    else:  # a cup on a saucer
        pen.ellipse(50, 90, 50, 9, lighter(body))
        pen.blob([(10, 24), (90, 24), (86, 56), (70, 84), (50, 89), (30, 84), (14, 56)], body)
        pen.dot(44, 54, 7, trim)
        rim = 40.0
    pen.ellipse(48 if variant else 50, 20, rim, 9, lighter(body), shade=False)
    pen.ellipse(48 if variant else 50, 22, rim - 6, 5.5, (104, 66, 44), edge=False, shade=False)


def wine_glass(pen: Pen, variant: int, palette: Palette) -> None:
    """A wine glass."""
    (wine,) = palette
    pen.ellipse(30, 132, 24, 6, GLASS)
    pen.line([(30, 74), (30, 130)], 4, GLASS)
    shapes = (
        [(8, 8), (52, 8), (58, 40), (46, 68), (30, 76), (14, 68), (2, 40)],
        [(14, 4), (46, 4), (46, 50), (38, 72), (30, 76), (22, 72), (14, 50)],
        [(2, 22), (58, 22), (50, 54), (38, 70), (30, 74), (22, 70), (10, 54)],
    )
    fills = (
        [(5, 36), (55, 36), (46, 62), (30, 70), (14, 62)],
        [(17, 24), (43, 24), (42, 56), (30, 70), (18, 56)],
        [(9, 38), (51, 38), (42, 60), (30, 68), (18, 60)],
    )
    pen.blob(shapes[variant], GLASS, shade=False)
    pen.blob(fills[variant], wine, edge=False)
    pen.line([(17, 26), (16, 50)], 3.5, WHITE, edge=False)


def bottle(pen: Pen, variant: int, palette: Palette) -> None:
    """A bottle."""
    body, label = palette
    if variant == 1:  # water, in plastic
        pen.box(20, 4, 40, 16, label, radius=3)
        pen.blob(
            [(22, 16), (38, 16), (52, 42), (52, 84), (50, 132), (40, 138), (20, 138), (10, 132), (8, 84), (8, 42)], body
        )
        pen.box(8, 66, 52, 94, label)
        for y in (104, 114, 124):
            pen.line([(12, y), (48, y)], 2, darker(body, 0.2), edge=False)
    else:
        shoulder = 50 if variant == 0 else 40
        pen.polygon([(23, 10), (37, 10), (38, shoulder), (23, shoulder)], body)
        left, right = [(16, 138), (8, 130), (9, shoulder + 16)], [(51, shoulder + 16), (52, 130), (44, 138)]
        pen.blob([(23, shoulder - 6), (37, shoulder - 6), *right, *left], body)
        pen.box(23, 4, 37, 20 if variant == 0 else 12, darker(label, 0.3), radius=2)
        pen.box(9, 76, 51, 112, label)
        pen.ellipse(30, 94, 9, 9, mix(label, body, 0.7), edge=False)
    pen.line([(16, 66), (16, 128)], 3, lighter(body, 0.45), edge=False)


def bowl(pen: Pen, variant: int, palette: Palette) -> None:
    """A bowl."""
    body, trim = palette
    if variant == 1:  # full of salad
        for k, x in enumerate((24, 42, 60, 80, 98, 34, 56, 76, 88)):
            y, lean = 30 - 9 * (k > 4), (k % 3 - 1) * 7
            leaf = ((104, 160, 70), (140, 184, 66), (84, 136, 74))[k % 3]
            pen.blob(
                [(x - 13, y), (x - 9 + lean, y - 18), (x + lean, y - 23), (x + 10 + lean, y - 16), (x + 13, y)], leaf
            )
    pen.blob([(4, 24), (60, 30), (116, 24), (108, 52), (84, 76), (60, 80), (36, 76), (12, 52)], body)
    pen.box(38, 76, 82, 84, darker(body), radius=3)
    if variant != 1:
        pen.ellipse(60, 24, 56, 12, lighter(body), shade=False)
        pen.ellipse(60, 26, 47, 8, trim, edge=False)
    pen.line([(12, 46), (36, 62), (60, 66), (84, 62), (108, 46)], 5, trim, edge=False)


def fork(pen: Pen, variant: int, palette: Palette) -> None:
    """A fork."""
    metal, grip = palette
    for x in (10, 20, 30) if variant == 1 else (7, 16, 24, 33):
        pen.line([(x, 6), (x, 38)], 4.5, metal)
    pen.blob([(4, 34), (20, 36), (36, 34), (34, 50), (24, 60), (16, 60), (6, 50)], metal)
    pen.box(15, 56, 25, 150, grip, radius=5)
    pen.box(16, 36, 24, 84, metal, radius=3, edge=False, shade=False)


def knife(pen: Pen, variant: int, palette: Palette) -> None:
    """A knife."""
    metal, grip = palette
    edge = 36 if variant else 31
    pen.blob([(14, 2), (24, 14), (edge, 50), (edge - 1, 86), (14, 88), (13, 40)], metal)
    pen.box(11, 84, 28, 150, grip, radius=6)
    for y in (102, 118, 134) if variant else ():
        pen.dot(19.5, y, 2.5, STEEL)


def spoon(pen: Pen, variant: int, palette: Palette) -> None:
    """A spoon."""
    metal, grip = palette
    pen.box(15, 48, 25, 150, grip, radius=5)
    pen.ellipse(20, 29, 16 + variant, 26, metal)
    pen.ellipse(20, 31, 10, 19, darker(metal, 0.16), edge=False, shade=False)
    pen.ellipse(15, 20, 3, 7, WHITE, edge=False, shade=False)


BLUE, RED, TEAL = (66, 120, 200), (206, 66, 58), (64, 154, 150)
CUPS, BOTTLES = (
    (("cup", "teacup"), ("cup", "mug"), ("cup",)),
    (("bottle", "wine_bottle"), ("bottle", "water_bottle"), ("bottle",)),
)
SILVER = ((STEEL, STEEL), (STEEL, WOOD), (STEEL, RED), ((232, 196, 96), (232, 196, 96)))

KINDS = (
    Kind("cup", cup, (112, 100), 84,
         ((BLUE, WHITE), ((240, 234, 222), RED), (RED, (250, 220, 120)), (TEAL, WHITE)), CUPS),
    Kind("wine glass", wine_glass, (60, 140), 150, (((150, 30, 56),), ((244, 214, 110),), ((244, 160, 160),)),
         (("wineglass",),) * 3),
    Kind("bottle", bottle, (60, 142), 190, (((62, 122, 72), (244, 234, 204)), ((150, 206, 232), BLUE),
         ((140, 84, 44), (236, 190, 90)), ((120, 40, 52), WHITE)), BOTTLES),
    Kind("bowl", bowl, (120, 88), 84, ((WHITE, BLUE), (TEAL, (246, 224, 170)), ((222, 140, 84), (250, 226, 180))),
         (("bowl",),) * 3),
    Kind("fork", fork, (40, 154), 130, SILVER, (("fork",),) * 2, 180),
    Kind("knife", knife, (40, 154), 130, SILVER, (("knife",),) * 2, 180),
    Kind("spoon", spoon, (40, 154), 126, SILVER, (("spoon",),) * 2, 180),
)  # fmt: skip
