"""Checks `inter/common` rows, which ask for the one category that all photos share.

If the question lists categories, the right one is among them. Otherwise, it is one of COCO's categories.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from cgc_data.validate.classify import families
from cgc_data.validate.limits import Limits
from cgc_data.validate.listed import lists_tell, names_tell, place_tells, rarity_tells
from cgc_data.validate.report import Check, Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, lookalikes, roles, some_object
from cgc_data.validate.shortcuts import FEW_ROWS
from cgc_data.validate.statistics import clustered_mean, judge
from cgc_data.validate.trace import Asked, Trace
from cgc_data.validate.world import World
from cgc_data.vocabulary import COCO_NAMES, concept_of, readable

CHECKS = {
    "common kind": (
        "exactly one listed category is in every image, and all its instances are boxed; every other listed category "
        "is in at least one image and is proved absent from another"
    ),
}
PERSON, PERSON_BOUND = readable(concept_of("person")).singular, 0.1


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check that exactly one category is in all images, and that the answer contains all of its instances."""
    yield from roles(sample, world)
    yield from complete(sample, world, limits)
    yield from some_object(sample)
    faults = _unnamed(sample, world, limits) if sample.img_idx else _listed(sample, world, limits)
    for fault in [*faults] or [""]:
        yield Finding("common kind", fault)


def _listed(sample: Sample, world: World, limits: Limits) -> Iterator[str]:
    yield from lookalikes(sample, world)
    answered = {target.label for target in sample.objects}
    if len(answered) != 1:
        yield f"{len(answered)} kinds are answered"
    for right in answered:
        yield from _everywhere(sample, right, world, limits)
    numbers = range(1, len(sample.views) + 1)
    if missed := [n for n in numbers if not any(target.img_idx == n for target in sample.objects)]:
        yield f"the answer has no object in image {missed[0]}"
    wrong = {label: _images(sample, label, world) for label in sample.labels if label not in answered}
    for label, images in wrong.items():
        if not images:
            yield f"{label} is in no image"
        if not any(claim.label == label for claim in sample.evidence):
            yield f"no claim states that {label} is absent from an image"
    if bare := set(numbers).difference(*wrong.values()):
        yield f"image {min(bare)} shows no listed category except the common one"


def _unnamed(sample: Sample, world: World, limits: Limits) -> Iterator[str]:
    if sample.evidence:
        yield "the row claims that a category is absent, but lists no categories"
    yield from _everywhere(sample, sample.labels[0], world, limits)
    right = world.concept(sample.labels[0]) or ""
    photos = [world.photo(view) for view in sample.views]
    for name in COCO_NAMES:
        if concept_of(name) != right and not any(_gone(world, photo, concept_of(name), right) for photo in photos):
            yield f"{name} may be in every image too"
    if right not in set(map(concept_of, COCO_NAMES)):
        yield f"{sample.labels[0]} is not a COCO category"


def _gone(world: World, photo: str, concept: str, right: str) -> bool:
    """Whether the concept is proved absent from the photo, and the photo has no annotations of similar concepts.

    Concepts are similar if they can be confused with each other.

    The second condition does not apply if the right category itself can be confused with the concept.
    """
    lookalikes = world.relations.confusable(concept)
    return world.absent(photo, concept) and (right in lookalikes or not world.present(photo) & lookalikes)


def _everywhere(sample: Sample, label: str, world: World, limits: Limits) -> Iterator[str]:
    """Yield a fault for each image that might contain instances of the label without a box.

    Also yield a fault for each image that shows more instances of the label than an answer may contain.
    """
    concept = world.concept(label) or ""
    for number, view in enumerate(sample.views, 1):
        photo = world.photo(view)
        if fault := world.incomplete(photo, concept):
            yield f"image {number}, {label}: {fault}"
        elif max(len(fact.instances) for fact in world.facts(photo, concept)) > limits.max_objects:
            yield f"image {number} shows more than {limits.max_objects} objects with the label {label}"


def _images(sample: Sample, label: str, world: World) -> set[int]:
    concept = world.concept(label) or ""
    return {n for n, view in enumerate(sample.views, 1) if concept in world.present(world.photo(view))}


def measures(traces: Sequence[Trace], limits: Limits) -> Iterator[Check]:
    """Measure whether the listed names, or the labels in a single image, reveal the category that all images share."""
    del limits
    lists = [trace for trace in traces if trace.asked]
    yield names_tell("common kind from the names", lists, _is_right)
    yield rarity_tells("common kind from how rare it is", lists, _is_right)
    yield place_tells("place of the common kind", lists, _is_right)
    single = [
        (trace, tuple(asked for asked in trace.asked if number in asked.images))
        for trace in lists
        for number in range(1, len(trace.sizes) + 1)
    ]
    what = "AUC of guessing, among the labels of each image, the label that is right most often in unrelated rows"
    yield lists_tell("common kind from one image's labels", single, _is_right, what)
    yield _people(traces)


def _is_right(asked: Asked) -> bool:
    return asked.answered


def _people(traces: Sequence[Trace]) -> Check:
    name, what = "people in common", f"share of rows about the category {PERSON}"
    about = np.array([PERSON in ({a.label for a in t.asked if a.answered} or {t.label}) for t in traces], dtype=float)
    share = float(about.mean())
    # a count, not an estimate; with few rows, a single one can exceed the bound
    if len(traces) < FEW_ROWS:
        return judge(name, *clustered_mean(about, families(traces)), PERSON_BOUND, len(traces), what)
    return Check(name, "fail" if share > PERSON_BOUND else "pass", len(traces), share, PERSON_BOUND, None, what)
