"""From an item (what is asked of which photos of a set) to a question, and to the twin whose answer is empty."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cgc_data.geometry import Window
from cgc_data.plan.askable import Askable
from cgc_data.plan.rows import Missing, Question, Shown, View, set_name
from cgc_data.tasks import Task


@dataclass(frozen=True)
class Item:
    """A question about a set of photos: its task, the concept, the places of the photos that show it."""

    task: Task
    concept: int
    targets: tuple[int, ...]
    template: int


def ask_twins(
    askable: Askable, there: Sequence[int], elsewhere: Sequence[int], item: Item, kind: str, rng: np.random.Generator
) -> list[Question]:
    """The item asked of the photos that show it, and asked alike of photos (elsewhere) that are proved free of it."""
    present = ask_set(askable, there, item, kind, rng)
    absent = ask_set(askable, elsewhere, replace(item, targets=()), kind, rng)
    pair = f"{present.tuple_id}-{absent.tuple_id}-{int(rng.integers(2**32)):08x}"
    return [replace(present, pair_id=pair), replace(absent, pair_id=pair)]


def ask_set(askable: Askable, members: Sequence[int], item: Item, kind: str, rng: np.random.Generator) -> Question:
    """The item asked of whole photos, in shuffled order; of its empty twin's task if none shows the concept."""
    index, (target, distractor) = askable.index, item.task.contrast.roles
    views = tuple(
        whole_view(askable, photo, target if position in item.targets else distractor)
        for position, photo in enumerate(members)
    )
    shown = tuple(
        Shown(position, instance, askable.truth.box(instance), 1.0)
        for position in item.targets
        for instance in index.instances.of(members[position], item.concept).tolist()
    )
    missing = []
    for position, photo in enumerate(members):
        if position not in item.targets:
            warrant = index.warrant(photo, item.concept)
            missing.append(Missing(position, item.concept, warrant.source, warrant.rule))
    question = Question(
        task=item.task if item.targets else item.task.empty or item.task,
        split=askable.splits[members[0]],
        pool=item.task.pool,
        template=item.template,
        concepts=(item.concept,),
        views=views,
        shown=shown,
        missing=tuple(missing),
        distractors=kind,
        tuple_id=set_name(index.photos[photo].identity for photo in members),
        form=str(askable.forms[members[0]]),
    )
    return question.reordered(rng.permutation(len(members)).tolist())


def whole_view(askable: Askable, photo: int, role: str) -> View:
    """The whole photo in a role."""
    shown = askable.index.photos[photo]
    window = Window(0, 0, shown.width, shown.height)
    return View(photo, window, shown.width, shown.height, role)
