"""Trivial answers, which ignore the question and the images: the first option, and a pseudo-random option that depends
only on the item's index.
"""

import random

from cgc_bench.transfer.items import Item

_OTHER = {"list": "[0, 0]"}


def first(item: Item) -> str:
    """The letter A. If the item has no options, the answer is `[0, 0]` for the kind `list`, and 0 for other kinds."""
    return item.letters[0] if item.letters else _OTHER.get(item.kind, "0")


def drawn(item: Item) -> str:
    """A random option. If the item has no options, the answer is `[0, 0]` for the kind `list`, and a random number from
    0 to 9 for other kinds.
    """
    chance = random.Random(item.index)
    if item.letters:
        return chance.choice(item.letters)
    return _OTHER.get(item.kind, str(chance.randint(0, 9)))


FLOORS = {"first option": first, "random option": drawn}
