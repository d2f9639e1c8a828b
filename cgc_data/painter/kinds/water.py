"""Boats."""

from cgc_data.painter.kinds.base import Kind, Palette
from cgc_data.painter.pen import WHITE, Pen, darker, lighter

MAST, GLASS = (130, 92, 62), (176, 214, 232)


def boat(pen: Pen, variant: int, palette: Palette) -> None:
    """A boat."""
    hull, sail = palette
    if variant == 0:  # sailboat
        pen.line([(72, 6), (72, 100)], 4, MAST)
        pen.polygon([(78, 10), (132, 88), (78, 88)], sail)
        pen.polygon([(66, 20), (66, 88), (22, 88)], lighter(sail, 0.4))
        pen.polygon([(72, 2), (72, 14), (54, 8)], hull)
    elif variant == 1:  # motorboat
        pen.box(46, 62, 100, 96, WHITE, radius=5)
        for x in (54, 70, 86):
            pen.box(x, 70, x + 10, 82, GLASS, radius=2)
        pen.box(64, 38, 84, 64, sail)
        pen.box(64, 44, 84, 51, WHITE, edge=False)
    else:  # rowboat, seen from above the rim
        pen.ellipse(72, 96, 66, 13, darker(hull, 0.5))
        for x in (40, 84):
            pen.box(x, 90, x + 18, 104, lighter(hull, 0.3), radius=3)
        for x in (14, 130):
            pen.line([(72 + (x - 72) * 0.3, 84), (x, 60)], 5, MAST)
            pen.ellipse(x, 58, 10, 7, MAST)
    front = [(4, 90), (38, 106), (106, 106), (140, 90)] if variant == 2 else [(4, 92), (40, 98), (104, 98), (140, 90)]
    pen.blob([*front, (126, 118), (108, 128), (34, 128), (16, 114)], hull)
    stripe = (
        [(11, 106), (40, 114), (104, 114), (132, 106)]
        if variant == 2
        else [(10, 100), (40, 105), (104, 105), (134, 99)]
    )
    pen.line(stripe, 4, sail, edge=False)


KINDS = (
    Kind("boat", boat, (144, 134), 130, (((206, 66, 58), (250, 246, 234)), ((66, 114, 190), (246, 200, 72)),
         ((150, 100, 62), (240, 150, 130)), ((60, 156, 150), (250, 246, 234))), (("boat",),) * 3),
)  # fmt: skip
