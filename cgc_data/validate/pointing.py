"""What could tell the place of a piece without looking for it: its colors, or always giving the same box."""

from collections.abc import Callable, Sequence

import numpy as np

from cgc_data.validate.answer_images import answer_image
from cgc_data.validate.boxes import iou
from cgc_data.validate.classify import families, folds_of
from cgc_data.validate.report import Check
from cgc_data.validate.samples import Rectangle
from cgc_data.validate.statistics import clustered_mean, judge, nothing
from cgc_data.validate.trace import Trace

FIXED_BOX = 0.10
BY_COLOR = 0.20  # pieces of another light are still found by color now and then


def image_by_color(traces: Sequence[Trace]) -> Check:
    """How much more often than chance the image nearest in color, or the farthest, holds the answer."""
    rows = [trace for trace in traces if len(trace.candidates) > 1]
    return answer_image("answer image by color", rows, lambda trace: trace.colors.apart if trace.colors else ())


def box_by_color(traces: Sequence[Trace]) -> Check:
    """How often the box that is likest in color is right, its size known and the image guessed."""
    what = "accuracy at IoU 0.5 of the place likest in color, of the right size"

    def likest(trace: Trace, median: Rectangle) -> Rectangle:
        return trace.colors.likest if trace.colors else median

    return _guessed("place by color", traces, likest, BY_COLOR, what)


def fixed_box(traces: Sequence[Trace]) -> Check:
    """How often the median box of other rows is right, the image guessed."""
    what = "accuracy at IoU 0.5 of the median box of other rows"
    return _guessed("one box for all pieces", traces, lambda _, median: median, FIXED_BOX, what)


def _guessed(
    name: str,
    traces: Sequence[Trace],
    guess: Callable[[Trace, Rectangle], Rectangle],
    bound: float,
    what: str,
) -> Check:
    rows = [trace for trace in traces if len(trace.boxes) == 1]
    if len(rows) < 2:
        return nothing(name, what)
    groups = families(rows)
    folds, boxes = folds_of(groups), np.array([trace.boxes[0] for trace in rows])
    hits = np.zeros(len(rows))
    for place, trace in enumerate(rows):
        others = boxes[folds != folds[place]]
        x1, y1, x2, y2 = np.median(others if len(others) else boxes, axis=0).round().astype(int).tolist()
        hit = iou(trace.boxes[0], guess(trace, (x1, y1, x2, y2))) >= 0.5
        hits[place] = hit / (1 if trace.named else len(trace.candidates))
    return judge(name, *clustered_mean(hits, groups), bound, len(rows), what)
