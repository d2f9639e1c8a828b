"""Means of a benchmark's metrics with 95 % confidence intervals, for each task and for the unweighted mean of the
tasks.

The intervals are computed by resampling clusters of items that share photos. Each task is resampled separately, on the
assumption that no cluster has items in more than one task.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from cgc_bench.scoring.benchmark import ItemResult
from cgc_data.metrics import Estimate, estimate
from cgc_data.metrics.estimate import macro_estimate

Estimates = dict[str, Estimate]


def task_estimates(results: Sequence[ItemResult], metrics: Sequence[str]) -> dict[str, Estimates]:
    """Estimates of every metric for every task and subtask, from 0 to 1. Tasks are in alphabetical order, followed by
    subtasks.
    """
    return {
        task: {
            metric: estimate([r.values.get(metric) for r in group], [r.cluster for r in group]) for metric in metrics
        }
        for task, group in (_grouped(results, "task") | _grouped(results, "subtask")).items()
    }


def macro_estimates(results: Sequence[ItemResult], metrics: Sequence[str]) -> Estimates:
    """For each metric, the unweighted mean over the tasks for which it is defined, from 0 to 1. `n` is the number of
    items for which the metric is defined.
    """
    groups = _grouped(results, "task")
    return {
        metric: macro_estimate(
            ([r.values.get(metric) for r in group], [r.cluster for r in group]) for group in groups.values()
        )
        for metric in metrics
    }


def _grouped(results: Sequence[ItemResult], level: Literal["task", "subtask"]) -> dict[str, list[ItemResult]]:
    groups: dict[str, list[ItemResult]] = defaultdict(list)
    for result in results:
        groups[result.subtask if level == "subtask" else result.task].append(result)
    return {task: groups[task] for task in sorted(groups) if task}
