"""Keeps what a question lists from telling by its name which entry is the right one.

Each name is to be right as often as chance gives, over all lists that it is in: a model that has learned how often each
name is right must know nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Surplus:
    """How much more often each concept was the right one than its lists give by chance, and in how many it was.

    Both are (concepts,).
    """

    def __init__(self, concepts: int) -> None:
        self.values: NDArray[np.float64] = np.zeros(concepts)
        self.lists: NDArray[np.int64] = np.zeros(concepts, dtype=np.int64)

    def count(self, listed: Sequence[int], right: int | None, chance: float = 1.0) -> None:
        """Take a list into account, whose right entry is `right`; `chance`: how often such a list has one, 0-1."""
        self.values[list(listed)] -= chance / len(listed)
        self.lists[list(listed)] += 1
        if right is not None:
            self.values[right] += 1.0
