"""Checks `inter/exemplar` rows, which ask for every instance of the category of an example.

Image 1 shows the example. The example must be large. No other category may cover much of the example's window,
unless that category is proved absent from all other images.
"""

from collections.abc import Iterator

from cgc_data.validate.boxes import BOX_TOLERANCE, area, furthest, iou
from cgc_data.validate.hard import hard_distractors
from cgc_data.validate.limits import Limits
from cgc_data.validate.raw import Instance
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.sets import complete, roles
from cgc_data.validate.world import World
from cgc_data.vocabulary import concept_of

CHECKS = {
    "exemplar": (
        "the example is a large instance of the requested category, but not a person or table; any other category that "
        "covers much of the example's window is proved absent from all other images"
    )
}
LEAST_FILL = 0.4  # minimum share of the window that the given box covers
MOST_BESIDE = 0.1  # maximum share of the window for another label that may be in the other images
COPY_IOU = 0.5
UNFIT = frozenset(map(concept_of, ("person", "dining table")))


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check the roles of the views, and that the answer contains complete sets of instances.

    Also check that the example is suitable, and that it cannot be mistaken for an example of another category.
    """
    yield from roles(sample, world)
    yield from complete(sample, world, limits)
    yield from hard_distractors(sample, world)
    for fault in _faults(sample, world, limits) or [""]:
        yield Finding("exemplar", fault)


def _faults(sample: Sample, world: World, limits: Limits) -> list[str]:
    if sample.reference_images != (1,) or sample.ref_img_idx != 1 or sample.ref_bbox is None or len(sample.labels) != 1:
        return ["the example must be given by one box in Image 1, and Image 1 must be the only reference image"]
    concept = world.concept(sample.labels[0]) or ""
    unfit = UNFIT.union(*map(world.relations.hyponyms, UNFIT))
    faults = [f"{sample.labels[0]} is not suitable for an example"] if concept in unfit else []
    copied = max((iou(sample.ref_bbox, target.bbox) for target in sample.objects), default=0.0)
    if copied >= COPY_IOU:
        faults.append(f"a copy of the given box reaches an IoU of {copied:.2f} with a box of the answer")
    example = _example(sample, world, concept)
    if example is None:
        return [*faults, f"the given box is not the box of a {sample.labels[0]}"]
    return [*faults, *_small(sample, example, limits), *_beside(sample, world, concept)]


def _example(sample: Sample, world: World, concept: str) -> Instance | None:
    """The instance that has the given box and is completely inside the window."""
    view = sample.view(1)
    for fact in world.facts(world.photo(view), concept):
        for instance in fact.instances:
            sight = world.sight(instance, view, 0)
            true = sight.box and view.thousand(view.place(sight.box))
            if true and sight.share == 1 and furthest(true, sample.ref_bbox or view.window) <= BOX_TOLERANCE + 1e-6:
                return instance
    return None


def _small(sample: Sample, example: Instance, limits: Limits) -> Iterator[str]:
    """Yield the reasons why the example is too small in its window or in its photo."""
    x1, y1, x2, y2 = example.box
    fill = area(sample.ref_bbox or (0, 0, 0, 0)) / 1e6
    if fill < LEAST_FILL * 0.99:
        yield f"the example covers {fill:.2f} of its window, but must cover at least {LEAST_FILL:g}"
    if min(x2 - x1, y2 - y1) < limits.min_side - 2:
        yield f"the example is only {x2 - x1:.0f} x {y2 - y1:.0f} px in its photo"


def _beside(sample: Sample, world: World, concept: str) -> Iterator[str]:
    """Yield a fault for each other label that covers too much of the example's window and might be in other images."""
    view = sample.view(1)
    photo = world.photo(view)
    candidates = [world.photo(sample.view(number)) for number in sample.answer_images]
    listed = {label for key, image in world.appearances(photo) for label in world.sources[key].concepts_in(image)}
    for other in sorted(listed - {concept}):
        if all(world.absent(candidate, other) for candidate in candidates):
            continue
        x1, y1, x2, y2 = view.window
        covered = _covered(world, photo, other, view.window) / ((x2 - x1) * (y2 - y1))
        if covered >= MOST_BESIDE:
            yield f"{other} covers {covered:.2f} of the example's window, and may be in the other images"


def _covered(world: World, photo: str, concept: str, window: tuple[int, int, int, int]) -> float:
    """Number of pixels of the window that are covered by objects with a label.

    If several sources annotate the label, their outlines differ slightly, and the lowest number is used.
    """
    return min(
        sum(fact.source.covered(instance.number, window) for instance in (*fact.instances, *fact.crowds))
        for fact in world.facts(photo, concept)
        if fact.instances or fact.crowds
    )
