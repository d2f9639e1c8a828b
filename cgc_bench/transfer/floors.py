"""Trivial answers, which ignore the question and the images: the first option, and a pseudo-random option that depends
only on the item's index.
"""

import random

from cgc_bench.transfer.items import Item

_OTHER = {"list": "[0, 0]"}


def first(item: Item) -> str:
    """The letter A. Without options, the answer is `[0, 0]` for a list and 0 otherwise."""
    return item.letters[0] if item.letters else _OTHER.get(item.kind, "0")


def drawn(item: Item) -> str:
    """A random option. Without options, the answer is `[0, 0]` for a list and a number from 0 to 9 otherwise."""
    chance = random.Random(item.index)
    if item.letters:
        return chance.choice(item.letters)
    return _OTHER.get(item.kind, str(chance.randint(0, 9)))


FLOORS = {"first option": first, "random option": drawn}
