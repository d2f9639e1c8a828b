"""`inter/exemplar`: uses the same kind of photo sets as `inter_all`. Instead of naming a label, a question shows an
example object in another photo.

A question and its twin with an empty answer share the same example, so the example does not reveal whether the target
exists.
"""

from dataclasses import replace
from itertools import islice

import numpy as np

from cgc_data.plan.askable import Askable
from cgc_data.plan.exemplars import Exemplars
from cgc_data.plan.inter_all import LocateAllPlanner
from cgc_data.plan.offered import Mask
from cgc_data.plan.planner import Draw
from cgc_data.plan.questions import Family, Question, Shown, View, set_name, thousand_in_view
from cgc_data.tasks.inter.exemplar import EXEMPLAR

TRIED = 12  # families tried without examples before giving up on a photo


class ExemplarPlanner:
    """Adds an example to each question of a set."""

    def __init__(self, askable: Askable) -> None:
        self._askable, self._exemplars = askable, Exemplars(askable)
        self._lends: Mask = askable.frequencies.lent.get(EXEMPLAR.id, self._exemplars.labels)
        self._sets = LocateAllPlanner(askable, EXEMPLAR, self._lends, apart=1)
        self.photos = self._sets.photos | self._exemplars.photos

    @property
    def lends(self) -> Mask:
        """Mask (concepts,) of the labels whose objects can serve as examples in questions about other photos."""
        return self._lends

    def family(self, draw: Draw) -> Family | None:
        """A family of questions about the anchor and other photos, with examples from unused photos; None if no family
        fits.
        """
        if not self._sets.photos[draw.anchor]:  # the anchor can supply examples, but has nothing to ask about
            return None
        self._askable.check(draw.anchor)
        lending = np.zeros(len(self.photos), dtype=np.bool_)
        lending[draw.free] = lending[draw.spare] = True
        about = self._exemplars.labels_of(draw.anchor, self._askable.every[draw.anchor], lending)
        families = islice(self._sets.families(draw, about), TRIED)
        return next((done for family in families if (done := self._with_exemplars(family, lending, draw))), None)

    def _with_exemplars(self, family: Family, lending: Mask, draw: Draw) -> Family | None:
        """The family, with an example from another photo in each question. A question and its twin share one example.
        None if a question has no suitable example.
        """
        free, questions = lending.copy(), list[Question]()
        free[list(family.photos)] = False
        examples = []
        for twins in _twins(family):
            views = [view for question in twins for view in question.views]
            answers = [
                thousand_in_view(question.views[shown.view], shown.box)
                for question in twins
                for shown in question.shown
            ]
            photos = sorted({view.photo for view in views})
            found = self._exemplars.draw(twins[0].concept, photos, answers, free, draw.rng)
            if found is None:
                return None
            examples.append(found[0].photo)
            free[found[0].photo] = False
            questions += [_by_example(question, *found) for question in twins]
        return Family(tuple(questions), (*family.photos, *examples))


def _twins(family: Family) -> list[list[Question]]:
    """The questions of a family, grouped by pair."""
    groups: dict[object, list[Question]] = {}
    for place, question in enumerate(family.questions):
        groups.setdefault(question.pair_id or place, []).append(question)
    return list(groups.values())


def _by_example(question: Question, view: View, example: Shown) -> Question:
    """The question, with the example photo as the first image."""
    return replace(
        question,
        # tasks without an example can ask about the same photos
        tuple_id=set_name([EXEMPLAR.id, question.tuple_id]),
        views=(view, *question.views),
        shown=tuple(replace(shown, view=shown.view + 1) for shown in question.shown),
        missing=tuple(replace(missing, view=missing.view + 1) for missing in question.missing),
        reference=example,
        reference_views=(0,),
    )
