"""Means of a benchmark's metrics with 95 % intervals, by task and as the unweighted mean of the tasks.

Draws are over clusters of items that share photos; tasks share none, so each is drawn by itself.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cgc_bench.scoring.benchmark import ItemResult
from cgc_data.metrics import Estimate, bootstrap_means, estimate
from cgc_data.metrics.estimate import CONFIDENCE

Estimates = dict[str, Estimate]


def task_estimates(results: Sequence[ItemResult], metrics: Sequence[str]) -> dict[str, Estimates]:
    """Every metric of every task and subtask, 0-1; each in alphabetical order."""
    return {
        task: {
            metric: estimate([r.values.get(metric) for r in group], [r.cluster for r in group]) for metric in metrics
        }
        for task, group in (_grouped(results, "task") | _grouped(results, "subtask")).items()
    }


def macro_estimates(results: Sequence[ItemResult], metrics: Sequence[str]) -> Estimates:
    """The unweighted mean over the tasks that define the metric, 0-1; `n` counts their items."""
    groups = _grouped(results, "task")
    return {metric: _macro(list(groups.values()), metric) for metric in metrics}


def _grouped(results: Sequence[ItemResult], level: Literal["task", "subtask"]) -> dict[str, list[ItemResult]]:
    groups: dict[str, list[ItemResult]] = defaultdict(list)
    for result in results:
        groups[result.subtask if level == "subtask" else result.task].append(result)
    return {task: groups[task] for task in sorted(groups) if task}


def _macro(groups: Sequence[Sequence[ItemResult]], metric: str) -> Estimate:
    columns = [column for column in (_column(group, metric) for group in groups) if len(column[0])]
    if not columns:
        return Estimate(None, None, None, 0)
    mean = sum(float(values.mean()) for values, _ in columns) / len(columns)
    count = sum(len(values) for values, _ in columns)
    if all(codes.max() == 0 for _, codes in columns):
        return Estimate(mean, None, None, count)
    draws = [bootstrap_means(values, codes, seed=seed) for seed, (values, codes) in enumerate(columns)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.mean(draws, axis=0), [tail, 1 - tail])
    return Estimate(mean, float(low), float(high), count)


def _column(group: Sequence[ItemResult], metric: str) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Values of the items that define the metric, and the numbers of their clusters."""
    kept = [(float(value), r.cluster) for r in group if (value := r.values.get(metric)) is not None]
    _, codes = np.unique([cluster for _, cluster in kept], return_inverse=True)
    return np.array([value for value, _ in kept]), codes
