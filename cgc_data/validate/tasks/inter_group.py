"""Checks `inter/group` rows, which ask for several labels at once.

Each label has exactly one object, in one of the photos. There is one exception: a single label of a row may have no
object.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from cgc_data.validate.boxes import iou
from cgc_data.validate.hard import hard_distractors
from cgc_data.validate.limits import Limits
from cgc_data.validate.listed import names_tell, place_tells, words_tell
from cgc_data.validate.report import Check, Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, lookalikes, roles
from cgc_data.validate.statistics import measured, wilson
from cgc_data.validate.trace import Trace
from cgc_data.validate.world import World

CHECKS = {
    "group": (
        "each label has exactly one object, except that one label may have none; several images contain answers, and "
        "no label can be confused with another"
    ),
}
APART = 0.3


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check that each label has at most one object, that the answer omits no object, and that labels and boxes are
    distinct.
    """
    yield from roles(sample, world)
    yield from hard_distractors(sample, world)
    yield from complete(sample, world, limits)
    for fault in [*_counts(sample), *lookalikes(sample, world), *_overlaps(sample)] or [""]:
        yield Finding("group", fault)


def _counts(sample: Sample) -> Iterator[str]:
    found = Counter(target.label for target in sample.objects)
    yield from (f"{found[label]} objects are called {label}" for label in sample.labels if found[label] > 1)
    if (nowhere := [label for label in sample.labels if not found[label]])[1:]:
        yield f"{len(nowhere)} labels are in no image"
    if len(images := {target.img_idx for target in sample.objects}) < 2:
        yield f"all objects of the answer are in image {sorted(images)}"


def _overlaps(sample: Sample) -> Iterator[str]:
    for one, other in combinations(sample.objects, 2):
        if one.img_idx == other.img_idx and (overlap := iou(one.bbox, other.bbox)) > APART + 0.01:
            yield f"image {one.img_idx}: the boxes of {one.label} and {other.label} overlap with IoU {overlap:.2f}"


def measures(traces: Sequence[Trace], limits: Limits) -> Iterator[Check]:
    """Measure whether the label that no image shows can be guessed without inspecting the images."""
    del limits
    lacking = [trace for trace in traces if not all(asked.answered for asked in trace.asked)]
    what = "share of rows in which one label is in no image"
    share, interval = len(lacking) / len(traces), wilson(len(lacking), len(traces))
    yield measured("missing label (group)", share, len(traces), what, interval)
    yield names_tell("name of the missing label (group)", traces, lambda asked: not asked.answered)
    yield place_tells("position of the missing label (group)", traces, lambda asked: not asked.answered)
    fewest = min((len(trace.asked) for trace in lacking), default=0)
    longer = [trace for trace in traces if len(trace.asked) >= fewest]  # only these can lack a label
    yield words_tell("missing label from wording and sizes (group)", longer, {trace.id for trace in lacking})
