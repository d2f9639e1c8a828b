"""Compares two arms of a training experiment on the same rows. Computes means and differences with intervals, and makes
a table.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.markdown import table, two_digits

Scores: TypeAlias = dict[str, dict[str, float | None]]  # metric -> row ID -> value
DRAWS = 2000


def comparison(runs: Sequence[dict[str, Any]], metric: str) -> dict[str, Any] | None:
    """Compare two arms by a metric. For each seed, returns the mean before training, the mean after training with each
    arm, and the difference between the arms. Also returns the difference over all seeds. Returns None if the metric is
    undefined for every row.
    """
    first, second = runs[0]
    photos = runs[0][first]["end"]["photos"]
    columns = {arm: [run[arm]["end"]["values"][metric] for run in runs] for arm in (first, second)}
    if all(value is None for column in columns[first] for value in column.values()):
        return None
    gains = [
        [_gain(new[key], old[key]) for key in photos] for new, old in zip(columns[second], columns[first], strict=True)
    ]
    clusters = list(photos.values())
    return {
        "start": [_mean(run[first]["start"]["values"][metric]) for run in runs],
        "means": {arm: [_mean(column) for column in found] for arm, found in columns.items()},
        "differences": [interval([column], clusters) for column in gains],
        "pooled": interval(gains, clusters),
    }


def interval(gains: Sequence[Sequence[float | None]], clusters: Sequence[str]) -> list[float | None]:
    """Mean of `gains`, which has the shape (seeds, rows), and the bounds of its 95 % interval. The bootstrap resamples
    both seeds and photo sets.
    """
    values = np.array([[np.nan if value is None else value for value in column] for column in gains], dtype=float)
    defined = ~np.isnan(values)
    if not defined.any():
        return [None, None, None]
    filled = np.nan_to_num(values)
    codes = np.unique(clusters, return_inverse=True)[1]
    count, generator, draws = codes.max() + 1, np.random.default_rng(0), []
    for _ in range(DRAWS):
        seeds = generator.integers(len(values), size=len(values))
        weights = np.bincount(generator.integers(count, size=count), minlength=count)[codes]
        counted = (defined[seeds] * weights).sum()
        draws.append((filled[seeds] * weights).sum() / counted if counted else np.nan)
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return [float(filled.sum() / defined.sum()), float(low), float(high)]


def _gain(new: float | None, old: float | None) -> float | None:
    return None if new is None or old is None else new - old


def _mean(values: dict[str, float | None]) -> float | None:
    known = [value for value in values.values() if value is not None]
    return sum(known) / len(known) if known else None


def comparison_table(found: dict[str, Any], arms: dict[str, str]) -> str:
    """One line per metric and seed, and one line per metric for all seeds. A difference is bold if its whole interval
    is on one side of 0.
    """
    first, second = arms
    head = ["metric", "seed", "start", arms[first], arms[second], "difference, 95 %"]
    lines = []
    for metric, values in found["metrics"].items():
        if values is None:
            continue
        columns = [values["start"], values["means"][first], values["means"][second]]
        for place, seed in enumerate(found["seeds"]):
            cells = [two_digits(column[place]) for column in columns]
            lines.append([metric, str(seed), *cells, _bounded(values["differences"][place])])
        lines.append([metric, "all", *(two_digits(_average(column)) for column in columns), _bounded(values["pooled"])])
    seconds = [f"{sum(found['seconds'][arm]) / len(found['seeds']):.0f}" for arm in arms]
    return table(head, [*lines, ["processor seconds", "all", "", *seconds, ""]])


def _average(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _bounded(values: Sequence[float | None]) -> str:
    mean, low, high = values
    if mean is None or low is None or high is None:
        return "-"
    text = f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"
    return f"**{text}**" if low > 0 or high < 0 else text
