"""Computes a mean with its 95 % interval, by a bootstrap over clusters of items that share photos.

Results on the same photos are correlated. Intervals that ignore this correlation would be too narrow.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
RESAMPLES = 1000
# Largest size of a table of draws that is cached (8 MB), and block size for larger tables, both in numbers.
KEPT = 1_000_000
# Values, and the 0-based numbers of their clusters.
Column: TypeAlias = tuple[NDArray[np.float64], NDArray[np.intp]]


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` items. `low` and `high` are the bounds of its 95 % interval.

    `value` is None if no item has a value. The bounds are None if there are fewer than two clusters, or if no bounds
    were requested.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


def estimate(
    values: Sequence[float | bool | None], clusters: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """The mean of the values that are not None, with the percentile interval of a bootstrap over clusters.

    If all values are 0 or all are 1, all bootstrap draws are the same. In this case, the interval extends from the mean
    to the exact bound of Clopper and Pearson (1934) for `effective_clusters` trials.

    Args:
        values: one per item.
        clusters: cluster of each item, in the same order.
        resamples: number of bootstrap draws; 0 for no interval.
        seed: random seed of the draws.
    """
    numbers, codes = _column(values, clusters)
    if not len(numbers):
        return Estimate(None, None, None, 0)
    mean = float(numbers.mean())
    if not resamples or codes.max() == 0:
        return Estimate(mean, None, None, len(numbers))
    if _is_constant(numbers):
        reach = 1 - TAIL ** (1 / effective_clusters(codes))
        return Estimate(mean, max(0.0, mean - reach), min(1.0, mean + reach), len(numbers))
    low, high = bootstrap_interval([(numbers, codes)], resamples=resamples, seed=seed) or (None, None)
    return Estimate(mean, low, high, len(numbers))


def macro_estimate(
    groups: Iterable[tuple[Sequence[float | bool | None], Sequence[str]]], *, shares: bool = True
) -> Estimate:
    """The unweighted mean of the groups' means, with an interval. `n` counts the values that are not None.

    The groups must not share clusters, because each group is resampled separately. Groups without a value are skipped.

    Args:
        groups: for each group, its values and their clusters.
        shares: whether values are within 0-1. If true, a group whose values are all 0 or all 1 gets the exact bound
            that `estimate` uses. Use False for differences.
    """
    columns = [column for column in (_column(values, clusters) for values, clusters in groups) if len(column[0])]
    if not columns:
        return Estimate(None, None, None, 0)
    mean = sum(float(values.mean()) for values, _ in columns) / len(columns)
    low, high = (_macro_interval if shares else bootstrap_interval)(columns) or (None, None)
    return Estimate(mean, low, high, sum(len(values) for values, _ in columns))


def effective_clusters(codes: NDArray[np.intp]) -> float:
    """The number of equally large clusters that would carry the same information as these clusters (Kish, 1965). The
    more the cluster sizes differ, the smaller this number is.
    """
    sizes = np.bincount(codes).astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _is_constant(values: NDArray[np.float64]) -> bool:
    return bool(np.all(values == values[0]) and values[0] in (0, 1))


def _macro_interval(columns: Sequence[Column]) -> tuple[float, float] | None:
    """Like `bootstrap_interval`, except for columns whose values are all 0 or all 1. The means of such a column are
    drawn from a distribution whose quantiles are the bounds of Clopper and Pearson.
    """
    if all(codes.max() == 0 for _, codes in columns):
        return None
    draws = [_draws(column, place) for place, column in enumerate(columns)]
    low = np.quantile(np.mean([lower for lower, _ in draws], axis=0), TAIL)
    high = np.quantile(np.mean([upper for _, upper in draws], axis=0), 1 - TAIL)
    return float(low), float(high)


def _draws(column: Column, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two sets of draws of a column's mean: one for the lower bound and one for the upper bound. The two sets differ
    only if all values are 0 or all are 1.

    The upper quantiles of Beta(1, n) are the upper bounds of Clopper and Pearson for zero hits in n trials.
    """
    values, codes = column
    if not _is_constant(values):
        means = bootstrap_means(values, codes, seed=seed)
        return means, means
    same = np.full(RESAMPLES, values[0])
    reach = np.random.default_rng(seed).beta(1.0, effective_clusters(codes), RESAMPLES)
    return (same, same + reach) if values[0] == 0 else (same - reach, same)


def _column(values: Sequence[float | bool | None], clusters: Sequence[str]) -> Column:
    """The values that are not None, and the cluster number of each of these values."""
    kept = [(float(value), cluster) for value, cluster in zip(values, clusters, strict=True) if value is not None]
    return np.array([value for value, _ in kept]), cluster_codes([cluster for _, cluster in kept])


def cluster_codes(clusters: Sequence[str]) -> NDArray[np.intp]:
    """The 0-based cluster number of each value, as an array (values,)."""
    codes: NDArray[np.intp] = np.unique(clusters, return_inverse=True)[1]
    return codes


def bootstrap_interval(
    columns: Sequence[Column], *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float] | None:
    """Percentile bounds of the unweighted mean of the columns' means; None if every column has only one cluster."""
    if all(codes.max() == 0 for _, codes in columns):
        return None
    draws = [
        bootstrap_means(values, codes, resamples=resamples, seed=seed + place)
        for place, (values, codes) in enumerate(columns)
    ]
    low, high = np.quantile(np.mean(draws, axis=0), [TAIL, 1 - TAIL])
    return float(low), float(high)


def bootstrap_means(
    values: NDArray[np.float64], codes: NDArray[np.intp], *, resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """Means (resamples,) of bootstrap draws. Each draw resamples whole clusters. `values` and `codes` have shape (n,);
    `codes` contains the 0-based cluster number of each value.
    """
    clusters = int(codes.max()) + 1
    sums, counts = np.bincount(codes, values, clusters), np.bincount(codes, minlength=clusters)
    if resamples * clusters <= KEPT:  # metrics on the same items use the same draws
        times = _kept_times(clusters, resamples, seed)
        # Whole numbers have the same sum in any order; the last bits of other sums depend on it.
        totals = times @ sums if np.array_equal(sums, np.rint(sums)) else np.array([row @ sums for row in times])
        return totals / (times @ counts)
    drawn = (row for times in _drawn_times(clusters, resamples, seed) for row in times)
    return np.array([(times @ sums) / (times @ counts) for times in drawn])


@lru_cache(maxsize=32)
def _kept_times(clusters: int, resamples: int, seed: int) -> NDArray[np.float64]:
    return np.concatenate(list(_drawn_times(clusters, resamples, seed)))


def _drawn_times(clusters: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each draw (a row) contains each cluster (a column). The rows are computed in blocks, because all draws
    together may not fit in memory.
    """
    generator = np.random.default_rng(seed)
    rows = max(1, KEPT // clusters)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        drawn = generator.integers(clusters, size=(count, clusters)) + clusters * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * clusters).reshape(count, clusters).astype(np.float64)
