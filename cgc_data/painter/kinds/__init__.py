"""Every kind of object that the painter can draw, by its COCO name."""

from cgc_data.painter.kinds import food, home, kitchen, living, street, things, water
from cgc_data.painter.kinds.base import Kind, Look, sketch

KINDS: dict[str, Kind] = {
    kind.name: kind for topic in (food, home, kitchen, living, street, things, water) for kind in topic.KINDS
}

__all__ = ["KINDS", "Kind", "Look", "sketch"]
