"""Two models on the same items: the difference of their means, its interval, and how likely chance gives it.

Draws are over clusters of items that share photos. p is that of a test that flips the signs of whole clusters' sums;
over several tasks it is corrected by Holm (1979), so that one task in twenty is no finding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgc_bench.scoring.benchmark import ItemResult
from cgc_data.metrics.estimate import bootstrap_interval, cluster_codes
from cgc_data.metrics.paired import holm, sign_flip


@dataclass(frozen=True)
class Difference:
    """New less base over the `n` items that both answered, 0-1.

    Attributes:
        task: of the items.
        n: items, or pairs where only both together count.
        base: mean of the base.
        new: mean of the new one.
        low: of the difference's 95 % interval; None where there are fewer than two clusters.
        high: likewise.
        p: probability of a difference as large by chance.
        corrected: the same, corrected for the number of tasks.
        won: indices of the items that only the new one has right or has better.
        lost: indices of the items that only the base has right or has better.
    """

    task: str
    n: int
    base: float
    new: float
    low: float | None
    high: float | None
    p: float
    corrected: float
    won: tuple[str, ...]
    lost: tuple[str, ...]


def compare_units(base: Sequence[ItemResult], new: Sequence[ItemResult], metric: str) -> list[Difference]:
    """The differences by task, in alphabetical order; items that one has not answered, or not defined, are left out."""
    first, second = _by_index(base, metric), _by_index(new, metric)
    shared = [index for index in first if index in second]
    tasks = sorted({first[index].task for index in shared})
    found = [
        _difference(task, [(first[i], second[i]) for i in shared if first[i].task == task], metric) for task in tasks
    ]
    return [replace(one, corrected=p) for one, p in zip(found, holm([one.p for one in found]), strict=True)]


def _by_index(units: Sequence[ItemResult], metric: str) -> Mapping[str, ItemResult]:
    return {f"{unit.task}/{unit.index}": unit for unit in units if unit.values.get(metric) is not None}


def _difference(task: str, pairs: Sequence[tuple[ItemResult, ItemResult]], metric: str) -> Difference:
    values = np.array([[one.values[metric], two.values[metric]] for one, two in pairs], dtype=np.float64)
    codes = cluster_codes([one.cluster for one, _ in pairs])
    gains: NDArray[np.float64] = values[:, 1] - values[:, 0]
    low, high = bootstrap_interval([(gains, codes)]) or (None, None)
    p = sign_flip(gains, codes)
    return Difference(
        task=task,
        n=len(pairs),
        base=float(values[:, 0].mean()),
        new=float(values[:, 1].mean()),
        low=low,
        high=high,
        p=p,
        corrected=p,
        won=tuple(one.index for (one, _), gain in zip(pairs, gains, strict=True) if gain > 0),
        lost=tuple(one.index for (one, _), gain in zip(pairs, gains, strict=True) if gain < 0),
    )
