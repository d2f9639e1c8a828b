"""Limits how many rows of a task can show the same photo (in any role), so that a release does not rely on a few
photos.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cgc_data.plan.offered import Mask
from cgc_data.plan.questions import Family, Question
from cgc_data.tasks import Task

Asked: TypeAlias = tuple[object, ...]


class Spread:
    """Counts the planned rows in a split; at most `most` rows of a task can show the same photo."""

    def __init__(self, photos: int, most: int) -> None:
        self._photos, self._most = photos, most
        self._rows: dict[str, NDArray[np.int32]] = {}
        self._open: dict[str, Mask] = {}
        self._asked: set[Asked] = set()

    def room(self, tasks: Iterable[Task]) -> Mask:
        """Mask (photos,) of the photos that can be shown in one more row of each given task."""
        room = np.ones(self._photos, dtype=np.bool_)
        for task in tasks:
            room &= self._open.setdefault(task.id, np.ones(self._photos, dtype=np.bool_))
        return room

    def admits(self, family: Family) -> bool:
        """Whether all questions of the family are new, and each photo stays within its limit when the family's rows are
        added. A question that differs from an earlier one only in wording is not new.
        """
        asked = [_asked(question) for question in family.questions]
        if len(set(asked)) < len(asked) or not self._asked.isdisjoint(asked):
            return False
        return all(self._of(task)[photo] + count <= self._most for (task, photo), count in _shown(family).items())

    def count(self, family: Family) -> None:
        """Count a planned family."""
        self._asked.update(map(_asked, family.questions))
        for (task, photo), count in _shown(family).items():
            rows, open_still = self._of(task), self._open.setdefault(task.id, np.ones(self._photos, dtype=np.bool_))
            rows[photo] += count
            open_still[photo] = rows[photo] < self._most

    def _of(self, task: Task) -> NDArray[np.int32]:
        return self._rows.setdefault(task.id, np.zeros(self._photos, dtype=np.int32))


def _shown(family: Family) -> Counter[tuple[Task, int]]:
    """Number of rows in the family, by task and photo."""
    return Counter((question.task, photo) for question in family.questions for photo in _photos(question))


def _photos(question: Question) -> set[int]:
    return {photo for view in question.views for photo in view.photos}


def _asked(question: Question) -> Asked:
    """A key that identifies the content of a question and its windows. The key does not depend on the wording, the
    output sizes of the views, or their order.
    """
    frames = [(*view.photos, view.window.x1, view.window.y1, view.window.x2, view.window.y2) for view in question.views]
    answers = frozenset((frames[shown.view], shown.instance) for shown in question.shown)
    named = () if question.named is None else frames[question.named]
    return question.task.id, question.concepts, frozenset(frames), answers, named, question.relation
