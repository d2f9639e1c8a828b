"""Answers that ignore the input: the first option, and a pseudo-random option that depends only on the item's index."""

import random

from cgc_bench.transfer.items import Item

_OTHER = {"list": "[0, 0]"}


def first(item: Item) -> str:
    """The letter A, or 0 if there are no options."""
    return item.letters[0] if item.letters else _OTHER.get(item.kind, "0")


def drawn(item: Item) -> str:
    """An option drawn uniformly, or a number from 0 to 9 if the item has no options."""
    chance = random.Random(item.index)
    if item.letters:
        return chance.choice(item.letters)
    return _OTHER.get(item.kind, str(chance.randint(0, 9)))


FLOORS = {"first option": first, "random option": drawn}
