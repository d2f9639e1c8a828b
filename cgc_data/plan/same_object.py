"""`same_object`: one object is followed from one view of a photo into another, past a sibling that both views show.

Both directions are asked, and neither the box that is given nor a sibling's place is the answer.
"""

from collections.abc import Sequence

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.geometry import iou
from cgc_data.plan.askable import Askable
from cgc_data.plan.planner import Draw
from cgc_data.plan.rows import Family, Question, View, thousand_in_view
from cgc_data.plan.windows import Windows, askable_in, set_of_windows, shown_in
from cgc_data.tasks.intra import VIEWS
from cgc_data.tasks.intra.same_object import SAME_OBJECT

FOLLOWED = 3  # objects of one category that are tried before another category
TRIES = 24  # draws of windows for one object before it is given up
MAX_COPY_IOU = 0.3
MAX_SIBLING_IOU = 0.3


class SameObjectPlanner:
    """Follows objects of one photo at a time."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._windows = Windows(askable.truth, askable.config)
        self.photos = np.ones(len(askable.splits), dtype=np.bool_)

    def family(self, draw: Draw) -> Family | None:
        """Both directions about one object of the photo; None if no object can be followed."""
        questions = self.questions(draw.anchor, draw.rng)
        return Family(tuple(questions), (draw.anchor,)) if questions else None

    def questions(self, photo: int, rng: np.random.Generator) -> list[Question]:
        """Both directions about one object of the photo; none where no object can be followed."""
        for concept, target in self._followed(photo, rng):
            siblings = [i for i in self._askable.usable(photo, concept) if i != target]
            for _ in range(TRIES):
                pair = self._windows.focus_and_context(photo, target, rng)
                if pair and self._distinguishes(pair, target, siblings):
                    return self._both_directions(photo, concept, target, pair, rng)
        return []

    def _followed(self, photo: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Objects that may be followed: (concept, instance), in drawn order, with at least one sibling."""
        table, index = self._askable, self._askable.index
        inside = index.instances.of_photo(photo)
        concepts = [
            int(c)
            for c in np.unique(index.instances.concept[inside])
            if table.named[c] and not table.confused[photo, c] and len(self._askable.usable(photo, int(c))) > 1
        ]
        found: list[tuple[int, int]] = []
        while concepts:
            concept = table.draw_label(np.array(concepts, dtype=np.intp), rng)
            concepts.remove(concept)
            single = [i for i in self._askable.usable(photo, concept) if index.instances.single[i]]
            found += [(concept, int(i)) for i in rng.permutation(single)[:FOLLOWED]]
        return found

    def _distinguishes(self, pair: tuple[View, View], target: int, siblings: Sequence[int]) -> bool:
        """Is the object told from a sibling that both views show, by more than its place in the view?"""
        truth, limits = self._askable.truth, self._askable.config.limits
        seen = [truth.see(target, view.window) for view in pair]
        boxes = [s.box for s in seen if s.state == "visible" and s.box]
        if len(boxes) < len(pair):
            return False
        shown = list(zip(pair, boxes, strict=True))
        if not all(askable_in(view, box, limits) for view, box in shown):
            return False
        if iou(*(thousand_in_view(view, box) for view, box in shown)) >= MAX_COPY_IOU:
            return False
        beside = False
        for sibling in siblings:
            others = [truth.see(sibling, view.window) for view in pair]
            if any(iou(b, o.box or truth.box(sibling)) > MAX_SIBLING_IOU for b, o in zip(boxes, others, strict=True)):
                return False
            beside |= all(other.state == "visible" for other in others)
        return beside

    def _both_directions(
        self, photo: int, concept: int, target: int, pair: tuple[View, View], rng: np.random.Generator
    ) -> list[Question]:
        questions = []
        pair_id = f"{set_of_windows(self._askable.index, pair)}-{int(rng.integers(2**32)):08x}"
        for asked, given in ((1, 0), (0, 1)):
            shown, reference = (shown_in(self._askable.truth, i, target, pair[i]) for i in (asked, given))
            question = Question(
                task=SAME_OBJECT,
                split=self._askable.splits[photo],
                pool=SAME_OBJECT.named_pool,
                template=int(rng.integers(template_count(SAME_OBJECT.named_pool))),
                concepts=(concept,),
                views=pair,
                shown=(shown,),
                missing=(),
                distractors=VIEWS.name,
                tuple_id=set_of_windows(self._askable.index, pair),
                pair_id=pair_id,
                reference=reference,
                named=shown.view,
                reference_views=(reference.view,),
            )
            questions.append(question.reordered(rng.permutation(2).tolist()))
        return questions
