"""Prepares a saved response for display, with boxes, their correctness, and every reward term.

A saved response needs only the row id and the text, because the reward terms are computed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cgc_data.answer import Object, read_answer
from cgc_data.geometry import iou
from cgc_data.matching import match
from cgc_data.metrics import Truth
from cgc_train.recipe import Recipe
from cgc_train.reward import Terms, score

# hit: IoU with the matched box is at least 0.5; near: IoU is lower; astray: the image is known not to show the target.
Fate = Literal["hit", "near", "astray", "extra"]
HIT = 0.5
# Longer responses are truncated on the page; their terms are those of the full response.
MOST_CHARACTERS = 4000


@dataclass(frozen=True)
class Drawn:
    """A predicted box (x1, y1, x2, y2, each 0-1000) in image number `image` (from 1)."""

    image: int
    box: tuple[float, float, float, float]
    fate: Fate
    text: str


@dataclass(frozen=True)
class Answer:
    """A response with all details that the page shows."""

    response: str
    cut: int
    terms: Terms
    boxes: tuple[Drawn, ...]
    pairs: tuple[str, ...]
    advantage: float | None
    habits: tuple[str, ...]


def read_response(response: str, truth: Truth, recipe: Recipe, advantage: float | None = None) -> Answer:
    """Parse and score a response."""
    terms = score(response, truth, recipe.reward, recipe.prompt)
    reading = read_answer(response, truth.num_images, require_think=recipe.prompt.think, prefix=recipe.prompt.prefix)
    boxes = tuple(_drawn(reading.objects, truth))
    return Answer(
        response=response[:MOST_CHARACTERS],
        cut=max(0, len(response) - MOST_CHARACTERS),
        terms=terms,
        boxes=boxes,
        pairs=tuple(box.text for box in boxes),
        advantage=advantage,
        habits=tuple(habits(terms)),
    )


def habits(terms: Terms) -> list[str]:
    """Names of the failures that occur in a response, such as leakage."""
    item = terms.item
    named = {
        "leakage": item.leaked,
        "hallucination": item.hallucinated,
        "label nowhere": item.nowhere,
        "labels swapped": bool(item.binding),
        "false empty": item.false_empty,
        "unreadable": item.unreadable,
        "pixel scale": item.pixel_scale,
    }
    return [name for name, shown in named.items() if shown]


def _drawn(objects: Sequence[Object], truth: Truth) -> list[Drawn]:
    partners = {place: truth.objects[other] for place, other in match(objects, truth.objects).pairs}
    return [_one(item, partners.get(place), truth) for place, item in enumerate(objects)]


def _one(item: Object, partner: Object | None, truth: Truth) -> Drawn:
    if partner is not None:
        overlap = iou(item.bbox_2d, partner.bbox_2d)
        return Drawn(item.img_idx, item.bbox_2d, "hit" if overlap >= HIT else "near", f"IoU {overlap:.2f}")
    if item.img_idx in truth.safe_images:
        return Drawn(item.img_idx, item.bbox_2d, "astray", "wrong image")
    return Drawn(item.img_idx, item.bbox_2d, "extra", "matches no true box")
