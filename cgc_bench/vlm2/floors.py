"""Trivial answers to VLM2-Bench, which ignore the question and the images: a fixed answer, and a pseudo-random answer
that depends only on the item's index.
"""

import random

from cgc_bench.vlm2.items import Item

_LETTERS = "ABCD"


def fixed(item: Item) -> str:
    """The fixed answer: T, 1, or (A)."""
    return {"count": "1", "choice": "(A)"}.get(item.kind, "T")


def drawn(item: Item) -> str:
    """A random answer of the item's kind: T or F, a count from 1 to `length`, or one of four choices. All possible
    answers are equally likely.
    """
    chance = random.Random(item.index)
    if item.kind == "count":
        return str(chance.randint(1, item.length))
    return f"({chance.choice(_LETTERS)})" if item.kind == "choice" else chance.choice("TF")


FLOORS = {"fixed answer": fixed, "random answer": drawn}
