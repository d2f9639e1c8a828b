"""The checks shared by several tasks: whether sets of instances are complete, and whether views have the right roles.

Each function yields findings about one row. `CHECKS` describes the checks.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations

from cgc_data.tasks import REFERENCE
from cgc_data.validate.limits import Limits
from cgc_data.validate.raw import Instance
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Sample
from cgc_data.validate.world import World

CHECKS = {
    "set complete": (
        "the answer contains every visible instance, all instances are annotated, and no instance is ambiguous or a "
        "crowd"
    ),
    "one instance": (
        "if a question asks for one object, the answer has exactly one; if it asks for all objects, the answer has at "
        "least one; if the label is absent, the answer has none"
    ),
    "roles": "target views show the target, distractors do not, and no photo is shown twice",
}


def some_object(sample: Sample) -> Iterator[Finding]:
    """Check that the answer is not empty."""
    if not sample.objects:
        yield Finding("one instance", f"a {sample.task} row without objects")


def no_object(sample: Sample) -> Finding:
    """Check that the answer is empty."""
    return Finding("one instance", f"an {sample.task} row with objects" if sample.objects else "")


def roles(sample: Sample, world: World) -> Iterator[Finding]:
    """Check that views have the right roles and that no photo is shown twice."""
    photos = [world.photo(view) for view in sample.views]
    yield Finding("roles", "a photo is shown twice" if len(set(photos)) < len(photos) else "")
    target, distractor = sample.kind.contrast.roles[:2]
    shown = {item.img_idx for item in sample.objects}
    for number, view in enumerate(sample.views, 1):
        expected = target if number in shown else REFERENCE if number in sample.reference_images else distractor
        fault = f"image {number} is marked as a {view.role}, but is a {expected}"
        yield Finding("roles", "" if view.role == expected else fault)


def lookalikes(sample: Sample, world: World) -> Iterator[str]:
    """Pairs of requested labels that can be confused with each other, including a category and its subcategory."""
    for one, other in combinations(sample.labels, 2):
        if world.concept(other) in world.relations.confusable(world.concept(one) or ""):
            yield f"{one} and {other} can be mistaken for one another"


def complete(sample: Sample, world: World, limits: Limits, *, everywhere: bool = False) -> Iterator[Finding]:
    """For each view in which the answer has an object, check that the answer contains every instance in this view.

    If `everywhere` is true, the answer must contain every instance in every view.
    """
    for label in sample.labels:
        for number in range(1, len(sample.views) + 1):
            if everywhere or sample.targets(number, label):
                for fault in _incomplete(sample, number, label, world, limits) or [""]:
                    yield Finding("set complete", fault and f"image {number}, {label}: {fault}")


def _incomplete(sample: Sample, number: int, label: str, world: World, limits: Limits) -> list[str]:
    view, concept = sample.view(number), world.concept(label) or ""
    photo = world.photo(view)
    if reason := world.incomplete(photo, concept):
        return [] if world.absent(photo, concept) and not sample.targets(number, label) else [reason]
    answered = [target.annotation_id for target in sample.targets(number, label)]
    boxed = _boxed(world, photo, concept, answered)
    faults = [f"{name} is answered twice" for name in {a for a in answered if answered.count(a) > 1}]
    for instance in boxed:
        state = world.sight(instance, view, limits.margin).state(limits.visible)
        if state == "ambiguous":
            faults.append(f"{instance.id} is neither clearly visible nor absent")
        elif (state == "visible") != (instance.id in answered):
            faults.append(f"{instance.id} is {state}, but {'not ' * (state == 'visible')}answered")
    strays = set(answered) - {instance.id for instance in boxed}
    return faults + [f"{name} is not an instance of the same source as the others" for name in strays]


def _boxed(world: World, photo: str, concept: str, answered: Iterable[str]) -> tuple[Instance, ...]:
    """Instances of the concept in the photo, from the same source as the boxes in the answer.

    If the answer is empty, the instances come from the first source that boxes every instance.
    """
    keys = {name.rpartition(":")[0] for name in answered}
    whole = [fact for fact in world.facts(photo, concept) if fact.status == "all"]
    named = [fact for fact in whole if fact.source.key in keys]
    return (named or whole)[0].instances
