"""Trivial answers to the questions of MIG-Bench. The answers ignore the images, so their scores are a floor that a
useful model must exceed.
"""

import random
from collections.abc import Callable
from functools import lru_cache, partial

from cgc_bench.mig.items import Item
from cgc_bench.mig.official import REMEMBERED
from cgc_data.answer import Object, format_response
from cgc_data.metrics.floors import CENTER, REASON, WHOLE


def whole_image(item: Item) -> list[Object]:  # noqa: ARG001 - every floor takes an item
    """The entire first image."""
    return [Object(1, WHOLE, "object")]


def center_box(item: Item) -> list[Object]:  # noqa: ARG001 - as above
    """A centered box that spans 60 % of the width and height of the first image."""
    return [Object(1, CENTER, "object")]


def copied_reference(item: Item) -> list[Object]:
    """The box that the question gives for the first image, copied to the same position in the last image. Empty if the
    question contains no box.
    """
    return [] if item.reference is None else [Object(len(item.images), item.reference, "object")]


def random_image(item: Item) -> list[Object]:
    """A box at the center of a pseudo-randomly chosen image. The choice depends only on the item's index."""
    return [Object(random.Random(item.index).randint(1, len(item.images)), CENTER, "object")]


FLOORS: dict[str, Callable[[Item], list[Object]]] = {
    "whole image": whole_image,
    "center box": center_box,
    "copied reference": copied_reference,
    "random image": random_image,
}


def floor_response(name: str, item: Item) -> str:
    """One of the trivial answers, in this project's answer format. `name` is a key of `FLOORS`."""
    try:
        objects = FLOORS[name](item)
    except ValueError:  # a reference box that is empty or past 1000 cannot be answered
        objects = []
    return _response(tuple(objects))


@lru_cache(maxsize=REMEMBERED)
def _response(objects: tuple[Object, ...]) -> str:
    return format_response(objects, REASON)


FLOOR_RESPONSES = {name: partial(floor_response, name) for name in FLOORS}
