"""Finds objects of a photo that can be followed from view to view and distinguished from their siblings (objects of the
same category).
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import islice

import numpy as np

from cgc_data.geometry import iou, iou_matrix
from cgc_data.plan.askable import Askable
from cgc_data.plan.offered import Mask
from cgc_data.plan.questions import View, thousand_in_view
from cgc_data.plan.tracks import MAX_COPY_IOU, Gone
from cgc_data.plan.windows import askable_in, shown_in

FOLLOWED = 3  # objects of one category tried before another category
MAX_SIBLING_IOU = 0.3
SLACK = 6.0  # pixels; a mask's box almost never exceeds the annotated box by more than this


class Following:
    """Finds objects that can be followed, and checks what views show of these objects and their siblings."""

    def __init__(self, askable: Askable) -> None:
        self._askable, self._truth = askable, askable.truth
        self._siblings: tuple[int, list[int]] = -1, []  # results for the most recent target

    def concepts(self, photo: int) -> list[int]:
        """Concepts with at least two usable objects in the photo and no objects of a confusable concept."""
        return [concept for concept in self._repeated(photo) if self._has_sibling(photo, concept)]

    def _repeated(self, photo: int) -> list[int]:
        """Same as `concepts`, but without checking whether the objects are usable."""
        table, instances = self._askable, self._askable.index.instances
        inside = instances.of_photo(photo)
        usable = inside[~instances.crowd[inside] & table.trusted[inside]]
        here, number = np.unique(instances.concept[usable], return_counts=True)
        found: list[int] = here[(number > 1) & table.named[here] & ~table.confused[photo, here]].tolist()
        return found

    def objects(self, photo: int, count: int, rng: np.random.Generator) -> list[int]:
        """At least `count` objects that can be followed, if available, in random order. Each object has a sibling and
        is large enough.

        Small objects are skipped early: most objects of a photo are too small in every window, and trying them is slow.
        """
        table, concepts = self._askable, self._repeated(photo)
        found: list[int] = []
        while concepts and len(found) < count:
            concept = table.draw_label(np.array(concepts, dtype=np.intp), rng)
            concepts.remove(concept)
            inside = table.index.instances.of(photo, concept)
            large = inside[table.index.instances.single[inside] & self._large[inside]].tolist()
            if large and self._has_sibling(photo, concept):
                sound = [i for i in large if not self._truth.fault(i) and self._is_large(i)]
                found += rng.permutation(np.array(sound, dtype=np.intp))[:FOLLOWED].tolist()
        return found

    @cached_property
    def _large(self) -> Mask:
        """Mask (instances,) of the instances that are large enough in some window, judged by the shorter side of the
        annotated box.
        """
        box = self._askable.index.instances.box
        return np.asarray((box[:, 2:] - box[:, :2]).min(axis=1) >= self._askable.config.limits.min_side - SLACK)

    def _is_large(self, instance: int) -> bool:
        """Whether the instance is large enough in some window, judged by its mask."""
        x1, y1, x2, y2 = self._truth.box(instance)
        return min(x2 - x1, y2 - y1) >= self._askable.config.limits.min_side

    def _has_sibling(self, photo: int, concept: int) -> bool:
        """Whether at least two objects of the concept are usable. Reads only as many masks as needed."""
        instances = self._askable.index.instances
        sound = (i for i in instances.of(photo, concept) if not instances.crowd[i] and not self._truth.fault(int(i)))
        return len(list(islice(sound, 2))) == 2

    def siblings(self, photo: int, target: int) -> list[int]:
        """The other usable objects of the target's category in its photo."""
        if self._siblings[0] != target:
            usable = self._askable.usable(photo, int(self._askable.index.instances.concept[target]))
            self._siblings = target, [instance for instance in usable if instance != target]
        return self._siblings[1]

    def siblings_in(self, view: View, target: int) -> set[int]:
        """The siblings of the target (objects of its category) that a view shows."""
        siblings = self.siblings(view.photo, target)
        return {i for i in siblings if self._truth.see(i, view.window).state == "visible"}

    def distinguishes(self, views: Sequence[View], target: int) -> bool:
        """Whether the object stands out in all views and has a different place in the first view than in the others.
        Otherwise, a model could find the object by its place, without recognizing it.
        """
        if not all(self._stands_out(view, target) for view in views):
            return False
        given, *others = (thousand_in_view(view, shown_in(self._truth, 0, target, view).box) for view in views)
        return all(iou(given, box) < MAX_COPY_IOU for box in others)

    def follows(self, views: Sequence[View], target: int, gone: Gone) -> bool:
        """Like `distinguishes`, but `gone` states what the last view must show. If `gone` is `never`, the last view
        must show the object. If `gone` is `beside`, the last view must show a sibling, but not the object. If `gone` is
        `alone`, the last view must show neither.
        """
        if gone == "never":
            return self.distinguishes(views, target)
        *shown, last = views
        out_of_view = self._truth.see(target, last.window).state == "gone"
        beside = bool(self.siblings_in(last, target))
        return out_of_view and beside == (gone == "beside") and self.distinguishes(shown, target)

    def _stands_out(self, view: View, target: int) -> bool:
        """Whether the object stands out in a view: the object is large enough, the view also shows a sibling, and no
        sibling or crowd overlaps the object too much.
        """
        shown, instances = self._truth.see(target, view.window), self._askable.index.instances
        if shown.state != "visible" or not shown.box or not askable_in(view, shown.box, self._askable.config.limits):
            return False
        others = [i for i in instances.of(view.photo, int(instances.concept[target])).tolist() if i != target]
        sightings = {other: self._truth.see(other, view.window) for other in others}
        if not any(sightings[sibling].state == "visible" for sibling in self.siblings(view.photo, target)):
            return False
        boxes = [sighting.box or self._truth.box(other) for other, sighting in sightings.items()]
        return not (iou_matrix(shown.box, boxes) > MAX_SIBLING_IOU).any()
