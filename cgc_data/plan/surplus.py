"""Counts how often each name is the right one in the lists of names that questions contain.

Over all lists, each name should be right as often as chance would predict. Then a model gains nothing by learning how
often each name is right.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Surplus:
    """For each concept: how much more often it was the right name than chance predicts (`values`), and how many lists
    contained it (`lists`).

    Both arrays are (concepts,).
    """

    def __init__(self, concepts: int) -> None:
        self.values: NDArray[np.float64] = np.zeros(concepts)
        self.lists: NDArray[np.int64] = np.zeros(concepts, dtype=np.int64)

    def count(self, listed: Sequence[int], right: int | None, chance: float = 1.0) -> None:
        """Count a list whose right name is `right`. `chance` (0-1) is the share of lists of this kind that have a right
        name.
        """
        self.values[list(listed)] -= chance / len(listed)
        self.lists[list(listed)] += 1
        if right is not None:
            self.values[right] += 1.0
