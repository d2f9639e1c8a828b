"""Checks `intra/difference` rows, which show two views of a photo.

Objects from other photos are pasted into both views. One of the views may contain one more pasted object. This object
is the answer.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from cgc_data.common.errors import PhotoError
from cgc_data.validate.answer_images import answer_image
from cgc_data.validate.boxes import BOX_TOLERANCE, area, furthest, overlap
from cgc_data.validate.limits import Limits
from cgc_data.validate.pasted import Placed, hidden, lent, place
from cgc_data.validate.raw import Instance
from cgc_data.validate.report import Check, Finding
from cgc_data.validate.samples import Part, Sample, View
from cgc_data.validate.trace import Trace
from cgc_data.validate.world import World

CHECKS = {
    "one difference": (
        "the two views show the same photo, with at least two pasted objects that are in both views; the answer is the "
        "pasted object that is in only one view, or is empty if both views have the same objects"
    ),
    "pasted objects": (
        "pasted objects are whole objects from other photos; they are cut out along the masks in their sources; "
        "each is pasted exactly once, before all other operations"
    ),
    "difference box": "the answer is the tight box of the pasted object's mask, in the coordinates of the view",
    "pasted sensibly": (
        "a pasted object is clearly visible, in the lower part of the photo, and about as tall as other objects with "
        "its label in that photo; a pasted person is upright; color objects are pasted only into color photos, and "
        "black-and-white objects only into black-and-white photos"
    ),
    "little hidden": (
        "at least one source has labeled the photo for all its categories, as present or absent; pasted objects hide "
        "less than a tenth of any object, and their boxes do not overlap"
    ),
    "shown alike": "each view shows at least half as much of every annotated object as the other view does",
}
PERSON = "person"  # supercategory
UPRIGHT = 1.7
HORIZON = 0.45  # share of the photo's height
LIKE_HEIGHT = 0.25  # factor beyond the 10th and 90th percentile of the label's heights
HIDDEN = 0.1
CONTRAST = 30.0
GRAY, MOST = 4, 0.99  # maximum level difference between the channels of a black-and-white photo, except for some pixels
SLACK = 0.1  # relative tolerance for values that the planner measures on thumbnails
SHOWN_ALIKE = 0.5
Object = tuple[str, tuple[float, ...], str]  # annotation, transform, and mask


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check which pasted objects each view shows, and that each is pasted correctly."""
    del limits
    if fault := _views(sample, world):
        yield Finding("one difference", fault)
        return
    yield Finding("one difference", _difference(sample))
    yield Finding("shown alike", _unlike(sample, world))
    for view in sample.views:
        yield Finding("pasted objects", _steps(view))
    parts = {_object(part): part for view in sample.views for part in view.parts[1:]}
    for part in parts.values():
        found, fault = lent(part, sample.views[0], world)
        yield Finding("pasted objects", fault)
        if found is None or fault:
            return
    yield from _placed(sample, list(parts.values()), world)


def measures(traces: Sequence[Trace], limits: Limits) -> Iterator[Check]:
    """Measure whether the image files reveal which image has the added object."""
    del limits
    rows = [trace for trace in traces if trace.targets]
    yield answer_image("difference by file size", rows, lambda trace: trace.num_bytes)
    yield answer_image("difference by quality", rows, lambda trace: trace.qualities)


def _views(sample: Sample, world: World) -> str:
    if len(sample.views) != 2 or len({world.photo(view) for view in sample.views}) != 1:
        return "the row does not show two views of one photo"
    focus, context = sample.kind.contrast.roles
    holding = {target.img_idx for target in sample.objects}
    roles = [focus if number in holding else context for number in (1, 2)]
    stated = [view.role for view in sample.views]
    return "" if stated == roles else f"the roles are {stated}, but the answer requires {roles}"


def _object(part: Part) -> Object:
    return part.annotation_id, part.transform, part.mask


def _difference(sample: Sample) -> str:
    """The fault in the pasted objects; "" if there is none.

    The views must share at least two pasted objects. One of the views may contain one more pasted object. The answer
    must be this object, or be empty if there is none.
    """
    first, second = ({_object(part) for part in view.parts[1:]} for view in sample.views)
    if len(first & second) < 2:
        return f"{len(first & second)} pasted objects are in both views"
    alone = [(number, name) for number, own in ((1, first - second), (2, second - first)) for name, *_ in own]
    answered = [(target.img_idx, target.annotation_id) for target in sample.objects]
    return "" if len(alone) <= 1 and alone == answered else f"{alone} is in only one view, but {answered} is answered"


def _steps(view: View) -> str:
    """The fault in the order or number of paste operations; "" if there is none.

    Each pasted object must be pasted exactly once, before all other operations.
    """
    names = [step.name for step in view.operations]
    pasted = [step.values for step in view.operations if step.name == "paste"]
    once = sorted(pasted) == [(float(number),) for number in range(1, len(view.parts))]
    return "" if once and names[: len(pasted)] == ["paste"] * len(pasted) else f"{len(view.parts) - 1} parts, {names}"


def _placed(sample: Sample, parts: Sequence[Part], world: World) -> Iterator[Finding]:
    view = sample.views[0]
    try:
        placed = [(part, found, place(part, found, view, world)) for part in parts for found in _instance(part, world)]
    except PhotoError as error:
        yield Finding("pasted sensibly", str(error))
        return
    yield from _boxes(sample, placed)
    unknown = "no source has labeled the photo for all its categories, as present or absent"
    yield Finding("little hidden", "" if _annotated(view, world) else unknown)
    for number, (part, found, here) in enumerate(placed):
        yield Finding("pasted sensibly", _misplaced(found, here, view, world))
        alike = _is_gray(part, world) == _is_gray(view.parts[0], world)
        yield Finding("pasted sensibly", "" if alike else f"{found.id}: one photo is in color, the other is not")
        most = max(hidden(here, view, world), key=lambda share: share[1], default=("nothing", 0.0))
        too_much = most[1] > HIDDEN + 0.005
        yield Finding("little hidden", f"{part.annotation_id} hides {most[1]:.2f} of a {most[0]}" if too_much else "")
        met = [other.annotation_id for other, _, there in placed[:number] if area(overlap(here.box, there.box)) > 0]
        yield Finding("little hidden", f"{part.annotation_id} meets {met[0]}" if met else "")


def _is_gray(part: Part, world: World) -> bool:
    """Whether the photo of a part is black-and-white, judged by every fourth pixel of every fourth row."""
    return bool(np.quantile(np.ptp(world.pixels.of(part)[::4, ::4], axis=2), MOST) <= GRAY)


def _annotated(view: View, world: World) -> bool:
    """Whether at least one source states, for each of its categories, whether the photo shows it."""
    seen = [(world.sources[key], image) for key, image in world.appearances(world.photo(view))]
    return any(all(source.status(image, label) != "unknown" for label in source.categories) for source, image in seen)


def _instance(part: Part, world: World) -> Iterator[Instance]:
    if found := world.instance(part.annotation_id):
        yield found


def _boxes(sample: Sample, placed: Sequence[tuple[Part, Instance, Placed]]) -> Iterator[Finding]:
    for target in sample.objects:
        view = sample.view(target.img_idx)
        for part, _, here in placed:
            if part.annotation_id == target.annotation_id:
                true = view.thousand(view.place(here.box))
                apart = max(furthest(true, target.bbox), furthest(true, view.thousand(target.bbox_px)))
                said = tuple(round(value, 1) for value in true)
                fault = "" if apart <= BOX_TOLERANCE + 1e-6 else f"{target.bbox}, the mask gives {said}"
                yield Finding("difference box", fault)
        whole = target.visible == 1.0
        fault = f"`visible` is {target.visible:.3f}, although the whole object is in the photo"
        yield Finding("difference box", "" if whole else fault)


def _misplaced(found: Instance, here: Placed, view: View, world: World) -> str:
    """The reason why a pasted object does not fit into the photo; "" if it fits."""
    x1, y1, x2, y2 = here.box
    width, height = world.sources[view.source].size(view.image_id)
    if not (x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height) or y2 <= HORIZON * height:
        return f"{found.id} at {here.box} extends beyond the photo, or is not in its lower part"
    if world.relations.supercategory(found.concept) == PERSON and (y2 - y1) < UPRIGHT * (x2 - x1) * (1 - SLACK):
        return f"{found.id} is not an upright person"
    if here.contrast < CONTRAST * (1 - SLACK):
        return f"{found.id} is barely visible: {here.contrast:.1f} gray levels from what it hides"
    facts = [fact for fact in world.facts(world.photo(view), found.concept) if fact.instances]
    heights = [[other.box[3] - other.box[1] for other in fact.instances] for fact in facts]
    if not heights:
        return f"{found.id} is in a photo without other objects with its label"
    like = any(_within(y2 - y1, *np.percentile(found_there, [10, 90]).tolist()) for found_there in heights)
    return "" if like else f"{found.id} is {y2 - y1:.0f} px tall, unlike the other objects with its label in the photo"


def _within(height: float, low: float, high: float) -> bool:
    return low * (1 - LIKE_HEIGHT) * 0.98 <= height <= high * (1 + LIKE_HEIGHT) * 1.02


def _unlike(sample: Sample, world: World) -> str:
    """The fault if one view shows much more of an annotated object than the other view; "" if there is none."""
    photo = world.photo(sample.views[0])
    for key, image in world.appearances(photo):
        source = world.sources[key]
        for concept in sorted(source.concepts_in(image)):
            for instance in source.instances(image, concept):
                shares = sorted(area(overlap(instance.box, view.window)) for view in sample.views)
                if shares[0] < SHOWN_ALIKE * shares[1] - 0.02 * area(instance.box) - 1:
                    return f"{instance.id} is in one view by {shares[1]:.0f} px, in the other by {shares[0]:.0f}"
    return ""
