"""Inter-image contrast: sets of photos of different scenes, each asked about targets in its photos.

Every photo of a set is target of one question and distractor of the others, so that no photo is the odd one out.
An `absent` question is the twin of a present one: its target photos are replaced by photos proved free of the label,
and the replacement's own label is asked of the first set in turn.
"""

from collections.abc import Sequence

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.plan.askable import Askable, Mask
from cgc_data.plan.asking import Item, ask_set, ask_twins
from cgc_data.plan.balance import AbsentBalance
from cgc_data.plan.planner import Draw, Photos
from cgc_data.plan.rows import Family, draw_order
from cgc_data.plan.sets import PhotoSets
from cgc_data.tasks import Task
from cgc_data.tasks.inter import DECOUPLED, HARD
from cgc_data.tasks.inter.locate import LOCATE
from cgc_data.tasks.inter.locate_all import LOCATE_ALL


class InterPlanner:
    """Composes families from a deck of photos that may not be used twice in one round."""

    def __init__(self, askable: Askable) -> None:
        self._askable = askable
        self._settings = askable.config.inter
        self._sets = PhotoSets(askable)
        self._shares = {task: askable.config.shares[task.id] for task in (LOCATE, LOCATE_ALL)}
        self.photos: Mask = np.any(askable.one | askable.every, axis=1)

    def family(self, draw: Draw) -> Family | None:
        """A family round the anchor with free photos of the deck, None where none fits."""
        anchor, deck, balance, rng = draw.anchor, draw.free, draw.balance, draw.rng
        size = self._sets.draw_size(rng)
        kinds = draw_order({HARD.name: self._settings.hard, DECOUPLED.name: 1 - self._settings.hard}, rng)
        self._askable.check(anchor)
        for kind in kinds:
            members = self._sets.grow([anchor], deck, size, kind)
            while len(members) >= self._settings.min_images:
                if family := self._about(members, deck, kind, balance, rng):
                    return family
                members = members[:-1]  # twins of a smaller set need fewer labels
        return None

    def _about(
        self,
        members: list[int],
        deck: Photos,
        kind: str,
        balance: AbsentBalance,
        rng: np.random.Generator,
    ) -> Family | None:
        """Questions about these photos, with absent twins where they are lacking.

        A question whose like is hardly ever absent is left out: it would tell that there is something to find.
        """
        items = self._items(members, rng)
        if len(items) > 1 and (twins := self._with_twins(members, items, deck, kind, balance, rng)):
            return twins
        shown = len(members), kind, str(self._askable.forms[members[0]])
        fair = [item for item in items if not balance.far_behind(item.concept, item.task.pool, *shown)]
        if len(fair) < 2:
            return None
        questions = [ask_set(self._askable, members, item, kind, rng) for item in fair]
        return Family(tuple(questions), tuple(members))

    def _items(self, members: Sequence[int], rng: np.random.Generator) -> list[Item]:
        """One question a member, as far as the labels go; no question twice."""
        items: list[Item] = []
        for position in range(len(members)):
            taken = {(item.task, item.concept) for item in items}
            if item := self._item(members, position, taken, rng):
                items.append(item)
        return items

    def _item(
        self,
        members: Sequence[int],
        position: int,
        taken: set[tuple[Task, int]],
        rng: np.random.Generator,
        *,
        alone: bool = False,
    ) -> Item | None:
        """A question about the member at a position; `alone`: whose label is in no other member."""
        table, photo = self._askable, members[position]
        own = self._sets.labels(members)[position]
        shared = own | (table.every[photo] & (table.every[members] | table.safe[members]).all(axis=0))
        choices = {LOCATE: own & table.one[photo], LOCATE_ALL: (own if alone else shared) & table.every[photo]}
        for task in draw_order(self._shares, rng):
            labels = np.array([c for c in np.flatnonzero(choices[task]) if (task, int(c)) not in taken], dtype=np.intp)
            if not len(labels):
                continue
            concept = table.draw_label(labels, rng)
            targets = tuple(i for i, member in enumerate(members) if not table.safe[member, concept])
            objects = sum(len(table.index.instances.of(members[i], concept)) for i in targets)
            if objects <= table.config.limits.max_objects:
                return Item(task, concept, targets, int(rng.integers(template_count(task.pool))))
        return None

    def _with_twins(
        self,
        members: list[int],
        items: list[Item],
        deck: Photos,
        kind: str,
        balance: AbsentBalance,
        rng: np.random.Generator,
    ) -> Family | None:
        """The set and a second one with some photos replaced, whose labels are absent there; None: none is lacking."""
        leaving = self._leaving(members, items, kind, balance)
        kept = [photo for place, photo in enumerate(members) if all(place not in item.targets for item in leaving)]
        if not leaving or not kept:
            return None
        second = self._sets.replace(members, kept, [item.concept for item in leaving], deck, kind)
        if second is None:
            return None
        new_items = self._twin_items(members, second, len(kept), rng)
        if new_items is None:
            return None
        rest = self._items_of_kept(second, len(kept), new_items, items, rng)
        if len(new_items) + len(rest) < 2:
            return None
        questions = [ask_set(self._askable, members, item, kind, rng) for item in items if item not in leaving]
        for there, elsewhere, twins in ((members, second, leaving), (second, members, new_items)):
            for item in twins:
                questions += ask_twins(self._askable, there, elsewhere, item, kind, rng)
        questions += [ask_set(self._askable, second, item, kind, rng) for item in rest]
        return Family(tuple(questions), tuple(dict.fromkeys([*members, *second])))

    def _leaving(self, members: list[int], items: list[Item], kind: str, balance: AbsentBalance) -> list[Item]:
        """Items about one photo whose absent twin is lacking, most lacking first, at most half of the photos.

        In a hard set the first photo stays: the others are like it, and so are those that come in.
        """
        shown = len(members), kind, str(self._askable.forms[members[0]])
        lack = {item: balance.lack(item.concept, item.task.pool, *shown) for item in items}
        first = 1 if kind == HARD.name else 0
        alone = [item for item in items if len(item.targets) == 1 and item.targets[0] >= first and lack[item] > 0]
        leaving = sorted(alone, key=lambda item: -lack[item])[: max(1, len(members) // 2)]
        while leaving and not balance.allows(2 * len(members), 2 * len(leaving)):
            leaving.pop()
        return leaving

    def _twin_items(
        self, members: list[int], second: list[int], first_new: int, rng: np.random.Generator
    ) -> list[Item] | None:
        """For each new photo a question that can also be asked, as absent, of the first set."""
        table = self._askable
        foreign = table.safe[members].all(axis=0)
        items: list[Item] = []
        for position in range(first_new, len(second)):
            taken = {(task, int(c)) for task in self._shares for c in np.flatnonzero(~foreign)}
            taken |= {(item.task, item.concept) for item in items}
            item = self._item(second, position, taken, rng, alone=True)
            if item is None:
                return None
            items.append(item)
        return items

    def _items_of_kept(
        self,
        second: list[int],
        kept: int,
        new_items: list[Item],
        items: list[Item],
        rng: np.random.Generator,
    ) -> list[Item]:
        """Questions about the photos that stay, in the second set; with another label than in the first if possible."""
        taken = {(item.task, item.concept) for item in new_items}
        found: list[Item] = []
        for position in range(kept):
            before = {(item.task, item.concept) for item in items}
            item = self._item(second, position, taken | before, rng) or self._item(second, position, taken, rng)
            if item:
                found.append(item)
                taken.add((item.task, item.concept))
        return found
