"""Keeps `absent` as frequent for every label, wording, number of images and kind of distractor.

Where it is not, one of these tells before any image is looked at whether there is something to find.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from cgc_data.plan.rows import Question

Feature = tuple[str, object]
TOTAL: Feature = ("all", "")
FAR_BEHIND = 1.0  # standard deviations of the number of rows


def features(concept: int, pool: str, images: int, kind: str) -> tuple[Feature, ...]:
    """What a question shows before its images are looked at."""
    return ("label", concept), ("wording", pool), ("images", images), ("kind", kind)


class AbsentBalance:
    """Counts questions and empty answers by feature, against the share of empty answers that is wanted."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._asked: Counter[Feature] = Counter()
        self._absent: Counter[Feature] = Counter()

    def count(self, questions: Iterable[Question]) -> None:
        """Take planned questions into account; those whose wording can never be `absent` do not matter."""
        for question in questions:
            if question.task == "same_object":
                continue
            shown = features(question.concept, question.pool, len(question.views), question.distractors)
            for feature in (TOTAL, *shown):
                self._asked[feature] += 1
                self._absent[feature] += question.task == "absent"

    def lack(self, concept: int, pool: str, images: int, kind: str) -> float:
        """How much an absent question like this is lacking, positive where it is; in standard deviations, summed up.

        Nothing is lacking while empty answers as a whole are frequent enough: a small release must keep the share too.
        """
        if self._lack(TOTAL) <= 0:
            return 0.0
        return sum(self._lack(feature) for feature in features(concept, pool, images, kind))

    def far_behind(self, kind: str) -> bool:
        """Are empty answers so rare with this kind of distractor that the kind tells there is something to find?"""
        return self._lack(("kind", kind)) > FAR_BEHIND

    def _lack(self, feature: Feature) -> float:
        asked = self._asked[feature]
        return float((self._share * asked - self._absent[feature]) / np.sqrt(asked + 1))
