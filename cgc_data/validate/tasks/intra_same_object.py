"""`intra/same_object`: one instance in two views, told from a sibling that both show, and not by copying."""

from collections.abc import Iterator

from cgc_data.validate.boxes import BOX_TOLERANCE, furthest, iou
from cgc_data.validate.limits import Limits
from cgc_data.validate.raw import Instance, Sight
from cgc_data.validate.report import Finding
from cgc_data.validate.samples import Rectangle, Sample, View
from cgc_data.validate.sets import some_object
from cgc_data.validate.world import World

CHECKS = {"same object": "one instance in two views, a sibling in both, a reference that cannot be copied"}
COPY_IOU = 0.3
SIBLING_IOU = 0.3


def check(sample: Sample, world: World, limits: Limits) -> Iterator[Finding]:
    """The object of the given box, visible in both views and nowhere confused with a sibling."""
    for fault in _Follow(limits, world).faults(sample) or [""]:
        yield Finding("same object", fault)
    yield from some_object(sample)


class _Follow:
    """Finds what is wrong with one sample."""

    def __init__(self, limits: Limits, world: World) -> None:
        self._limits, self._world = limits, world

    def faults(self, sample: Sample) -> list[str]:
        """What is wrong with it; nothing if the list is empty."""
        if len(sample.views) != 2 or len(sample.objects) != 1 or sample.ref_img_idx is None or sample.ref_bbox is None:
            return ["not two views and one object"]
        answer, reference = sample.objects[0], sample.ref_bbox
        found = self._world.instance(answer.annotation_id)
        if found is None:
            return []  # already a breach of `annotations`
        if answer.img_idx == sample.ref_img_idx:
            return ["asked and answered in the same image"]
        asked, shown = sample.view(sample.ref_img_idx), sample.view(answer.img_idx)
        faults = self._reference(found, reference, asked)
        if iou(reference, answer.bbox) >= COPY_IOU:
            faults.append(f"copying the reference gives IoU {iou(reference, answer.bbox):.2f}")
        return faults or self._siblings(found, asked, shown)

    def _reference(self, found: Instance, reference: Rectangle, asked: View) -> list[str]:
        if self._world.photo(found) != self._world.photo(asked):
            return ["the two views are of different photos"]
        box = self._sight(found, asked).box
        if box is None or not self._visible(found, asked):
            return [f"{found.id} is not visible in the view of the reference"]
        true = asked.thousand(asked.place(box))
        right = furthest(true, reference) <= BOX_TOLERANCE + 1e-6
        return [] if right else [f"reference {reference}, the mask says {tuple(round(value, 1) for value in true)}"]

    def _siblings(self, found: Instance, asked: View, shown: View) -> list[str]:
        boxed = self._world.sources[found.source].instances(found.image_id, found.concept)
        others = [other for other in boxed if other.number != found.number and not other.crowd]
        in_both = any(self._visible(other, asked) and self._visible(other, shown) for other in others)
        faults = [] if in_both else ["no sibling is visible in both views"]
        own = self._sight(found, asked).box
        for other in others:
            box = self._sight(other, asked).box
            if own and box and iou(own, box) > SIBLING_IOU + 1e-6:
                faults.append(f"sibling {other.id} overlaps the reference box with IoU {iou(own, box):.2f}")
        return faults

    def _visible(self, instance: Instance, view: View) -> bool:
        return self._sight(instance, view).state(self._limits.visible) == "visible"

    def _sight(self, instance: Instance, view: View) -> Sight:
        return self._world.sight(instance, view, self._limits.margin)
