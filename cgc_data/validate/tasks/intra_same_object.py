"""Checks `intra/same_object` rows, which mark an object in one view and ask for it in the other views.

A row has two views, or it is a track with three or more views. The views must also show a sibling, which is another
object with the same label. A copy of the given box must be a wrong answer.
"""

from collections.abc import Iterator, Sequence

from cgc_data.validate.boxes import BOX_TOLERANCE, furthest, iou
from cgc_data.validate.limits import Limits
from cgc_data.validate.raw import Instance, Sight
from cgc_data.validate.report import Check, Finding
from cgc_data.validate.samples import Box, Rectangle, Sample, View
from cgc_data.validate.sets import some_object
from cgc_data.validate.trace import Trace
from cgc_data.validate.tracks import track_measures
from cgc_data.validate.world import World

CHECKS = {
    "same object": (
        "all views, or all but one, show the instance and another object with its label; of two views, one is wider by "
        "the factor of the release; a copy of the reference box is not a correct answer"
    ),
    "box drawn": "no box is drawn except the reference box in the reference image",
}
COPY_IOU = 0.3
SIBLING_IOU = 0.3
WHOLE = 0.999  # visible share at or above which an object counts as complete
WHOLE_PIXEL = 0.5 + 1e-6  # tolerance for the rounding of a drawn box


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """Check that the answer has a box of the given object in each requested view that shows it, and in no other view.

    The object's box must also be clearly different from the boxes of its siblings, which are other objects with the
    same label.
    """
    for fault in _Follow(limits, world).faults(sample) or [""]:
        yield Finding("same object", fault)
    for number, view in enumerate(sample.views, 1):
        yield Finding("box drawn", _misdrawn(sample, number, view))
    yield from some_object(sample)


def measures(traces: Sequence[Trace], limits: Limits) -> Iterator[Check]:
    """Measure how well a guess can follow an object across the views without seeing the images."""
    del limits
    yield from track_measures(traces)


class _Follow:
    """Finds the faults in one sample."""

    def __init__(self, limits: Limits, world: World) -> None:
        self._limits, self._world = limits, world

    def faults(self, sample: Sample) -> list[str]:
        """The faults of the sample; empty if it has none."""
        if sample.ref_img_idx is None or sample.ref_bbox is None or not sample.objects:
            return ["the row has no reference box, or no object in its answer"]
        if fault := _misasked(sample):
            return [fault]
        found = self._world.instance(sample.objects[0].annotation_id)
        if found is None:
            return []  # the check `annotations` already reports this
        if {self._world.photo(view) for view in sample.views} != {self._world.photo(found)}:
            return ["the views are of different photos"]
        faults = self._reference(found, sample.ref_bbox, sample.view(sample.ref_img_idx))
        if len(sample.views) == 2:
            faults += _too_alike(sample.views, self._limits.context_scale)
        for number in sample.answer_images:
            faults += [f"image {number}: {fault}" for fault in self._answer(found, sample, number, sample.ref_bbox)]
        return faults or self._siblings(found, sample.views)

    def _reference(self, found: Instance, reference: Rectangle, view: View) -> list[str]:
        sight = self._sight(found, view)
        if sight.box is None or not sight.certain or sight.share < WHOLE:
            return [f"{found.id} is not whole in the view of the reference"]
        true = view.thousand(view.place(sight.box))
        right = furthest(true, reference) <= BOX_TOLERANCE + 1e-6
        return (
            []
            if right
            else [(f"the reference box is {reference}, but the mask gives {tuple(round(value, 1) for value in true)}")]
        )

    def _answer(self, found: Instance, sample: Sample, number: int, reference: Rectangle) -> Iterator[str]:
        """The fault in the answer for one image."""
        view, answered = sample.view(number), any(target.img_idx == number for target in sample.objects)
        sight = self._sight(found, view)
        state = sight.state(self._limits.visible)
        if state == "ambiguous":
            yield f"{found.id} is neither clearly visible nor absent"
        elif answered != (state == "visible") and sample.img_idx in (None, number):
            yield f"{found.id} is {state}, but {'' if answered else 'not '}answered"
        if sight.box and (copied := iou(reference, view.thousand(view.place(sight.box)))) >= COPY_IOU:
            yield f"a copy of the reference box reaches an IoU of {copied:.2f} with the object"

    def _siblings(self, found: Instance, views: Sequence[View]) -> list[str]:
        boxed = self._world.sources[found.source].instances(found.image_id, found.concept)
        others = [other for other in boxed if other.number != found.number]
        showing = [view for view in views if self._visible(found, view)]
        faults = [] if len(views) - len(showing) <= (len(views) > 2) else ["too many views do not show the object"]
        beside = [{o.number for o in others if not o.crowd and self._visible(o, view)} for view in showing]
        if not all(beside) or (len(views) == 2 and not set.intersection(*beside)):
            faults.append(
                "a view shows the object without a sibling (an object with the same label), or no sibling is visible "
                "in both views"
            )
        for view in showing:
            own = self._sight(found, view).box
            seen = [(other, self._sight(other, view).box) for other in others]
            faults += [fault for other, box in seen if (fault := _covered(own, other, box))]
        return faults

    def _visible(self, instance: Instance, view: View) -> bool:
        return self._sight(instance, view).state(self._limits.visible) == "visible"

    def _sight(self, instance: Instance, view: View) -> Sight:
        return self._world.sight(instance, view, self._limits.margin)


def _too_alike(views: Sequence[View], scale: float) -> list[str]:
    """The fault if the larger of two windows is not wider than the smaller one by this factor; empty if it is."""
    small, large = sorted((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (view.window for view in views))
    wider = small * scale**2 <= large
    return [] if wider else [f"one view is only {(large / small) ** 0.5:.2f} times as wide as the other"]


def _misasked(sample: Sample) -> str:
    """The fault if the question does not match the number of images or the objects in the answer; "" if it does."""
    if len({target.annotation_id for target in sample.objects}) > 1:
        return "different objects are answered"
    if sample.img_idx is None:
        return "the row has two views, but its question names no image" if len(sample.views) == 2 else ""
    return (
        ""
        if [t.img_idx for t in sample.objects] == [sample.img_idx]
        else "the answer is not exactly one object in the image that the question names"
    )


def _covered(own: Box | None, other: Instance, box: Box | None) -> str:
    """The reason why the object's box could be mistaken for the box of another object; "" if it could not."""
    shared = iou(own, box) if own and box else 0.0
    kind = "crowd" if other.crowd else "sibling"
    return f"{kind} {other.id} overlaps the box of the object with IoU {shared:.2f}" if shared > SIBLING_IOU else ""


def _misdrawn(sample: Sample, number: int, view: View) -> str:
    """The fault in the boxes that are drawn into a view; "" if there is none."""
    drawn = [step.values for step in view.operations if step.name == "draw_box"]
    if not drawn:
        return ""
    if number != sample.ref_img_idx or len(drawn) > 1 or sample.ref_bbox is None:
        return f"an unexpected box is drawn into image {number}"
    x1, y1, x2, y2 = sample.ref_bbox
    across, down = view.width / 1000, view.height / 1000
    given = (x1 * across, y1 * down, x2 * across, y2 * down)
    apart = max(abs(a - b) for a, b in zip(drawn[0], given, strict=True))
    allowed = WHOLE_PIXEL + max(across, down)
    return "" if apart <= allowed else f"the box drawn into image {number} is {apart:.1f} px away from the given box"
