"""Measures how many images of a row contain an answer.

Also measures how well the number of annotated objects in an image predicts whether the image contains an answer.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from cgc_data.validate.classify import families
from cgc_data.validate.report import Check
from cgc_data.validate.statistics import clustered_auc, judge, measured, nothing, uniformity
from cgc_data.validate.trace import Trace

AUC_BOUND = 0.55


def number_of_answer_images(traces: Sequence[Trace]) -> Check:
    """Measure whether the number of images that contain an answer is uniformly distributed.

    The number is between one and the number of candidate images. Only rows that show uncropped photos and ask for a set
    of objects are counted. The value is only reported, without a bound.
    """
    name, what = (
        "number of answer images",
        "p-value of the hypothesis that the number of images with an answer is uniformly distributed",
    )
    counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for trace in traces:
        some = trace.kind.answer == "set" and not trace.kind.candidates  # the form requires an answer in every image
        if some and not trace.kind.contrast.windows and trace.targets:
            counts[len(trace.candidates)][len(trace.targets)] += 1
    if not counts:
        return nothing(name, what)
    tables = [np.array([found[k + 1] for k in range(size)], dtype=np.float64) for size, found in sorted(counts.items())]
    shown = "; ".join(f"{len(table)} images: {'/'.join(str(int(v)) for v in table)}" for table in tables)
    return measured(name, uniformity(tables)[1], int(sum(table.sum() for table in tables)), f"{what} ({shown})")


def answer_images_by_objects(traces: Sequence[Trace]) -> Check:
    """Measure whether a photo with few, or with many, annotated objects is more likely to contain an answer."""
    name, what = (
        "answer images by number of objects",
        "AUC of guessing, from the number of annotated objects in each image, which images contain an answer",
    )
    rows = [t for t in traces if not t.kind.contrast.windows and 0 < len(t.targets) < len(t.candidates)]
    if not rows:
        return nothing(name, what)
    row_of = np.repeat(np.arange(len(rows)), [len(t.candidates) for t in rows])
    scores = np.array([t.annotated[place - 1] for t in rows for place in t.candidates], dtype=np.float64)
    truths = np.array([place in t.targets for t in rows for place in t.candidates], dtype=np.bool_)
    auc, (low, high) = clustered_auc(scores, truths, families(rows)[row_of], row_of)
    if auc < 0.5:  # few objects reveal as much as many objects
        auc, low, high = 1 - auc, 1 - high, 1 - low
    return judge(name, auc, (low, high), AUC_BOUND, len(rows), what)
