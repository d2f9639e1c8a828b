"""Compares two models on the same items: the difference of their means, its confidence interval, and its p-value.

The confidence interval is computed by resampling clusters of items that share photos. The p-value comes from a
sign-flip test, which randomly flips the sign of each cluster's summed difference. If there are several tasks, one of
them can look significant by chance. The p-values of the tasks are therefore corrected by Holm's method (1979). The mean
of the tasks is a single comparison, so its p-value is not corrected.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cgc_bench.scoring.benchmark import ItemResult
from cgc_data.metrics.estimate import bootstrap_interval, cluster_codes
from cgc_data.metrics.paired import holm, sign_flip

MEAN = "mean of tasks"


@dataclass(frozen=True)
class Difference:
    """The new model's score minus the base model's score, over the `n` items that both models answered. Scores are from
    0 to 1.

    Attributes:
        task: task or subtask of the items.
        n: number of items, or of pairs if items are scored in pairs. For the mean of several tasks, `n` is the total
            over these tasks.
        base: mean score of the base model.
        new: mean score of the new model.
        low: lower bound of the difference's 95 % interval; None if there are fewer than two clusters.
        high: upper bound of the difference's 95 % interval; None if there are fewer than two clusters.
        p: probability that chance alone produces a difference at least this large.
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
    """A new model compared with the base.

    Attributes:
        mean: the difference between the models' unweighted means over the tasks.
        tasks: the difference for each task.
        subtasks: the difference for each subtask, if a task has several. Subtasks do not affect `mean`.
    """

    mean: Difference
    tasks: tuple[Difference, ...]
    subtasks: tuple[Difference, ...] = ()


_Pairs = Sequence[tuple[ItemResult, ItemResult]]


def compare_all(
    base: Sequence[ItemResult], others: Sequence[Sequence[ItemResult]], metric: str
) -> list[Comparison | None]:
    """Compare each of the other runs with the base. The p-values are corrected over all tasks in all comparisons, and
    separately over all subtasks. A comparison is None if the two runs share no items.
    """
    found = [compare_units(base, other, metric) for other in others]
    tasks = _corrected([one.tasks if one else () for one in found])
    subtasks = _corrected([one.subtasks if one else () for one in found])
    return [
        one and replace(one, tasks=next_tasks, subtasks=next_subtasks)
        for one, next_tasks, next_subtasks in zip(found, tasks, subtasks, strict=True)
    ]


def _corrected(found: Sequence[tuple[Difference, ...]]) -> Iterator[tuple[Difference, ...]]:
    """The same differences, with p-values corrected for the total number of differences."""
    values = iter(holm([one.p for differences in found for one in differences]))
    for differences in found:
        yield tuple(replace(one, corrected=next(values)) for one in differences)


def compare_units(base: Sequence[ItemResult], new: Sequence[ItemResult], metric: str) -> Comparison | None:
    """Compare a new model with the base on the items for which both models have a value. The result has one difference
    per task, with the tasks in alphabetical order, and one per subtask.

    The p-values are not corrected. Returns None if the models share no items.
    """
    first, second = _by_index(base, metric), _by_index(new, metric)
    shared = [(first[index], second[index]) for index in first if index in second]
    if not shared:
        return None
    by_task = _grouped(shared, "task")
    tasks = tuple(_difference(task, pairs, metric) for task, pairs in by_task.items())
    subtasks = tuple(
        _difference(subtask, chosen, metric)
        for pairs in by_task.values()
        if len(by_subtask := _grouped(pairs, "subtask")) > 1
        for subtask, chosen in by_subtask.items()
        if subtask
    )
    return Comparison(_mean(tasks, list(by_task.values()), metric), tasks, subtasks)


def _grouped(pairs: _Pairs, level: Literal["task", "subtask"]) -> dict[str, _Pairs]:
    groups: dict[str, list[tuple[ItemResult, ItemResult]]] = {}
    for pair in pairs:
        groups.setdefault(pair[0].subtask if level == "subtask" else pair[0].task, []).append(pair)
    return dict(sorted(groups.items()))


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
