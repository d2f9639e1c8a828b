"""`locate_all` and `absent` about windows of one photo: every object of a category in each, or none."""

from dataclasses import replace

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.index.presence import PRESENT_ALL
from cgc_data.plan.askable import Askable
from cgc_data.plan.balance import AbsentBalance
from cgc_data.plan.planner import Draw
from cgc_data.plan.rows import Family, Missing, Question, View, box_in_view
from cgc_data.plan.truth import fits
from cgc_data.plan.windows import Windows, set_of_windows, shown_in
from cgc_data.tasks.intra import VIEWS
from cgc_data.tasks.intra.absent import ABSENT
from cgc_data.tasks.intra.locate_all import LOCATE_ALL

TRIES = 24  # draws of two categories and their windows before a photo is given up


class WindowSetPlanner:
    """Asks set questions about windows of one photo at a time."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._windows = Windows(askable.truth, askable.config)
        self.photos = np.ones(len(askable.splits), dtype=np.bool_)

    def family(self, draw: Draw) -> Family | None:
        """Set questions about windows of the photo; None if it has no two categories that windows can part."""
        questions = self.questions(draw.anchor, draw.balance, draw.rng)
        return Family(tuple(questions), (draw.anchor,)) if questions else None

    def questions(self, photo: int, balance: AbsentBalance, rng: np.random.Generator) -> list[Question]:
        """Two sets of windows, each round one label and free of the other: each label asked where it is.

        Absent twins ask each label where it is not. Present rows come from such sets too, twins wanted or not, so that
        windows tell nothing.
        """
        concepts = self._settled(photo)
        for _ in range(TRIES if len(concepts) > 1 else 0):
            first = self._askable.draw_label(np.array(concepts, dtype=np.intp), rng)
            second = self._askable.draw_label(np.array([c for c in concepts if c != first], dtype=np.intp), rng)
            count = self._windows.draw_count(rng)
            here, there = (self._round(photo, c, other, count, rng) for c, other in ((first, second), (second, first)))
            if not here or not there:
                continue
            twins = [self._twins(photo, c, *sets, rng) for c, sets in ((first, (here, there)), (second, (there, here)))]
            if all(twins):
                lack = min(balance.lack(c, LOCATE_ALL.pool, count, VIEWS.name) for c in (first, second))
                if lack > 0 and balance.allows(4, 2):
                    return [question for pair in twins for question in pair]
                return [replace(present, pair_id="") for present, _ in twins]
        return []

    def _round(
        self, photo: int, concept: int, avoided: int, count: int, rng: np.random.Generator
    ) -> tuple[View, ...] | None:
        """Windows round an instance of one concept that show nothing of the other."""
        instance = int(rng.choice(self._askable.usable(photo, concept)))
        others = [int(i) for i in self._askable.index.instances.of(photo, avoided)]
        return self._windows.several(photo, instance, others, count, rng)

    def _twins(
        self,
        photo: int,
        concept: int,
        there: tuple[View, ...],
        elsewhere: tuple[View, ...],
        rng: np.random.Generator,
    ) -> list[Question]:
        """A present question and its absent twin; none where the windows do not bear both."""
        present = self._every(photo, concept, there, rng)
        absent = self._every(photo, concept, elsewhere, rng, present.template if present else 0)
        if not present or not absent or not present.shown or absent.shown:
            return []
        pair = f"{present.tuple_id}-{absent.tuple_id}-{int(rng.integers(2**32)):08x}"
        return [replace(present, pair_id=pair), replace(absent, pair_id=pair)]

    def _settled(self, photo: int) -> list[int]:
        """Concepts of which every instance is known, single and sound, with nothing confusable in the photo."""
        table, index = self._askable, self._askable.index
        found = []
        complete = (index.states[photo] == PRESENT_ALL) & table.named & ~table.confused[photo] & table.clear[photo]
        for concept in np.flatnonzero(complete).tolist():
            instances = index.instances.of(photo, concept)
            if len(instances) and len(self._askable.usable(photo, concept)) == len(instances):
                found.append(concept)
        return found

    def _every(
        self,
        photo: int,
        concept: int,
        views: tuple[View, ...],
        rng: np.random.Generator,
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
            visible = [i for i, sighting in sightings if sighting.state == "visible"]
            here = [shown_in(table.truth, position, i, view) for i in visible]
            if not all(fits(box_in_view(view, s.box), view.width, view.height, table.config.limits) for s in here):
                return None
            shown += here
            if not here:
                missing.append(Missing(position, concept, source, "outside_window"))
        if len(shown) > table.config.limits.max_objects:
            return None
        question = Question(
            task=LOCATE_ALL if shown else ABSENT,
            split=table.splits[photo],
            pool=LOCATE_ALL.pool,
            template=int(rng.integers(template_count(LOCATE_ALL.pool))) if template is None else template,
            concepts=(concept,),
            views=views,
            shown=tuple(shown),
            missing=tuple(missing),
            distractors=VIEWS.name,
            tuple_id=set_of_windows(self._askable.index, views),
        )
        return question.reordered(rng.permutation(len(views)).tolist())
