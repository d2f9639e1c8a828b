"""Measures shortcuts by which a model could answer without the images.

Each shortcut is measured over all given rows, and compared with its bound if it has one.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy.stats import kstest

from cgc_data.tasks import CONTRASTS, TASKS
from cgc_data.validate.answer_counts import AUC_BOUND, answer_images_by_objects, number_of_answer_images
from cgc_data.validate.answer_images import answer_image_checks
from cgc_data.validate.boxes import iou
from cgc_data.validate.classify import Features, absent_features, families, folds_of, image_features
from cgc_data.validate.fixed import fixed_answer
from cgc_data.validate.limits import Limits
from cgc_data.validate.photo_roles import MOST_ROWS, at_most, odd_one_out, one_sided_photos, photo_tells_absent
from cgc_data.validate.report import Check
from cgc_data.validate.samples import Rectangle
from cgc_data.validate.statistics import (
    clustered_auc,
    clustered_mean,
    held_out_scores,
    hit_rate,
    judge,
    measured,
    nothing,
    uniformity,
)
from cgc_data.validate.trace import Trace

FLOOR_BOUND = 0.10
ABSENT_BOUND = 0.15
UNIFORM_P = 1e-6
OFFSET_DISTANCE = 0.1  # Kolmogorov-Smirnov distance below which a deviation is ignored
FEW_ROWS = 100  # number of rows below which the share of absent rows is judged by its interval
FEWEST_ROWS = 10  # rows of either kind below which no classifier is fitted
CENTER: Rectangle = (250, 250, 750, 750)


def shortcut_checks(traces: Sequence[Trace], limits: Limits, *, sampled: bool = False) -> Iterable[Check]:
    """The results of all checks of shortcuts. `sampled` states whether the traces cover only a sample of the rows."""
    yield absent_share(traces, estimated=sampled)
    for contrast in ("", *CONTRASTS):
        yield absent_classifier(traces, contrast)
    yield absent_from_images(traces)
    yield odd_one_out(traces)
    yield one_sided_photos(traces)
    yield photo_tells_absent(traces)
    for contrast in CONTRASTS:
        yield target_position([t for t in traces if t.contrast == contrast], contrast)
    yield from answer_image_checks(traces)
    yield number_of_answer_images(traces)
    yield answer_images_by_objects(traces)
    yield center_floor(traces)
    yield copy_floor(traces)
    for task in TASKS.values():
        yield fixed_answer(f"fixed answer ({task.id})", [t for t in traces if t.kind is task and _asks_for_one(t)])
    yield focus_cover(traces, limits)
    yield focus_offsets(traces)
    yield label_balance(traces)


def absent_share(traces: Sequence[Trace], *, estimated: bool = False) -> Check:
    """Share of rows whose answer is the empty list. If `[]` is frequent, a model can guess it.

    If `estimated` is true, the share is judged by its confidence interval, because the rows are a sample.
    """
    absent = sum(_is_empty(trace) for trace in traces)
    share = absent / len(traces) if traces else 0.0
    name, what = "absent share", "share of rows whose answer is []"
    # a count, not an estimate, because this release is the training data; with few rows, a single one can exceed it
    if 0 < len(traces) < FEW_ROWS or (estimated and traces):
        values = np.array([_is_empty(trace) for trace in traces], dtype=np.float64)
        return judge(name, *clustered_mean(values, families(traces)), ABSENT_BOUND, len(traces), what)
    return Check(name, "fail" if share > ABSENT_BOUND else "pass", len(traces), share, ABSENT_BOUND, None, what)


def absent_classifier(traces: Sequence[Trace], contrast: str = "") -> Check:
    """AUC of a classifier that recognizes rows with an empty answer without seeing the content of the images."""
    name = f"absent from wording, label and sizes{f' ({contrast})' if contrast else ''}"
    what = (
        "held-out AUC of a logistic classifier that sees the wording, the label, the number of images, and their "
        "dimensions and file sizes"
    )
    return _classifier([t for t in traces if contrast in ("", t.contrast)], absent_features, name, what)


def absent_from_images(traces: Sequence[Trace]) -> Check:
    """AUC of a classifier that recognizes rows with an empty answer.

    The classifier sees only the dimensions and file sizes of the images.

    This check complements `absent_classifier`, which also sees the labels. Exactly balanced labels push the AUC of
    `absent_classifier` below one half.
    """
    what = "held-out AUC of a logistic classifier that sees only the dimensions and file sizes of images"
    return _classifier(traces, image_features, "absent from sizes and bytes", what)


def _classifier(traces: Sequence[Trace], features: Features, name: str, what: str) -> Check:
    pools = {trace.pool for trace in traces if _is_empty(trace)}
    rows = [trace for trace in traces if trace.pool in pools]
    return classifier(rows, _is_empty, features, name, what)


def classifier(
    traces: Sequence[Trace], is_true: Callable[[Trace], bool], features: Features, name: str, what: str
) -> Check:
    """AUC of a logistic classifier that separates rows for which `is_true` returns True from all other rows."""
    rows = at_most(list(traces), MOST_ROWS)
    truths = np.array([is_true(trace) for trace in rows], dtype=bool)
    if min(truths.sum(), (~truths).sum()) < FEWEST_ROWS:
        return Check(name, "note", len(rows), None, AUC_BOUND, None, f"{what}: too few rows to measure")
    groups = families(rows)
    folds = folds_of(groups)
    scores = held_out_scores(features(rows), truths, folds)
    auc, interval = clustered_auc(scores, truths, groups, folds)
    return judge(name, auc, interval, AUC_BOUND, len(rows), what)


def target_position(traces: Sequence[Trace], contrast: str) -> Check:
    """Measure whether the image with the answer appears equally often at each position."""
    name, what = (
        f"target position ({contrast})",
        "p-value of the hypothesis that the position of the answer's image is uniformly distributed; fails below "
        f"{UNIFORM_P:g}",
    )
    counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for trace in traces:
        # a row with its target in every image carries no information about the position
        # a question that names its answer's image can have it at any position, unless pieces of that image are shown
        anywhere = trace.named and not trace.kind.gives_image
        among = tuple(range(1, len(trace.sizes) + 1)) if anywhere else trace.candidates
        if trace.targets and len(trace.targets) < len(among):
            counts[len(among)].update(among.index(target) + 1 for target in trace.targets)
    if not counts:
        return nothing(name, what)
    tables = [np.array([found[i + 1] for i in range(size)], dtype=np.float64) for size, found in sorted(counts.items())]
    _, p = uniformity(tables)
    shown = "; ".join(f"{len(table)} images: {'/'.join(str(int(v)) for v in table)}" for table in tables)
    n = int(sum(table.sum() for table in tables))
    return Check(name, "fail" if p < UNIFORM_P else "pass", n, p, UNIFORM_P, None, f"{what} ({shown})")


def center_floor(traces: Sequence[Trace]) -> Check:
    """Measure how often the central quarter of the view is the right answer."""
    return _floor("center box", traces, lambda t: CENTER if _asks_for_one(t) else None)


def copy_floor(traces: Sequence[Trace]) -> Check:
    """Measure how often a copy of the reference box is the right answer."""
    return _floor("copied reference", traces, lambda t: t.reference)


def _floor(name: str, traces: Sequence[Trace], guess: Callable[[Trace], Rectangle | None]) -> Check:
    """Accuracy of a guess that ignores the images. A guess is right if its IoU with the answer is at least 0.5.

    If the question names no image, the image is guessed too.
    """
    what = f"accuracy at IoU 0.5 of the {name}"
    rows = [(t, box) for t in traces if len(t.boxes) == 1 and (box := guess(t))]
    if not rows:
        return nothing(f"{name} floor", what)
    chance = [1.0 if t.named else 1 / len(t.candidates) for t, _ in rows]
    hits = np.array(
        [(iou(t.boxes[0], box) >= 0.5) * c for (t, box), c in zip(rows, chance, strict=True)], dtype=np.float64
    )
    return judge(f"{name} floor", *hit_rate(hits, families([t for t, _ in rows])), FLOOR_BOUND, len(rows), what)


def focus_cover(traces: Sequence[Trace], limits: Limits) -> Check:
    """Number of Focus Views (crops near an object) in which the object is too large or too small.

    The release sets limits on the share of the view that the object covers.
    """
    name = "focus cover"
    what = (
        f"number of Focus Views (crops near an object) whose object covers less than {limits.min_cover:g} or more than "
        f"{limits.max_cover:g} of the view"
    )
    covers = np.array([t.focus.cover for t in traces if t.focus])
    if not len(covers):
        return nothing(name, what)
    outside = int(((covers < limits.min_cover * 0.999) | (covers > limits.max_cover * 1.001)).sum())
    spread = f"{covers.min():.3f} to {covers.max():.3f}, median {np.median(covers):.3f}"
    return Check(name, "fail" if outside else "pass", len(covers), float(outside), 0.0, None, f"{what} ({spread})")


def focus_offsets(traces: Sequence[Trace]) -> Check:
    """Measure whether the positions of Focus Views (crops near an object) are uniformly distributed.

    The possible positions are those at which the view contains the whole object. If views were always centered on the
    object, a model could guess the answer.
    """
    name, what = (
        "focus offsets",
        "Kolmogorov-Smirnov distance of the window positions from a uniform distribution over the possible positions",
    )
    places = np.array([place for t in traces if t.focus for place in t.focus.places])
    if len(places) < 8:
        return nothing(name, what)
    test = kstest(places, "uniform")
    distance, p = float(test.statistic), float(test.pvalue)
    fails = p < UNIFORM_P and distance > OFFSET_DISTANCE
    small = 1.36 / len(places) ** 0.5 > OFFSET_DISTANCE  # critical value of the distance at the 5 % level
    message = f"{what} (p {p:.2g}, share in the middle half {np.mean(np.abs(places - 0.5) < 0.25):.2f})"
    if small and not fails:
        return Check(name, "note", len(places), distance, OFFSET_DISTANCE, None, f"{message}: too few rows to measure")
    return Check(name, "fail" if fails else "pass", len(places), distance, OFFSET_DISTANCE, None, message)


def label_balance(traces: Sequence[Trace]) -> Check:
    """The share of the most frequent label, and the effective number of labels. There is no bound."""
    counts = Counter(trace.label for trace in traces)
    if not counts:
        return nothing("label balance", "share of the most frequent label")
    shares = np.array(list(counts.values())) / len(traces)
    top, times = counts.most_common(1)[0]
    worth = float(np.exp(-(shares * np.log(shares)).sum()))
    what = (
        f"share of the most frequent label ({top!r}); {len(counts)} labels, as diverse as {worth:.0f} equally "
        "frequent labels"
    )
    return measured("label balance", times / len(traces), len(traces), what)


def _asks_for_one(trace: Trace) -> bool:
    return trace.kind.answer_to(names_image=trace.named) == "one"


def _is_empty(trace: Trace) -> bool:
    return not trace.boxes
