"""Turns an item (a concept, and the photos of a set that show it) into a question and its twin with an empty answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cgc_data.geometry import Window
from cgc_data.plan.askable import Askable
from cgc_data.plan.questions import Missing, Question, Shown, View, set_name
from cgc_data.tasks import Task


@dataclass(frozen=True)
class Item:
    """The content of a question about a set of photos: its task, the requested concept, and the positions of the photos
    that show the concept.
    """

    task: Task
    concept: int
    targets: tuple[int, ...]
    template: int


def ask_twins(
    askable: Askable, there: Sequence[int], elsewhere: Sequence[int], item: Item, kind: str, rng: np.random.Generator
) -> list[Question]:
    """A question about the item in the photos `there`, and its twin: the same question about the photos `elsewhere`,
    which provably do not show the item's concept.
    """
    present = ask_set(askable, there, item, kind, rng)
    absent = ask_set(askable, elsewhere, replace(item, targets=()), kind, rng)
    pair = f"{present.tuple_id}-{absent.tuple_id}-{int(rng.integers(2**32)):08x}"
    return [replace(present, pair_id=pair), replace(absent, pair_id=pair)]


def ask_set(askable: Askable, members: Sequence[int], item: Item, kind: str, rng: np.random.Generator) -> Question:
    """A question about the item. It shows the uncropped photos in shuffled order. If no photo shows the concept, the
    question belongs to the task for empty answers (`item.task.empty`).
    """
    return ask_labels(askable, members, [item], kind, rng)


def ask_labels(
    askable: Askable, members: Sequence[int], items: Sequence[Item], kind: str, rng: np.random.Generator
) -> Question:
    """One question about several items of one task. It shows the uncropped photos in shuffled order, but names the
    items in the given order.
    """
    task, (target, distractor) = items[0].task, items[0].task.contrast.roles
    targets = {position for item in items for position in item.targets}
    question = Question(
        task=task if targets else task.empty or task,
        split=askable.splits[members[0]],
        pool=task.pool,
        template=items[0].template,
        concepts=tuple(item.concept for item in items),
        views=tuple(
            whole_view(askable, photo, target if position in targets else distractor)
            for position, photo in enumerate(members)
        ),
        shown=tuple(shown for item in items for shown in shown_in(askable, members, item)),
        missing=tuple(missing for item in items for missing in _missing(askable, members, item)),
        distractors=kind,
        tuple_id=set_name(askable.index.photos[photo].identity for photo in members),
        form=str(askable.forms[members[0]]),
    )
    return question.reordered(rng.permutation(len(members)).tolist())


def shown_in(askable: Askable, members: Sequence[int], item: Item) -> Iterator[Shown]:
    """All instances of the item's concept in the photos that show it."""
    for position in item.targets:
        for instance in askable.index.instances.of(members[position], item.concept).tolist():
            yield Shown(position, instance, askable.truth.box(instance), 1.0)


def _missing(askable: Askable, members: Sequence[int], item: Item) -> Iterator[Missing]:
    """One claim of absence per photo that does not show the item."""
    for position, photo in enumerate(members):
        if position not in item.targets:
            yield claim_absent(askable, position, photo, item.concept)


def claim_absent(askable: Askable, position: int, photo: int, concept: int) -> Missing:
    """The claim that `photo`, at `position` in its set, does not show the concept, and the evidence for the claim."""
    warrant = askable.index.warrant(photo, concept)
    return Missing(position, concept, warrant.source, warrant.rule)


def whole_view(askable: Askable, photo: int, role: str) -> View:
    """A view of the uncropped photo."""
    shown = askable.index.photos[photo]
    window = Window(0, 0, shown.width, shown.height)
    return View(photo, window, shown.width, shown.height, role)
