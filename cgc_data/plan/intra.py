"""Intra-image contrast: a Focus View near an object and wider Context Views of the same photo.

`same_object` follows one object among its siblings from one view into the other, in both directions; set questions ask
for every object of a category in each view, and their `absent` twins for the same category in windows that miss it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cgc_data.geometry import iou
from cgc_data.index.presence import PRESENT_ALL
from cgc_data.plan.askable import Askable
from cgc_data.plan.balance import AbsentBalance
from cgc_data.plan.rows import (
    Family,
    Missing,
    Question,
    Shown,
    View,
    box_in_view,
    set_name,
    thousand_in_view,
)
from cgc_data.plan.truth import fits
from cgc_data.plan.windows import Windows
from cgc_data.plan.wording import template_count

FOLLOWED = 3  # objects of one category that are tried before another category
TRIES = 24  # draws of windows for one question before it is given up
MAX_COPY_IOU = 0.3
MAX_SIBLING_IOU = 0.3


class IntraPlanner:
    """Composes the families of one photo."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._settings = askable.config.intra
        self._windows = Windows(askable.truth, askable.config)

    def family(
        self, photo: int, tasks: Sequence[str], balance: AbsentBalance, random: np.random.Generator
    ) -> Family | None:
        """Questions about windows of this photo, of the first task that it allows; None where it allows none."""
        for task in tasks:
            questions = (
                self._same_object(photo, random) if task == "same_object" else self._sets(photo, balance, random)
            )
            if questions:
                return Family(tuple(questions), (photo,))
        return None

    # -- same_object

    def _same_object(self, photo: int, random: np.random.Generator) -> list[Question]:
        for concept, target in self._followed(photo, random):
            siblings = [i for i in self._usable(photo, concept) if i != target]
            for _ in range(TRIES):
                pair = self._windows.focus_and_context(photo, target, random)
                if pair and self._distinguishes(pair, target, siblings):
                    return self._both_directions(photo, concept, target, pair, random)
        return []

    def _followed(self, photo: int, random: np.random.Generator) -> list[tuple[int, int]]:
        """Objects that may be followed: (concept, instance), in drawn order, with at least one sibling."""
        table, index = self._askable, self._askable.index
        inside = index.instances.of_photo(photo)
        concepts = [
            int(c)
            for c in np.unique(index.instances.concept[inside])
            if table.named[c] and not table.confused[photo, c] and len(self._usable(photo, int(c))) > 1
        ]
        found: list[tuple[int, int]] = []
        while concepts:
            concept = table.draw_label(np.array(concepts, dtype=np.intp), random)
            concepts.remove(concept)
            single = [i for i in self._usable(photo, concept) if index.instances.single[i]]
            found += [(concept, int(i)) for i in random.permutation(single)[:FOLLOWED]]
        return found

    def _usable(self, photo: int, concept: int) -> list[int]:
        table, index = self._askable, self._askable.index
        inside = [i for i in index.instances.of(photo, concept).tolist() if not index.instances.crowd[i]]
        return [i for i in inside if not table.truth.fault(i)]

    def _distinguishes(self, pair: tuple[View, View], target: int, siblings: Sequence[int]) -> bool:
        """Is the object told from a sibling that both views show, by more than its place in the view?"""
        truth, limits = self._askable.truth, self._askable.config.limits
        seen = [truth.see(target, view.window) for view in pair]
        boxes = [s.box for s in seen if s.state == "visible" and s.box]
        if len(boxes) < len(pair):
            return False
        shown = list(zip(pair, boxes, strict=True))
        if not all(fits(box_in_view(view, box), view.width, view.height, limits) for view, box in shown):
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
        self, photo: int, concept: int, target: int, pair: tuple[View, View], random: np.random.Generator
    ) -> list[Question]:
        questions = []
        pair_id = f"{self._set_name(pair)}-{int(random.integers(2**32)):08x}"
        for asked, given in ((1, 0), (0, 1)):
            shown, reference = (self._shown(i, target, pair[i]) for i in (asked, given))
            question = Question(
                contrast="intra",
                split=self._askable.splits[photo],
                task="same_object",
                pool="same_object",
                template=int(random.integers(template_count("same_object"))),
                concept=concept,
                views=pair,
                shown=(shown,),
                missing=(),
                distractors="views",
                tuple_id=self._set_name(pair),
                pair_id=pair_id,
                reference=reference,
            )
            questions.append(question.reordered(random.permutation(2).tolist()))
        return questions

    # -- locate_all and absent

    def _sets(self, photo: int, balance: AbsentBalance, random: np.random.Generator) -> list[Question]:
        """Two sets of windows, each round one label and free of the other: each label asked where it is.

        Absent twins ask each label where it is not. Present rows come from such sets too, twins wanted or not, so that
        windows tell nothing.
        """
        concepts = self._settled(photo)
        for _ in range(TRIES if len(concepts) > 1 else 0):
            first = self._askable.draw_label(np.array(concepts, dtype=np.intp), random)
            second = self._askable.draw_label(np.array([c for c in concepts if c != first], dtype=np.intp), random)
            count = self._windows.draw_count(random)
            here, there = (
                self._round(photo, c, other, count, random) for c, other in ((first, second), (second, first))
            )
            if not here or not there:
                continue
            twins = [
                self._twins(photo, c, *sets, random) for c, sets in ((first, (here, there)), (second, (there, here)))
            ]
            if all(twins):
                lack = min(balance.lack(c, "locate_all", count, "views") for c in (first, second))
                if lack > 0 and balance.allows(4, 2):
                    return [question for pair in twins for question in pair]
                return [replace(present, pair_id="") for present, _ in twins]
        return []

    def _round(
        self, photo: int, concept: int, avoided: int, count: int, random: np.random.Generator
    ) -> tuple[View, ...] | None:
        """Windows round an instance of one concept that show nothing of the other."""
        instance = int(random.choice(self._usable(photo, concept)))
        others = [int(i) for i in self._askable.index.instances.of(photo, avoided)]
        return self._windows.several(photo, instance, others, count, random)

    def _twins(
        self,
        photo: int,
        concept: int,
        there: tuple[View, ...],
        elsewhere: tuple[View, ...],
        random: np.random.Generator,
    ) -> list[Question]:
        """A present question and its absent twin; none where the windows do not bear both."""
        present = self._every(photo, concept, there, random)
        absent = self._every(photo, concept, elsewhere, random, present.template if present else 0)
        if not present or not absent or not present.shown or absent.shown:
            return []
        pair = f"{present.tuple_id}-{absent.tuple_id}-{int(random.integers(2**32)):08x}"
        return [replace(present, pair_id=pair), replace(absent, pair_id=pair)]

    def _settled(self, photo: int) -> list[int]:
        """Concepts of which every instance is known, single and sound, with nothing confusable in the photo."""
        table, index = self._askable, self._askable.index
        found = []
        complete = (index.states[photo] == PRESENT_ALL) & table.named & ~table.confused[photo] & table.clear[photo]
        for concept in np.flatnonzero(complete).tolist():
            instances = index.instances.of(photo, concept)
            if len(instances) and len(self._usable(photo, concept)) == len(instances):
                found.append(concept)
        return found

    def _every(
        self,
        photo: int,
        concept: int,
        views: tuple[View, ...],
        random: np.random.Generator,
        template: int | None = None,
    ) -> Question | None:
        """The set question about a concept in these views, None where one shows an instance in part or too small."""
        table, index = self._askable, self._askable.index
        shown, missing = [], []
        instances = index.instances.of(photo, concept).tolist()
        source = index.tables[int(index.instances.source[instances[0]])].key
        for position, view in enumerate(views):
            sightings = [(i, table.truth.see(i, view.window)) for i in instances]
            if any(sighting.state == "ambiguous" for _, sighting in sightings):
                return None
            here = [self._shown(position, i, view) for i, sighting in sightings if sighting.state == "visible"]
            if not all(fits(box_in_view(view, s.box), view.width, view.height, table.config.limits) for s in here):
                return None
            shown += here
            if not here:
                missing.append(Missing(position, source, "outside_window"))
        if len(shown) > table.config.limits.max_objects:
            return None
        question = Question(
            contrast="intra",
            split=table.splits[photo],
            task="locate_all" if shown else "absent",
            pool="locate_all",
            template=int(random.integers(template_count("locate_all"))) if template is None else template,
            concept=concept,
            views=views,
            shown=tuple(shown),
            missing=tuple(missing),
            distractors="views",
            tuple_id=self._set_name(views),
        )
        return question.reordered(random.permutation(len(views)).tolist())

    # -- shared

    def _shown(self, position: int, instance: int, view: View) -> Shown:
        sighting = self._askable.truth.see(instance, view.window)
        assert sighting.box is not None
        return Shown(position, instance, sighting.box, sighting.share)

    def _set_name(self, views: Sequence[View]) -> str:
        photo = self._askable.index.photos[views[0].photo]
        return set_name([photo.identity, *((v.window, v.width, v.height) for v in views)])
