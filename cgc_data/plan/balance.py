"""Keeps `absent` questions equally frequent for every label, wording, number of images, and kind of distractor.

Otherwise, a model could use one of these features to guess whether the target exists, without the images.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from cgc_data.plan.questions import Question

Feature = tuple[str, object]
TOTAL: Feature = ("all", "")
FAR_BEHIND = 0.5  # standard deviations of the number of rows


def features(concept: int, pool: str, images: int, kind: str, form: str = "") -> tuple[Feature, ...]:
    """The features that a question reveals before its images are inspected. `form` is the images' file format, if the
    release has several.
    """
    shown: tuple[Feature, ...] = (("label", concept), ("wording", pool), ("images", images), ("kind", kind))
    return (*shown, ("form", form)) if form else shown


class AbsentBalance:
    """Counts questions and empty answers by feature, and compares them with the requested share of empty answers."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._asked: Counter[Feature] = Counter()
        self._absent: Counter[Feature] = Counter()

    def count(self, questions: Iterable[Question]) -> None:
        """Count planned questions. Questions with a wording that no `absent` question uses are skipped."""
        for question in questions:
            is_empty = not question.shown
            if not is_empty and not question.task.has_empty:
                continue
            shown = features(question.concept, question.pool, question.candidates, question.distractors, question.form)
            for feature in (TOTAL, *shown):
                self._asked[feature] += 1
                self._absent[feature] += is_empty

    def lack(self, concept: int, pool: str, images: int, kind: str, form: str = "") -> float:
        """How urgently a question with these features needs an empty answer.

        The urgency of a feature is the number of absent questions that it still needs for the requested share, divided
        by the square root of the number of its questions. The result is the smallest urgency of all features. It is 0
        or negative if any of the features has enough absent questions.
        """
        return min(self._lack(feature) for feature in features(concept, pool, images, kind, form))

    def allows(self, rows: int, absent: int) -> bool:
        """Whether a family of `rows` rows, of which `absent` have an empty answer, stays within the requested share.
        The limit applies to all rows planned so far, so it holds even in a small release.
        """
        return self._absent[TOTAL] + absent <= self._share * (self._asked[TOTAL] + rows)

    def far_behind(self, concept: int, pool: str, images: int, kind: str, form: str = "") -> bool:
        """Whether questions with one of these features have far fewer empty answers than requested. Such a feature
        alone suggests that the target exists.
        """
        return any(self._lack(feature) > FAR_BEHIND for feature in features(concept, pool, images, kind, form))

    def _lack(self, feature: Feature) -> float:
        asked = self._asked[feature] + 1
        return float((self._share * asked - self._absent[feature]) / np.sqrt(asked))


class Made:
    """Counts planned questions by kind of distractors, number of images, and number of images with an answer.

    With these counts, planners choose the kind or the number that is furthest behind its share.
    """

    def __init__(self) -> None:
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._images: Counter[tuple[str, int]] = Counter()
        self._targets: Counter[tuple[str, int, int]] = Counter()

    def count(self, questions: Iterable[Question]) -> None:
        """Count planned questions, separately for each question pool."""
        for question in questions:
            pool, images = question.pool, question.candidates
            self._kinds[pool, question.distractors] += 1
            self._images[pool, images] += 1
            self._targets[pool, images, len({shown.view for shown in question.shown})] += 1

    def kinds(self, pool: str, shares: Mapping[str, float]) -> list[str]:
        """Kinds of distractors with a positive share, in order: the kind that is furthest behind its share comes
        first.
        """
        total = sum(self._kinds[pool, kind] for kind in shares)
        wanted = [kind for kind, share in shares.items() if share > 0]
        return sorted(wanted, key=lambda kind: self._kinds[pool, kind] - shares[kind] * total)

    def images(self, pool: str, numbers: Sequence[int], rng: np.random.Generator) -> list[int]:
        """The given numbers of images, in ascending order of how often they were planned; ties are in random order."""
        return sorted(rng.permutation(numbers).tolist(), key=lambda number: self._images[pool, number])

    def targets(self, pool: str, images: int, rng: np.random.Generator) -> list[int]:
        """Numbers of images with an answer, from 1 to `images`, in ascending order of how often they were planned; ties
        are in random order.
        """
        order = (rng.permutation(images) + 1).tolist()
        return sorted(order, key=lambda number: self._targets[pool, images, number])
