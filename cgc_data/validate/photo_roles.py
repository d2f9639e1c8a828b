"""Measures whether you can predict a photo's role in a row (target or not) from its roles in other rows."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cgc_data.validate.answer_counts import AUC_BOUND
from cgc_data.validate.classify import families
from cgc_data.validate.report import Check
from cgc_data.validate.statistics import clustered_auc, judge, measured, nothing, wilson
from cgc_data.validate.trace import Trace

MOST_ROWS = 20_000  # maximum rows to fit a classifier to, or to measure how often photos are shown in
SEED = 0


def odd_one_out(traces: Sequence[Trace]) -> Check:
    """Measure whether a photo is more likely to be the target in a row if it is often the target in other rows."""
    name, what = (
        "target photo is the odd one out",
        "AUC of guessing the photo that is most often the target in unrelated rows",
    )
    rows = at_most([t for t in traces if not t.kind.contrast.windows and t.targets], MOST_ROWS)
    groups = families(rows)
    roles = [(t, t.photos[number - 1], number in t.targets) for t in rows for number in t.candidates]
    if not roles:
        return nothing(name, what)
    row_of = np.repeat(np.arange(len(rows)), [len(t.candidates) for t in rows])
    truths = np.array([target for _, _, target in roles], dtype=bool)
    expected = np.array([len(t.targets) / len(t.candidates) for t, _, _ in roles])
    keys = [photo for _, photo, _ in roles]
    scores = elsewhere(keys, groups[row_of], truths - expected)
    known = ~np.isnan(scores)
    if not known.any():
        return nothing(name, what)
    auc, interval = clustered_auc(scores[known], truths[known], groups[row_of][known], row_of[known])
    return judge(name, auc, interval, AUC_BOUND, int(known.sum()), what)


def one_sided_photos(traces: Sequence[Trace]) -> Check:
    """Share of photos that are always or never the target, among photos that are shown at least 6 times."""
    name, what = (
        "photos serve in both roles",
        "share of photos that are always or never the target, among photos shown at least 6 times",
    )
    roles: defaultdict[str, list[bool]] = defaultdict(list)
    for trace in traces:
        if not trace.kind.contrast.windows and trace.targets:
            for number in trace.candidates:
                roles[trace.photos[number - 1]].append(number in trace.targets)
    often = [found for found in roles.values() if len(found) >= 6]
    if not often:
        return nothing(name, what)
    one_sided = sum(all(found) or not any(found) for found in often)
    return measured(name, one_sided / len(often), len(often), what, wilson(one_sided, len(often)))


def photo_tells_absent(traces: Sequence[Trace]) -> Check:
    """Measure how well other rows with the same photos predict whether a row has an empty answer."""
    name, what = (
        "photos tell absent",
        "AUC of guessing that a row has an empty answer if its photos often occur with empty answers in unrelated rows",
    )
    rows = at_most([t for t in traces if not t.kind.contrast.windows], MOST_ROWS)
    truths = np.array([not t.boxes for t in rows], dtype=bool)
    if not truths.any() or truths.all():
        return nothing(name, what)
    groups = families(rows)
    row_of = np.repeat(np.arange(len(rows)), [len(t.photos) for t in rows])
    keys = [photo for t in rows for photo in t.photos]
    views = elsewhere(keys, groups[row_of], truths[row_of].astype(np.float64))
    known = ~np.isnan(views)
    counts = np.bincount(row_of[known], minlength=len(rows))
    sums = np.bincount(row_of[known], views[known], minlength=len(rows))
    usable = counts > 0
    scores = sums[usable] / counts[usable]
    if not usable.any():
        return nothing(name, what)
    auc, interval = clustered_auc(scores, truths[usable], groups[usable], np.zeros(int(usable.sum()), dtype=np.int64))
    return measured(name, auc, int(usable.sum()), what, interval)


def at_most(rows: list[Trace], most: int) -> list[Trace]:
    """All rows if there are at most `most` of them; otherwise, the rows of randomly chosen families, up to this limit.

    A family consists of the rows that are linked by a pair or a tuple.
    """
    if len(rows) <= most:
        return rows
    groups = families(rows)
    order = np.random.default_rng(SEED).permutation(int(groups.max()) + 1)
    sizes = np.bincount(groups)[order]
    kept = set(order[np.cumsum(sizes) <= most].tolist())
    return [row for row, group in zip(rows, groups.tolist(), strict=True) if group in kept]


def elsewhere(keys: Sequence[str], groups: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each entry, the mean value of the entries that have the same key but are in other groups; NaN if there are
    none. The result has shape (n,).
    """
    totals: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    inside: defaultdict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for key, group, value in zip(keys, groups.tolist(), values.tolist(), strict=True):
        for entry in (totals[key], inside[(key, group)]):
            entry[0] += value
            entry[1] += 1
    found = []
    for key, group in zip(keys, groups.tolist(), strict=True):
        total, own = totals[key], inside[(key, group)]
        count = total[1] - own[1]
        found.append((total[0] - own[0]) / count if count else float("nan"))
    return np.array(found)
