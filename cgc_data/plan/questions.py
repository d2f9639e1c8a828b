"""What planners ask: views, the question about them, what is true, and what warrants that a label is not there."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from cgc_data.geometry import ThousandBox, Window, map_box_to_view, to_thousand
from cgc_data.masks import Box
from cgc_data.release.operations import Operation
from cgc_data.release.schema import Split
from cgc_data.tasks import Task

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Pasted:
    """An object of another photo that is pasted into a view.

    Attributes:
        photo: that lends the object.
        instance: the object.
        transform: a, b, c, d, e, f: x, y of its photo goes to ax + by + c, dx + ey + f of the view's photo, pixels.
        mask: COCO's compressed run lengths over its photo.
    """

    photo: int
    instance: int
    transform: tuple[float, float, float, float, float, float]
    mask: str


@dataclass(frozen=True)
class View:
    """One image that is shown: a window of a photo, at some size in pixels.

    Attributes:
        photo: that is shown.
        window: of it.
        width, height: as shown, pixels.
        role: one of the contrast's, or `REFERENCE`.
        pasted: objects of other photos that are pasted into it.
        operations: how it is made, if not by cropping and resizing alone.
    """

    photo: int
    window: Window
    width: int
    height: int
    role: str
    pasted: tuple[Pasted, ...] = ()
    operations: tuple[Operation, ...] = ()

    @property
    def photos(self) -> tuple[int, ...]:
        """The photos that it shows something of."""
        return (self.photo, *(part.photo for part in self.pasted))


@dataclass(frozen=True)
class Shown:
    """An instance in the answer: the view it is in (0-based), its box in photo pixels, its visible share."""

    view: int
    instance: int
    box: Box
    share: float


@dataclass(frozen=True)
class Missing:
    """A claim that a view (0-based) does not show an asked concept, and what warrants it."""

    view: int
    concept: int
    source: str
    warrant: str


@dataclass(frozen=True)
class Question:
    """One planned sample: what is asked about which views, and what is true.

    Attributes:
        concepts: asked for, in the order in which the question lists them; none if it is about no category.
        shown: the answer.
        form: file format of its photos, if the release has several and shows them whole.
        reference: the object whose box the question gives, or the view that it points at as a whole.
        named: the view (0-based) that the question names as the answer's.
        reference_views: views (0-based) that never hold an answer.
        relation: what tells the object from others of its label.
    """

    task: Task
    split: Split
    pool: str
    template: int
    concepts: tuple[int, ...]
    views: tuple[View, ...]
    shown: tuple[Shown, ...]
    missing: tuple[Missing, ...]
    distractors: str
    tuple_id: str
    pair_id: str = ""
    form: str = ""
    reference: Shown | None = None
    named: int | None = None
    reference_views: tuple[int, ...] = ()
    relation: str = ""

    @property
    def concept(self) -> int:
        """What is asked for, of several the first; -1 for no category."""
        return self.concepts[0] if self.concepts else -1

    @property
    def written_label(self) -> str:
        """What the answer writes as the label, if the question names none."""
        return self.task.written_label(names_image=self.named is not None)

    @property
    def candidates(self) -> int:
        """How many views may hold an answer."""
        return len(self.views) - len(self.reference_views)

    def reordered(self, order: Sequence[int]) -> "Question":
        """The same question with view order[i] shown in place i."""
        place = {old: new for new, old in enumerate(order)}
        reference = self.reference and replace(self.reference, view=place[self.reference.view])
        return replace(
            self,
            views=tuple(self.views[old] for old in order),
            shown=tuple(replace(s, view=place[s.view]) for s in self.shown),
            missing=tuple(sorted((replace(m, view=place[m.view]) for m in self.missing), key=lambda m: m.view)),
            reference=reference,
            named=None if self.named is None else place[self.named],
            reference_views=tuple(sorted(place[view] for view in self.reference_views)),
        )


@dataclass(frozen=True)
class Family:
    """Questions that belong together: rendered together or rejected together."""

    questions: tuple[Question, ...]
    photos: tuple[int, ...]

    @property
    def absent(self) -> int:
        """How many of the answers are the empty list."""
        return sum(not question.shown for question in self.questions)


def set_name(parts: Iterable[object]) -> str:
    """Name of a set of photos or windows, whatever their order: 12 hexadecimal digits."""
    return hashlib.sha256("\n".join(sorted(str(part) for part in parts)).encode()).hexdigest()[:12]


def draw_order(weights: Mapping[Choice, float], rng: np.random.Generator) -> list[Choice]:
    """What has a positive weight, the first drawn by weight and so on: what to try, in this order."""
    choices = [choice for choice, weight in weights.items() if weight > 0]
    shares = np.array([weights[choice] for choice in choices])
    drawn = rng.choice(len(choices), size=len(choices), replace=False, p=shares / shares.sum())
    return [choices[place] for place in drawn.tolist()]


def box_in_view(view: View, box: Box) -> Box:
    """Box in photo pixels, cut to the view's window, in pixels of the view."""
    x1, y1, x2, y2 = (float(v) for v in map_box_to_view(box, view.window, view.width, view.height))
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(view.width)), min(y2, float(view.height))


def thousand_in_view(view: View, box: Box) -> ThousandBox:
    """Box in photo pixels as integers 0-1000 of the view."""
    return to_thousand(box_in_view(view, box), view.width, view.height)
