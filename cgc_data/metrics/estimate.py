"""A mean with its 95 % interval, drawn over clusters of items that share photos: a cluster bootstrap.

Items about the same photos go right and wrong together; intervals that took them for independent would be too narrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` items; `low` and `high` bound it at 95 %.

    `value` is None where no item counts, the bounds where fewer than two clusters do or none were asked for.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


def estimate(
    values: Sequence[float | bool | None], clusters: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """The mean of the values that are not None, with the percentile interval of a bootstrap over clusters.

    Where all values are 0, or all 1, no draw can differ: the bound is then the exact one of Clopper and Pearson (1934)
    for as many trials as there are clusters.

    Args:
        values: one an item.
        clusters: of the items, in the same order.
        resamples: draws of the bootstrap; 0: no interval.
        seed: of the draws.
    """
    kept = [(float(value), cluster) for value, cluster in zip(values, clusters, strict=True) if value is not None]
    if not kept:
        return Estimate(None, None, None, 0)
    numbers = np.array([value for value, _ in kept])
    _, codes = np.unique([cluster for _, cluster in kept], return_inverse=True)
    mean = float(numbers.mean())
    if not resamples or codes.max() == 0:
        return Estimate(mean, None, None, len(kept))
    tail = (1 - CONFIDENCE) / 2
    if mean in (0, 1) and not numbers.std():
        reach = 1 - tail ** (1 / (codes.max() + 1))
        return Estimate(mean, max(0.0, mean - reach), min(1.0, mean + reach), len(kept))
    draws = bootstrap_means(numbers, codes, resamples=resamples, seed=seed)
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Estimate(mean, float(low), float(high), len(kept))


def bootstrap_means(
    values: NDArray[np.float64], codes: NDArray[np.intp], *, resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """Means of `resamples` draws of whole clusters; `codes` are the clusters of the values, from 0."""
    clusters = int(codes.max()) + 1
    sums, counts = np.bincount(codes, values, clusters), np.bincount(codes, minlength=clusters)
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    for draw in range(resamples):  # a matrix of all draws would not fit for ten thousand clusters
        times = np.bincount(generator.integers(clusters, size=clusters), minlength=clusters)
        means[draw] = (times @ sums) / (times @ counts)
    return means
