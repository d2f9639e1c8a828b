"""Compares two models on the same items: the difference of their means, its confidence interval, and its p-value.

The confidence interval is computed by resampling clusters of items that share photos. The p-value comes from a
sign-flip test, which randomly flips the sign of each cluster's summed difference. Over several tasks, p-values are
corrected by Holm's method (1979), so that a task that is significant only by chance does not count as a finding. The
mean of the tasks is only one comparison, so its p-value is not corrected.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgc_bench.scoring.benchmark import ItemResult
from cgc_data.metrics.estimate import bootstrap_interval, cluster_codes
from cgc_data.metrics.paired import holm, sign_flip

MEAN = "mean of tasks"


@dataclass(frozen=True)
class Difference:
    """The score of the new model minus that of the base model, over the `n` items that both answered. Scores are from 0
    to 1.

    Attributes:
        task: task of the items.
        n: number of items, or of pairs if items are scored in pairs. For the mean of several tasks, the total over
            these tasks.
        base: mean of the base model.
        new: mean of the new model.
        low: lower bound of the difference's 95 % interval; None if there are fewer than two clusters.
        high: upper bound of the difference's 95 % interval; None if there are fewer than two clusters.
        p: probability of a difference at least this large by chance.
        corrected: `p` corrected for the number of comparisons.
        won: results of the new model on items for which it scores higher.
        lost: results of the new model on items for which the base model scores higher.
    """

    task: str
    n: int
    base: float
    new: float
    low: float | None
    high: float | None
    p: float
    corrected: float
    won: tuple[ItemResult, ...]
    lost: tuple[ItemResult, ...]


@dataclass(frozen=True)
class Comparison:
    """A new model compared with the base: the difference for each task, and for the unweighted mean of the tasks."""

    mean: Difference
    tasks: tuple[Difference, ...]


_Pairs = Sequence[tuple[ItemResult, ItemResult]]


def compare_all(
    base: Sequence[ItemResult], others: Sequence[Sequence[ItemResult]], metric: str
) -> list[Comparison | None]:
    """Compare each of the other runs with the base. The p-values are corrected over all tasks in all comparisons. A
    comparison is None if the two runs share no items.
    """
    found = [compare_units(base, other, metric) for other in others]
    corrected = iter(holm([task.p for one in found if one for task in one.tasks]))
    return [one and _corrected(one, corrected) for one in found]


def _corrected(found: Comparison, values: Iterator[float]) -> Comparison:
    return replace(found, tasks=tuple(replace(task, corrected=next(values)) for task in found.tasks))


def compare_units(base: Sequence[ItemResult], new: Sequence[ItemResult], metric: str) -> Comparison | None:
    """One difference per task, in alphabetical order of the tasks, over the items for which both models have a value.

    The p-values are not corrected. Returns None if the models share no items.
    """
    first, second = _by_index(base, metric), _by_index(new, metric)
    shared = [index for index in first if index in second]
    pairs = {
        task: [(first[i], second[i]) for i in shared if first[i].task == task]
        for task in sorted({first[index].task for index in shared})
    }
    if not pairs:
        return None
    tasks = tuple(_difference(task, chosen, metric) for task, chosen in pairs.items())
    return Comparison(_mean(tasks, list(pairs.values()), metric), tasks)


def _mean(tasks: Sequence[Difference], pairs: Sequence[_Pairs], metric: str) -> Difference:
    """The difference between the two models, averaged over the tasks.

    If a cluster has items in several tasks, the test flips the sign of the cluster in all of these tasks together.
    """
    gains = [_gains(chosen, metric) for chosen in pairs]
    clusters = [[one.cluster for one, _ in chosen] for chosen in pairs]
    columns = [(gain, cluster_codes(names)) for gain, names in zip(gains, clusters, strict=True)]
    low, high = bootstrap_interval(columns) or (None, None)
    weighted = np.concatenate([gain / len(gain) / len(tasks) for gain in gains])
    p = sign_flip(weighted, cluster_codes([name for names in clusters for name in names]))
    base, new = (sum(getattr(task, side) for task in tasks) / len(tasks) for side in ("base", "new"))
    return Difference(MEAN, sum(task.n for task in tasks), base, new, low, high, p, p, (), ())


def _gains(pairs: _Pairs, metric: str) -> NDArray[np.float64]:
    values = np.array([[one.values[metric], two.values[metric]] for one, two in pairs], dtype=np.float64)
    return values[:, 1] - values[:, 0]


def _by_index(units: Sequence[ItemResult], metric: str) -> Mapping[str, ItemResult]:
    return {f"{unit.task}/{unit.index}": unit for unit in units if unit.values.get(metric) is not None}


def _difference(task: str, pairs: _Pairs, metric: str) -> Difference:
    codes, gains = cluster_codes([one.cluster for one, _ in pairs]), _gains(pairs, metric)
    base = float(np.mean([one.values[metric] or 0.0 for one, _ in pairs]))
    low, high = bootstrap_interval([(gains, codes)]) or (None, None)
    p = sign_flip(gains, codes)
    return Difference(
        task=task,
        n=len(pairs),
        base=base,
        new=base + float(gains.mean()),
        low=low,
        high=high,
        p=p,
        corrected=p,
        won=tuple(two for (_, two), gain in zip(pairs, gains, strict=True) if gain > 0),
        lost=tuple(two for (_, two), gain in zip(pairs, gains, strict=True) if gain < 0),
    )
