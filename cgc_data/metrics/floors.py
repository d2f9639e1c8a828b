"""Floors: scores of trivial answers that ignore the images. Every model should exceed them."""

import random
from collections.abc import Callable

from cgc_data.answer import Object, format_response
from cgc_data.metrics.truth import Truth

WHOLE = (0, 0, 1000, 1000)
# 60 % of each side, centered.
CENTER = (200, 200, 800, 800)

REASON = "This answer follows a fixed rule."


def whole_image(truth: Truth) -> list[Object]:
    """A box that covers the whole image named in the question. If the question does not name an image, the box covers
    the first image that does not contain the reference box.
    """
    return [_object(_named_image(truth), WHOLE, truth)]


def center_box(truth: Truth) -> list[Object]:
    """A box in the center of the image that the question names. If the question does not name an image, the box is in
    the center of the first image that does not contain the reference box.
    """
    return [_object(_named_image(truth), CENTER, truth)]


def copied_reference(truth: Truth) -> list[Object]:
    """A copy of the reference box, placed in the image that `center_box` would use. If the question has no reference
    box, the answer is empty.
    """
    if truth.ref_bbox is None:
        return []
    x1, y1, x2, y2 = (int(value) for value in truth.ref_bbox)
    return [_object(_named_image(truth), (x1, y1, x2, y2), truth)]


def random_image(truth: Truth) -> list[Object]:
    """A box in the center of a random image. The row's id is the random seed."""
    return [_object(random.Random(truth.id).randint(1, truth.num_images), CENTER, truth)]


def always_empty(truth: Truth) -> list[Object]:  # noqa: ARG001 - every floor takes a truth
    """`[]` for every question."""
    return []


FLOORS: dict[str, Callable[[Truth], list[Object]]] = {
    "whole image": whole_image,
    "center box": center_box,
    "copied reference": copied_reference,
    "random image": random_image,
    "always empty": always_empty,
}


def floor_response(name: str, truth: Truth) -> str:
    """A trivial answer to a question, in the strict format. `name` is a key of `FLOORS`."""
    return format_response(FLOORS[name](truth), REASON)


def _named_image(truth: Truth) -> int:
    """The number of the image that the question names. If it does not name one, the number of the first image that does
    not contain the reference box. The ground-truth boxes are not used.
    """
    return truth.img_idx or (2 if truth.ref_img_idx == 1 else 1)


def _object(image: int, box: tuple[int, int, int, int], truth: Truth) -> Object:
    return Object(image, box, truth.written_label)
