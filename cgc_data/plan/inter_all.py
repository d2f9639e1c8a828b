"""Questions about every object of a category in several photos. The number of photos that show the category varies from
1 to all of them, and each number is about equally frequent.

An `absent` question is the twin of a question whose targets exist. The twin is asked about a second set, in which
photos with another label replace the photos with the targets. The other label gets a question and a twin too: the
question is about the second set, and the twin, with an empty answer, is about the first.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.plan.askable import Askable
from cgc_data.plan.asking import Item, ask_set, ask_twins
from cgc_data.plan.offered import Mask
from cgc_data.plan.planner import Draw
from cgc_data.plan.questions import Family, Question
from cgc_data.plan.scenes import Scenes
from cgc_data.plan.shared import SharedSets, Side
from cgc_data.tasks import Task
from cgc_data.tasks.inter import HARD
from cgc_data.tasks.inter.locate_all import LOCATE_ALL


class LocateAllPlanner:
    """Composes families of rows from a deck (the shuffled photos of a round). Each photo is used at most once per
    round.
    """

    def __init__(self, askable: Askable, task: Task = LOCATE_ALL, labels: Mask | None = None, apart: int = 0) -> None:
        """Plan rows of `task` about the `labels` (a mask of concepts). Each row has `apart` images in addition to the
        set.
        """
        self._askable, self._task = askable, task
        self._labels = np.ones(len(askable.index.concepts), dtype=np.bool_) if labels is None else labels
        self._scenes = Scenes(askable)
        self._sets = SharedSets(askable, self._scenes)
        settings = askable.config.inter
        self._sizes = range(max(settings.min_images - apart, 1), settings.max_images - apart + 1)
        self.photos: Mask = np.any(askable.every & self._labels, axis=1)

    def family(self, draw: Draw) -> Family | None:
        """A family of questions about the anchor (the first photo) and other unused photos of the deck; None if no
        photos fit.
        """
        self._askable.check(draw.anchor)
        return next(self.families(draw, self._askable.every[draw.anchor]), None)

    def families(self, draw: Draw, about: Mask) -> Iterator[Family]:
        """Families about one of the anchor's labels in the mask `about` (concepts,).

        Families are generated lazily. For each kind of distractor, the set sizes that were planned least often come
        first (see `_forms`).
        """
        for kind in draw.made.kinds(self._task.pool, self._scenes.shares):
            for size, count in self._forms(draw):
                if family := self._about(draw, kind, size, count, about):
                    yield family

    def _forms(self, draw: Draw) -> Iterator[tuple[int, int]]:
        """Pairs (number of images, number of images that show the label). The pairs that were planned least often come
        first.
        """
        for size in draw.made.images(self._task.pool, self._sizes, draw.rng):
            for count in draw.made.targets(self._task.pool, size, draw.rng):
                yield size, count

    def _about(self, draw: Draw, kind: str, size: int, count: int, about: Mask) -> Family | None:
        labels = np.flatnonzero(self._scenes.starts(kind, about & self._labels))
        if not len(labels):
            return None
        first = Side(self._askable.draw_label(labels, draw.rng), (draw.anchor,))
        scope = self._scenes.scope(kind, first.concept) & self._labels
        sides = self._sets.grow(first, draw.free, size, count, kind, scope, draw.rng)
        if sides is None:
            return None
        return self._with_twins(draw, sides, kind, scope) or self._plain(draw, sides, kind)

    def _plain(self, draw: Draw, sides: Sequence[Side], kind: str) -> Family | None:
        """One question per label of the set. None if a feature of these questions (for example, the label) almost never
        occurs with an empty answer. Such a feature alone would reveal that the target exists.
        """
        members = _members(sides)
        shown = len(members), kind, str(self._askable.forms[members[0]])
        if any(draw.balance.far_behind(side.concept, self._task.pool, *shown) for side in sides):
            return None
        return Family(tuple(self._asked(draw, members, sides, kind)), tuple(members))

    def _with_twins(self, draw: Draw, sides: Sequence[Side], kind: str, scope: Mask) -> Family | None:
        """Questions about the set and about a second set. One label of the set, the one that most needs a twin, is
        replaced: instead of its photos, the second set contains photos with a new label. None if no twin is needed or
        possible.
        """
        members = _members(sides)
        shown = self._task.pool, len(members), kind, str(self._askable.forms[members[0]])
        lack = {side: draw.balance.lack(side.concept, *shown) for side in sides}
        # in a hard set the first photo stays, because the others and the new photos resemble it
        leaving = max(sides[1:] if kind == HARD.name else sides, key=lambda side: lack[side], default=None)
        if leaving is None or lack[leaving] <= 0 or not draw.balance.allows(2 * len(sides) + 2, 2):
            return None
        offered = scope & self._askable.named
        coming = self._sets.replacement(sides, leaving, draw.free, kind, offered, draw.rng)
        if coming is None:
            return None
        kept = [side for side in sides if side is not leaving]
        second = _members([*kept, coming])
        questions = [*self._asked(draw, members, kept, kind), *self._asked(draw, second, kept, kind)]
        for side, there, elsewhere in ((leaving, members, second), (coming, second, members)):
            questions += ask_twins(self._askable, there, elsewhere, self._item(draw, there, side), kind, draw.rng)
        return Family(tuple(questions), tuple(dict.fromkeys([*members, *second])))

    def _asked(self, draw: Draw, members: list[int], sides: Iterable[Side], kind: str) -> Iterator[Question]:
        for side in sides:
            yield ask_set(self._askable, members, self._item(draw, members, side), kind, draw.rng)

    def _item(self, draw: Draw, members: list[int], side: Side) -> Item:
        targets = tuple(members.index(photo) for photo in side.photos)
        return Item(self._task, side.concept, targets, int(draw.rng.integers(template_count(self._task.pool))))


def _members(sides: Iterable[Side]) -> list[int]:
    return [photo for side in sides for photo in side.photos]
