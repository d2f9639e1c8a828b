"""Questions about one object in one of several photos with different scenes. Each photo of a set has a label that no
other photo has.

Every photo of a set is the target of one question and a distractor in the others, so that no photo is the odd one out.
An `absent` question is the twin of a question whose target exists. Twins are asked about a second set, in which new
photos replace the target photos. The new photos provably do not contain the requested labels. Conversely, questions
about the labels of the new photos are also asked about the first set, where the answer is empty.
"""

from collections.abc import Sequence, Set

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.plan.askable import Askable
from cgc_data.plan.asking import Item, ask_set, ask_twins
from cgc_data.plan.balance import AbsentBalance
from cgc_data.plan.offered import Mask
from cgc_data.plan.planner import Draw
from cgc_data.plan.questions import Family
from cgc_data.plan.scenes import Photos, Scenes
from cgc_data.plan.sets import PhotoSets
from cgc_data.tasks.inter import HARD
from cgc_data.tasks.inter.locate import LOCATE

NONE: Set[int] = frozenset()


class LocatePlanner:
    """Composes families of rows from a deck (the shuffled photos of a round). Each photo is used at most once per
    round.
    """

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._settings = askable.config.inter
        self._scenes = Scenes(askable)
        self._sets = PhotoSets(askable, self._scenes)
        self.photos: Mask = np.any(askable.one, axis=1)

    def family(self, draw: Draw) -> Family | None:
        """A family of questions about the anchor (the first photo) and other unused photos of the deck; None if no
        photos fit.
        """
        size = self._sets.draw_size(draw.rng)
        self._askable.check(draw.anchor)
        labels = self._askable.one[draw.anchor]
        for kind, scope in self._scenes.scopes(draw.made, LOCATE.pool, labels, draw.rng):
            if family := self._of_kind(draw, kind, scope, size):
                return family
        return None

    def _of_kind(self, draw: Draw, kind: str, scope: Mask, size: int) -> Family | None:
        members = self._sets.grow([draw.anchor], draw.free, size, kind, scope)
        while len(members) >= self._settings.min_images:
            if family := self._about(members, draw.free, kind, scope, draw.balance, draw.rng):
                return family
            members = members[:-1]  # twins of a smaller set need fewer labels
        return None

    def _about(
        self,
        members: list[int],
        deck: Photos,
        kind: str,
        scope: Mask,
        balance: AbsentBalance,
        rng: np.random.Generator,
    ) -> Family | None:
        """Questions about these photos, with absent twins if there are too few absent questions.

        A question is skipped if similar questions (for example, with the same label) almost never have an empty answer.
        Otherwise, the question alone would reveal that the target exists.
        """
        items = self._items(members, scope, rng)
        if len(items) > 1 and (twins := self._with_twins(members, items, deck, kind, scope, balance, rng)):
            return twins
        shown = len(members), kind, str(self._askable.forms[members[0]])
        fair = [item for item in items if not balance.far_behind(item.concept, item.task.pool, *shown)]
        if len(fair) < 2:
            return None
        questions = [ask_set(self._askable, members, item, kind, rng) for item in fair]
        return Family(tuple(questions), tuple(members))

    def _items(
        self, members: Sequence[int], scope: Mask, rng: np.random.Generator, taken: Set[int] = NONE
    ) -> list[Item]:
        """One question per member. Each question asks for a label that is not used yet; members without such a label
        are skipped.
        """
        items: list[Item] = []
        for position, own in enumerate(self._sets.labels(members, scope)):
            labels = np.setdiff1d(np.flatnonzero(own), [*taken])
            if len(labels):
                items.append(self._item(position, self._askable.draw_label(labels, rng), rng))
        return items

    def _item(self, position: int, concept: int, rng: np.random.Generator) -> Item:
        return Item(LOCATE, concept, (position,), int(rng.integers(template_count(LOCATE.pool))))

    def _with_twins(
        self,
        members: list[int],
        items: list[Item],
        deck: Photos,
        kind: str,
        scope: Mask,
        balance: AbsentBalance,
        rng: np.random.Generator,
    ) -> Family | None:
        """Questions about the set and about a second set; None if no twin is needed or possible.

        In the second set, some photos are replaced. The questions about the replaced photos ask for labels that none of
        the new photos show.
        """
        leaving = self._leaving(members, items, kind, balance)
        kept = [photo for place, photo in enumerate(members) if all(place not in item.targets for item in leaving)]
        if not leaving or not kept:
            return None
        second = self._sets.replace(members, kept, [item.concept for item in leaving], deck, kind, scope)
        if second is None:
            return None
        new_items = self._twin_items(members, second, len(kept), scope, rng)
        if new_items is None:
            return None
        rest = self._items_of_kept(second, len(kept), items, scope, rng)
        if len(new_items) + len(rest) < 2:
            return None
        questions = [ask_set(self._askable, members, item, kind, rng) for item in items if item not in leaving]
        for there, elsewhere, twins in ((members, second, leaving), (second, members, new_items)):
            for item in twins:
                questions += ask_twins(self._askable, there, elsewhere, item, kind, rng)
        questions += [ask_set(self._askable, second, item, kind, rng) for item in rest]
        return Family(tuple(questions), tuple(dict.fromkeys([*members, *second])))

    def _leaving(self, members: list[int], items: list[Item], kind: str, balance: AbsentBalance) -> list[Item]:
        """Items whose labels need an absent twin, most urgent first. The items cover at most half of the photos.

        In a hard set, the first photo stays, because the other photos and the new photos resemble it.
        """
        shown = len(members), kind, str(self._askable.forms[members[0]])
        lack = {item: balance.lack(item.concept, item.task.pool, *shown) for item in items}
        first = 1 if kind == HARD.name else 0
        alone = [item for item in items if item.targets[0] >= first and lack[item] > 0]
        leaving = sorted(alone, key=lambda item: -lack[item])[: max(1, len(members) // 2)]
        while leaving and not balance.allows(2 * len(members), 2 * len(leaving)):
            leaving.pop()
        return leaving

    def _twin_items(
        self, members: list[int], second: list[int], first_new: int, scope: Mask, rng: np.random.Generator
    ) -> list[Item] | None:
        """A question about each new photo; None if a new photo has no suitable label. If the same question is asked
        about the first set, the answer is empty.
        """
        foreign = self._askable.safe[members].all(axis=0) & scope
        items: list[Item] = []
        for position, own in enumerate(self._sets.labels(second, foreign)):
            if position >= first_new:
                if not own.any():
                    return None
                items.append(self._item(position, self._askable.draw_label(np.flatnonzero(own), rng), rng))
        return items

    def _items_of_kept(
        self, second: list[int], kept: int, items: list[Item], scope: Mask, rng: np.random.Generator
    ) -> list[Item]:
        """Questions about the photos that remain in the second set. If possible, each question asks for a new label."""
        again = {item.targets[0]: item for item in self._items(second, scope, rng)}
        other = {item.targets[0]: item for item in self._items(second, scope, rng, {item.concept for item in items})}
        return [(again | other)[position] for position in range(kept) if position in again]
