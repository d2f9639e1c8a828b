"""Statistics with intervals: rates, AUCs clustered by group, a plain logistic classifier, and a test of uniformity.

A check fails only if its whole interval is beyond the bound, so that a small release does not fail by chance.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import beta, chi2, norm, rankdata

from cgc_data.validate.report import Check, Interval, Status

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RESAMPLES = 400
LEVEL_OF_FEW = 1 - 0.05 / 100
FEW_GROUPS = 30


def judge(name: str, value: float, interval: Interval, bound: float, n: int, what: str) -> Check:
    """The result of the check that `value` <= `bound`.

    The check fails if the whole interval is above the bound, and ends with a note if the interval contains the bound.
    """
    status: Status = "fail" if interval[0] > bound else "note" if interval[1] > bound else "pass"
    note = {"fail": f"{what}: beyond the bound", "note": f"{what}: too few rows to measure", "pass": what}[status]
    return Check(name, status, n, value, bound, interval, note)


def measured(name: str, value: float, n: int, what: str, interval: Interval | None = None) -> Check:
    """The result of a check that reports a value without a bound."""
    return Check(name, "note", n, value, None, interval, what)


def nothing(name: str, what: str) -> Check:
    """The result of a check for which there are no rows."""
    return Check(name, "note", 0, None, None, None, f"{what}: no such rows")


def wilson(hits: float, n: float, level: float = 0.95) -> Interval:
    """Wilson interval (95 % by default) of the rate `hits` / `n`."""
    if n <= 0:
        return 0.0, 1.0
    z, rate = float(norm.ppf((1 + level) / 2)), min(max(hits / n, 0.0), 1.0)
    center = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)))
    return max(0.0, center - half), min(1.0, center + half)


def exact(hits: float, n: float, level: float = 0.95) -> Interval:
    """Clopper-Pearson interval of the rate `hits` / `n`. Unlike an approximate interval, it is never too narrow."""
    hits = min(max(hits, 0.0), n)
    low = float(beta.ppf((1 - level) / 2, hits, n - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf((1 + level) / 2, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def clustered_mean(values: Floats, groups: Ints, *, chance: float = 0.0, level: float = 0.95) -> tuple[float, Interval]:
    """Mean of `values` (n,), with an interval from resampling whole `groups` (n,).

    If the values are rates minus a chance level, `chance` is this level.
    """
    sums, sizes = np.bincount(groups, values), np.bincount(groups)
    drawn = _resampled(len(sums))
    means = (drawn @ sums) / np.maximum(drawn @ sizes, 1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    mean = float(values.mean())
    return mean, _widened((float(low), float(high)), mean, len(sums), chance, level)


def hit_rate(hits: Floats, groups: Ints) -> tuple[float, Interval]:
    """`clustered_mean` of `hits` (n,), whose values are from 0 to 1.

    If there are no hits, every resample has the rate zero. In this case, the interval extends at least to the upper end
    of the Wilson interval for as many trials as there are groups.
    """
    rate, interval = clustered_mean(hits, groups)
    if hits.any():
        return rate, interval
    return 0.0, (0.0, max(interval[1], wilson(0, len(np.unique(groups)))[1]))


def clustered_auc(scores: Floats, truths: NDArray[np.bool_], groups: Ints, strata: Ints) -> tuple[float, Interval]:
    """Area under the ROC curve, with an interval from resampling entire groups.

    Rows are compared only with rows of the same stratum. All arguments have shape (n,). Ties count half. If no stratum
    contains both true and false rows, the result is 0.5 with the interval (0, 1).
    """
    weights = np.vstack([np.ones(int(groups.max()) + 1), _resampled(int(groups.max()) + 1)])
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    alone = np.zeros((2, weights.shape[1]))  # by group, of strata in one group: all their pairs have one weight
    order = strata.argsort(kind="stable")
    for inside in np.split(order, np.flatnonzero(np.diff(strata[order])) + 1):
        within = groups[inside]
        one_group = bool((within == within[0]).all())
        w, p = _won(scores[inside], truths[inside], np.ones((1, len(inside))) if one_group else weights[:, within])
        if one_group:
            alone[:, within[0]] += w[0], p[0]
        else:
            won, pairs = won + w, pairs + p
    won, pairs = won + weights**2 @ alone[0], pairs + weights**2 @ alone[1]
    if pairs[0] == 0:
        return 0.5, (0.0, 1.0)
    areas = won[pairs > 0] / pairs[pairs > 0]
    low, high = np.quantile(areas[1:], [0.025, 0.975]) if len(areas) > 1 else (0.0, 1.0)
    return float(areas[0]), _widened((float(low), float(high)), float(areas[0]), int(groups.max()) + 1)


def _widened(interval: Interval, value: float, groups: int, chance: float = 0.0, level: float = 0.95) -> Interval:
    """If there are few groups, widen an interval from resampling so that it contains the exact interval.

    With few groups, intervals from resampling are too narrow. For example, the interval for a single group has no
    width.

    A report has about a hundred checks. At the usual confidence level of 95 %, a small release would fail some of them
    by chance. The exact interval therefore has a higher level.
    """
    if groups >= FEW_GROUPS:
        return interval
    low, high = exact((value + chance) * groups, groups, max(level, LEVEL_OF_FEW))
    return min(interval[0], low - chance), max(interval[1], high - chance)


def _won(scores: Floats, truths: NDArray[np.bool_], weights: Floats) -> tuple[Floats, Floats]:
    """Total weight of the pairs in which the true row scores higher, and total weight of all pairs.

    A pair consists of a true row and a false row. `weights` has shape (resamples, n).
    """
    places = rankdata(scores, method="dense").astype(np.int64) - 1
    negative = np.where(truths, 0.0, weights)
    positive = np.where(truths, weights, 0.0)
    count = int(places.max()) + 1 if len(places) else 0
    at = np.stack([np.bincount(places, row, count) for row in negative])
    below = np.cumsum(at, axis=1) - at / 2
    return (positive * below[:, places]).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1)


def _resampled(groups: int) -> Floats:
    """How often each group is drawn in each resample, with shape (RESAMPLES, groups).

    The result is deterministic for a given number of groups.
    """
    random = np.random.default_rng(groups)
    drawn = (
        random.multinomial(groups, np.full(groups, 1 / groups), size=RESAMPLES) if groups else np.zeros((RESAMPLES, 0))
    )
    return np.asarray(drawn, dtype=np.float64)


def fit_logistic(features: Floats, truths: NDArray[np.bool_], penalty: float = 1.0) -> Floats:
    """Weights (features + 1,) of an L2-penalized logistic regression on features (n, features).

    The last weight is the intercept.
    """
    signs = np.where(truths, 1.0, -1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = signs * (features @ weights[:-1] + weights[-1])
        slope = -signs * expit(-margin)
        gradient = np.append(features.T @ slope + penalty * weights[:-1], slope.sum())
        return float(np.logaddexp(0, -margin).sum() + 0.5 * penalty * weights[:-1] @ weights[:-1]), gradient

    found: Any = minimize(
        loss, np.zeros(features.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 100, "ftol": 1e-7}
    )
    return np.asarray(found.x, dtype=np.float64)


def held_out_scores(features: Floats, truths: NDArray[np.bool_], folds: Ints) -> Floats:
    """The score of each row, with shape (n,), from a classifier that was fitted to the other folds."""
    scores = np.zeros(len(truths))
    for fold in np.unique(folds):
        held = folds == fold
        if truths[~held].any() and not truths[~held].all():
            weights = fit_logistic(features[~held], truths[~held])
            scores[held] = features[held] @ weights[:-1] + weights[-1]
    return scores


def uniformity(tables: Sequence[Floats]) -> tuple[float, float]:
    """Pooled chi-square statistic, and the p-value of the hypothesis that every table of counts (k,) is uniform."""
    total, freedom = 0.0, 0
    for counts in tables:
        expected = counts.sum() / len(counts)
        if expected > 0 and len(counts) > 1:
            total += float(((counts - expected) ** 2 / expected).sum())
            freedom += len(counts) - 1
    return total, float(chi2.sf(total, freedom)) if freedom else 1.0
