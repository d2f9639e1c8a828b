"""Measures whether the list of labels in a question reveals the right label without the images.

Depending on the task, the right label is the label that no image shows or the label that every image shows.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence, Set
from itertools import product

import numpy as np

from cgc_data.validate.answer_counts import AUC_BOUND
from cgc_data.validate.classify import absent_features, families, folds_of
from cgc_data.validate.photo_roles import MOST_ROWS, at_most, elsewhere
from cgc_data.validate.report import Check
from cgc_data.validate.shortcuts import UNIFORM_P, classifier
from cgc_data.validate.statistics import FEW_GROUPS, Floats, Ints, clustered_auc, judge, nothing, uniformity
from cgc_data.validate.trace import Asked, Trace

Right = Callable[[Asked], bool]
List = tuple[Trace, tuple[Asked, ...]]  # a row, and the labels to choose from


def names_tell(name: str, traces: Sequence[Trace], is_right: Right) -> Check:
    """Measure whether a label is more likely to be right if it is often right in the lists of unrelated rows."""
    what = "AUC of guessing, in each list, the label that is right most often in the lists of unrelated rows"
    return lists_tell(name, [(trace, trace.asked) for trace in traces], is_right, what)


def lists_tell(name: str, lists: Sequence[List], is_right: Right, what: str) -> Check:
    """Measure how well a label's score separates right from wrong labels in the same list (AUC).

    The score of a label is how much more often than chance it is right in the lists of unrelated rows. Rows are
    unrelated if no pair or tuple links them.
    """
    lists = [one for one in lists if one[1]][:MOST_ROWS]
    if not lists:
        return nothing(name, what)
    groups = families([trace for trace, _ in lists])
    list_of = np.repeat(np.arange(len(lists)), [len(asked) for _, asked in lists])
    truths = np.array([is_right(one) for _, asked in lists for one in asked], dtype=np.bool_)
    expected = np.array([sum(map(is_right, asked)) / len(asked) for _, asked in lists])[list_of]
    labels = [one.label for _, asked in lists for one in asked]
    scores = elsewhere(labels, groups[list_of], truths - expected)
    return _within(name, scores, truths, groups[list_of], list_of, what)


def rarity_tells(name: str, traces: Sequence[Trace], is_right: Right) -> Check:
    """Measure whether the frequency of labels in the sources reveals the right label of a list.

    The guess is either the rarest or the most frequent label of the list: the one that fits better in lists of the same
    length in unrelated rows.
    """
    what = (
        "AUC of always guessing the rarest label of each list, or always the most frequent one; the guess that is "
        "better in unrelated rows is used"
    )
    rows = at_most([trace for trace in traces if trace.asked], MOST_ROWS)
    if not rows:
        return nothing(name, what)
    groups, lengths = families(rows), np.array([len(trace.asked) for trace in rows])
    leans = np.array([_lean(trace.asked, is_right) for trace in rows])
    row_of = np.repeat(np.arange(len(rows)), lengths)
    truths = np.array([is_right(one) for trace in rows for one in trace.asked], dtype=np.bool_)
    photos = np.array([float(one.photos) for trace in rows for one in trace.asked])
    scores = photos * _learned_signs(leans, lengths, folds_of(groups))[row_of]
    return _within(name, scores, truths, groups[row_of], row_of, what)


def _lean(asked: Sequence[Asked], is_right: Right) -> float:
    """Whether the right label of a list is frequent (positive) or rare (negative) in the sources, compared with the
    wrong labels.

    The value (-1 to 1) is the share of wrong labels that are rarer, minus the share that are more frequent.
    """
    right, wrong = ([one.photos for one in asked if is_right(one) is kind] for kind in (True, False))
    return float(np.sign(np.subtract.outer(right, wrong)).mean()) if right and wrong else 0.0


def _learned_signs(leans: Floats, lengths: Ints, folds: Ints) -> Floats:
    """Whether the right label of each row is expected to be a frequent (1) or a rare (-1) label, with shape (n,).

    The expectation is learned from lists of the same length in other folds.
    """
    signs = np.ones(len(leans))
    for fold, length in product(np.unique(folds), np.unique(lengths)):
        held, alike = folds == fold, lengths == length
        signs[held & alike] = 1.0 if leans[~held & alike].sum() > 0 else -1.0
    return signs


def _within(
    name: str, scores: np.ndarray, truths: np.ndarray, groups: np.ndarray, strata: np.ndarray, what: str
) -> Check:
    known = ~np.isnan(scores)
    if not known.any() or not truths[known].any():
        return nothing(name, what)
    auc, interval = clustered_auc(scores[known], truths[known], groups[known], strata[known])
    if len(np.unique(groups[known])) < FEW_GROUPS:
        return Check(name, "note", int(known.sum()), auc, AUC_BOUND, interval, f"{what}: too few rows to measure")
    return judge(name, auc, interval, AUC_BOUND, int(known.sum()), what)


def place_tells(name: str, traces: Sequence[Trace], is_right: Right) -> Check:
    """Measure whether the right label is equally often at each position of the list."""
    what = (
        "p-value of the hypothesis that the position of the right label is uniformly distributed; fails below "
        f"{UNIFORM_P:g}"
    )
    counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for trace in traces:
        counts[len(trace.asked)].update(place for place, asked in enumerate(trace.asked) if is_right(asked))
    tables = [np.array([float(found[place]) for place in range(size)]) for size, found in sorted(counts.items())]
    n = int(sum(table.sum() for table in tables))
    if not n:
        return nothing(name, what)
    _, p = uniformity(tables)
    return Check(name, "fail" if p < UNIFORM_P else "pass", n, p, UNIFORM_P, None, what)


def words_tell(name: str, traces: Sequence[Trace], true: Set[str]) -> Check:
    """Measure whether a classifier that does not see the images can recognize the rows whose ids are in `true`.

    The classifier gets the wording, the labels, and the number, dimensions, and file sizes of the images.
    """
    what = (
        "held-out AUC of a logistic classifier that sees the wording, the labels, the number of images, and their "
        "dimensions and file sizes"
    )
    return classifier(traces, lambda trace: trace.id in true, absent_features, name, what)
