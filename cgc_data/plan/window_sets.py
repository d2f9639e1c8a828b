"""Questions about several windows of one photo. A question asks for every object of a category in the windows. In the
task `locate_all`, at least one window shows such an object; in the task `absent`, none does.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.index.presence import PRESENT_ALL
from cgc_data.plan.askable import Askable
from cgc_data.plan.balance import AbsentBalance
from cgc_data.plan.parting import Parted, Parting
from cgc_data.plan.planner import Draw
from cgc_data.plan.questions import Family, Missing, Question, View
from cgc_data.plan.windows import Windows, askable_in, set_of_windows, shown_in
from cgc_data.tasks.intra import VIEWS
from cgc_data.tasks.intra.absent import ABSENT
from cgc_data.tasks.intra.locate_all import LOCATE_ALL

TRIES = 3  # tries per photo before the planner gives up on the photo; each try draws new window sizes
UNKNOWN, TOO_SMALL = "no category known in full", "the fully annotated categories are too small or too elongated"
UNFIT = (
    "for each fully annotated category, the photo also shows a confusable category, or an object of the category "
    "cannot be boxed"
)
NOT_PARTED = "no two window sizes at which some windows show a category and others do not"


class WindowSetPlanner:
    """Composes questions about every object of a category. Each question shows a set of windows of one photo."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._windows = Windows(askable.truth, askable.config)
        self._parting = Parting(askable.index, askable.truth, askable.config, askable.detail)
        self._served: set[int] = set()
        self._fruitless: Counter[int] = Counter()
        self.photos = np.ones(len(askable.splits), dtype=np.bool_)

    @property
    def lost(self) -> Counter[str]:
        """Number of photos that allowed no question, by reason."""
        return Counter(self._reason(photo) for photo, times in self._fruitless.items() if times >= TRIES)

    def _reason(self, photo: int) -> str:
        instances = self._askable.index.instances
        settled = [concept for concept in self._complete(photo) if self._is_settled(photo, concept)]
        if not settled:
            known = self._askable.index.states[photo] == PRESENT_ALL
            return UNFIT if known.any() else UNKNOWN
        large = any(self._askable.large[instances.of(photo, concept)].any() for concept in settled)
        return NOT_PARTED if large else TOO_SMALL

    def family(self, draw: Draw) -> Family | None:
        """A question about several windows of the photo, and its absent twin if one is needed; None if no question is
        possible.
        """
        if self._fruitless[draw.anchor] >= TRIES:
            return None
        if questions := self.questions(draw.anchor, draw.balance, draw.rng):
            self._served.add(draw.anchor)
            return Family(tuple(questions), (draw.anchor,))
        self._fruitless[draw.anchor] += draw.anchor not in self._served
        return None

    def questions(self, photo: int, balance: AbsentBalance, rng: np.random.Generator) -> list[Question]:
        """A question about a category that one or more of the windows show, and its absent twin if one is needed.

        The twin's windows have the same sizes as those of the question, but show no part of an object of the category.
        The question is asked only if such windows exist, so that the sizes do not reveal whether the category is shown.
        """
        for concept in self._drawn(self._complete(photo), rng):
            if not self._is_settled(photo, concept):
                continue
            parted = self._parting.parted(photo, concept, rng)
            for count in dict.fromkeys((self._windows.draw_count(rng), self._askable.config.intra.min_views)):
                if parted and (found := self._about(photo, concept, parted, count, balance, rng)):
                    return found
        return []

    def _drawn(self, concepts: list[int], rng: np.random.Generator) -> Iterator[int]:
        """The concepts in a random order, weighted by the category temperature."""
        left = list(concepts)
        while left:
            concept = self._askable.draw_label(np.array(left, dtype=np.intp), rng)
            left.remove(concept)
            yield concept

    def _about(
        self, photo: int, concept: int, parted: Parted, count: int, balance: AbsentBalance, rng: np.random.Generator
    ) -> list[Question]:
        """Questions about `count` windows; a random number of these windows show the concept. Empty if no windows
        fit.
        """
        sizes = self._parting.choose(parted, count, rng)
        free = self._parting.lay(parted, sizes, [False] * count, rng) if sizes else ()
        for held in (1 + rng.permutation(count)).tolist() if free else ():
            holding = rng.permutation([True] * held + [False] * (count - held)).tolist()
            views = self._parting.lay(parted, sizes, holding, rng)
            # otherwise, large windows, which rarely miss a category, would show the category more often than small
            # windows
            if not self._parting.lay(parted, sizes, holding[::-1], rng):
                continue
            if views and free and (twins := self._twins(photo, concept, views, free, rng)):
                lack = balance.lack(concept, LOCATE_ALL.pool, count, VIEWS.name)
                return twins if lack > 0 and balance.allows(2, 1) else [replace(twins[0], pair_id="")]
        return []

    def _twins(
        self,
        photo: int,
        concept: int,
        there: tuple[View, ...],
        elsewhere: tuple[View, ...],
        rng: np.random.Generator,
    ) -> list[Question]:
        """A question whose windows show the concept, and its absent twin; empty if the windows do not support both."""
        present = self._every(photo, concept, there, rng)
        absent = self._every(photo, concept, elsewhere, rng, present.template if present else 0)
        if not present or not absent or not present.shown or absent.shown:
            return []
        pair = f"{present.tuple_id}-{absent.tuple_id}-{int(rng.integers(2**32)):08x}"
        return [replace(present, pair_id=pair), replace(absent, pair_id=pair)]

    def _complete(self, photo: int) -> list[int]:
        """Concepts whose instances in the photo are all boxed. Excludes concepts that could be confused with another
        object in the photo.
        """
        table = self._askable
        known = (table.index.states[photo] == PRESENT_ALL) & table.named & ~table.confused[photo] & table.clear[photo]
        found: list[int] = np.flatnonzero(known).tolist()
        return found

    def _is_settled(self, photo: int, concept: int) -> bool:
        """Whether the photo has instances of the concept, and all of them are usable."""
        instances = self._askable.index.instances.of(photo, concept)
        return 0 < len(instances) == len(self._askable.usable(photo, concept))

    def _every(
        self,
        photo: int,
        concept: int,
        views: tuple[View, ...],
        rng: np.random.Generator,
        template: int | None = None,
    ) -> Question | None:
        """The question about every instance of the concept in these views; None if a view shows an instance that is
        ambiguous or too small, or if the views show more instances than an answer can contain.
        """
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
            if not all(askable_in(view, s.box, table.config.limits) for s in here):
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
