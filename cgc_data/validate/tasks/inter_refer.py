"""Checks `inter/refer` rows, in which a relation (such as "leftmost") identifies one of several objects in an image.

All these objects have the same label.

Every other image shows at most one object with the label.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from cgc_data.tasks.inter.refer import HIGHEST, LARGEST, LEFTMOST, LOWEST, RELATIONS, RIGHTMOST, SMALLEST
from cgc_data.validate.boxes import area, within
from cgc_data.validate.fixed import fixed_answer
from cgc_data.validate.hard import hard_distractors
from cgc_data.validate.limits import Limits
from cgc_data.validate.raw import Instance
from cgc_data.validate.report import Check, Finding
from cgc_data.validate.samples import Box, Sample
from cgc_data.validate.sets import roles
from cgc_data.validate.trace import Trace
from cgc_data.validate.world import World
from cgc_data.vocabulary import readable

CHECKS = {
    "referred": (
        "one image shows several objects with the label, and the relation identifies one of them; every other image "
        "shows at most one object with the label"
    )
}
BORDER = 3  # pixels
PLACE_MARGIN = 0.1  # share of the picture's side
SIZE_MARGIN = 1.3
ROUNDING = 1e-6
# Center and edge of a box, as shares of the picture, with a sign that makes the requested object's values the largest.
PLACES: dict[str, Callable[[Box], tuple[float, float]]] = {
    LEFTMOST: lambda box: (-(box[0] + box[2]) / 2, -box[0]),
    RIGHTMOST: lambda box: ((box[0] + box[2]) / 2, box[2]),
    HIGHEST: lambda box: (-(box[1] + box[3]) / 2, -box[1]),
    LOWEST: lambda box: ((box[1] + box[3]) / 2, box[3]),
}


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check that the relation fits the answer, but no other object with the label in the same image.

    This image must show several objects with the label, and no other image may show more than one.
    """
    yield from roles(sample, world)
    yield from hard_distractors(sample, world)
    images = sorted({target.img_idx for target in sample.objects})
    yield Finding(
        "one instance", "" if len(sample.objects) == 1 else f"{len(sample.objects)} objects in images {images}"
    )
    for fault in _faults(sample, world, limits) or [""]:
        yield Finding("referred", fault)


def measures(traces: Sequence[Trace], limits: Limits) -> Iterable[Check]:
    """Measure, for each relation, how often a single fixed box is the right answer."""
    del limits
    for relation in RELATIONS:
        yield fixed_answer(f"fixed answer ({relation})", [trace for trace in traces if trace.relation == relation])


def _faults(sample: Sample, world: World, limits: Limits) -> list[str]:
    if len(sample.objects) != 1 or len(sample.labels) != 1 or sample.reference_images:
        return []  # the checks `one instance` and `row form` report this
    answer, concept = sample.objects[0], world.concept(sample.labels[0]) or ""
    faults = [*_others(sample, world, concept)]
    if concept and readable(concept).in_pieces:  # annotators choose whether it is one instance or two
        faults.append(f"{sample.labels[0]} comes in pieces, whose number is not certain")
    photo = world.photo(sample.view(answer.img_idx))
    if reason := world.incomplete(photo, concept):
        return [*faults, f"image {answer.img_idx}: {reason}"]
    told = world.instance(answer.annotation_id)
    group = next((f.instances for f in world.facts(photo, concept) if told in f.instances), ())
    if told is None or not 2 <= len(group) <= limits.max_objects:
        return [*faults, f"image {answer.img_idx} shows {len(group)} objects with the label {sample.labels[0]}"]
    faults += [f"{other.id} is small" for other in group if _shorter(world, other, sample) < limits.min_side - ROUNDING]
    faults += [f"{other.id} is cut by the border" for other in group if not _uncut(world, other, sample)]
    others = [other for other in group if other is not told and other.number != told.number]
    return [*faults, *_untold(world, sample, told, others)]


def _others(sample: Sample, world: World, concept: str) -> Iterator[str]:
    """Yield the faults of the images that do not contain the answer.

    The annotations must prove that each of these images shows at most one object with the label.
    """
    claimed = {claim.img_idx for claim in sample.evidence}
    for number in sample.answer_images:
        photo = world.photo(sample.view(number))
        if number == sample.objects[0].img_idx or world.absent(photo, concept):
            due = int(number != sample.objects[0].img_idx)
            if (number in claimed) != bool(due):
                yield f"image {number} needs {due} claims of absence"
            continue
        shown = {len(fact.instances) for fact in world.facts(photo, concept) if fact.status == "all"}
        if world.incomplete(photo, concept) or shown != {1}:
            yield f"image {number} may show more than one {sample.labels[0]}"


def _untold(world: World, sample: Sample, told: Instance, others: Sequence[Instance]) -> Iterator[str]:
    """The reason why the relation does not distinguish the instance from the others."""
    relation = sample.relation
    if relation in PLACES:
        own, rest = (_places(world, sample, group) for group in ([told], others))
        if not all(own[0][k] - other[k] >= PLACE_MARGIN - ROUNDING for other in rest for k in (0, 1)):
            yield f"{told.id} is not clearly {relation}"
    elif relation in (LARGEST, SMALLEST):
        if not all(instance.has_mask for instance in (told, *others)):
            yield f"{relation}, but not all have masks"
            return
        sizes = [_sizes(world, sample, instance) for instance in (told, *others)]
        pairs = [(sizes[0][k], size[k]) for size in sizes[1:] for k in (0, 1)]
        ordered = pairs if relation == LARGEST else [(other, own) for own, other in pairs]
        if not all(large >= SIZE_MARGIN * small * (1 - ROUNDING) for large, small in ordered):
            yield f"{told.id} is not clearly {relation}"
    else:
        yield f"no relation is called {relation!r}"


def _places(world: World, sample: Sample, group: Iterable[Instance]) -> list[tuple[float, float]]:
    width, height = sample.view(sample.objects[0].img_idx).pixels[2:]
    boxes = [_box(world, instance, sample) for instance in group]
    return [PLACES[sample.relation]((x1 / width, y1 / height, x2 / width, y2 / height)) for x1, y1, x2, y2 in boxes]


def _sizes(world: World, sample: Sample, instance: Instance) -> tuple[float, float]:
    """Areas of the mask and the box, in pixels."""
    view = sample.view(sample.objects[0].img_idx)
    return world.sources[instance.source].covered(instance.number, view.window), area(_box(world, instance, sample))


def _box(world: World, instance: Instance, sample: Sample) -> Box:
    """Tight box of the instance in the uncropped photo."""
    return world.sight(instance, sample.view(sample.objects[0].img_idx), 0).box or instance.box


def _uncut(world: World, instance: Instance, sample: Sample) -> bool:
    width, height = sample.view(sample.objects[0].img_idx).pixels[2:]
    return within(_box(world, instance, sample), (BORDER, BORDER, width - BORDER, height - BORDER), ROUNDING)


def _shorter(world: World, instance: Instance, sample: Sample) -> float:
    x1, y1, x2, y2 = _box(world, instance, sample)
    return min(x2 - x1, y2 - y1)
