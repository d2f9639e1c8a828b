"""Boats."""

from cgc_data.scenes.kinds.base import Kind, Palette
from cgc_data.scenes.pen import WHITE, Pen, darker, lighter

MAST, GLASS = (130, 92, 62), (176, 214, 232)


def boat(pen: Pen, variant: int, palette: Palette) -> None:
    hull, sail = palette
    if variant == 0:  # sailing boat
        pen.line([(72, 6), (72, 100)], 4, MAST)
        pen.polygon([(78, 10), (132, 88), (78, 88)], sail)
        pen.polygon([(66, 20), (66, 88), (22, 88)], lighter(sail, 0.4))
        pen.polygon([(72, 2), (72, 14), (54, 8)], hull)
    elif variant == 1:  # motor boat
        pen.box(46, 62, 100, 96, WHITE, radius=5)
        for x in (54, 70, 86):
            pen.box(x, 70, x + 10, 82, GLASS, radius=2)
        pen.box(64, 38, 84, 64, sail)
        pen.box(64, 44, 84, 51, WHITE, edge=False)
    else:  # rowing boat
        for x in (40, 96):
            pen.line([(70, 92), (x + (x > 70) * 34 - (x < 70) * 34, 132)], 5, MAST)
        pen.box(44, 86, 100, 94, darker(hull, 0.4))
    pen.blob([(4, 92), (40, 98), (104, 98), (140, 90), (126, 118), (108, 128), (34, 128), (16, 114)], hull)
    pen.line([(10, 100), (40, 105), (104, 105), (134, 99)], 4, sail, edge=False)


KINDS = (
    Kind("boat", boat, (144, 134), 130, (((206, 66, 58), (250, 246, 234)), ((66, 114, 190), (246, 200, 72)),
         ((150, 100, 62), (240, 150, 130)), ((60, 156, 150), (250, 246, 234))), (("boat",),) * 3),
)  # fmt: skip
