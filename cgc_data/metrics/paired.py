"""Tests whether two models differ significantly on the same items. Items that share photos form a cluster.

The p-value comes from a permutation test. The test adds up the score differences of each cluster, and flips the signs
of these sums at random. If several groups are tested, the p-values are corrected by the method of Holm (1979).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FLIPS = 9999


def sign_flip(gains: NDArray[np.float64], codes: NDArray[np.intp], *, seed: int = 0) -> float:
    """The two-sided p-value of a sign-flip test.

    `gains` contains a score difference for each item, and `codes` contains the 0-based number of the item's cluster.
    The gains of each cluster are added up. In each draw, every sum gets a random sign. The p-value is the fraction of
    draws whose total is at least as far from 0 as the observed total. The observed total counts as one draw, so the
    p-value is never 0.
    """
    sums = np.bincount(codes, weights=gains)
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(FLIPS, len(sums)))
    reached = np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12
    return float((reached.sum() + 1) / (FLIPS + 1))


def holm(values: Sequence[float]) -> list[float]:
    """Correct p-values by the method of Holm (1979). The order stays the same."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    corrected, most = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        most = max(most, min(1.0, values[place] * (len(values) - rank)))
        corrected[place] = most
    return corrected
