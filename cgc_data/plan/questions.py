"""The content of questions: views, the question about them, the correct answer, and the evidence that a label is
absent.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from cgc_data.geometry import ThousandBox, Window, to_thousand
from cgc_data.masks import Box
from cgc_data.release.operations import Operation, window_operations
from cgc_data.release.schema import Split
from cgc_data.tasks import Task

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Pasted:
    """An object from another photo that is pasted into a view.

    Attributes:
        photo: the photo from which the object comes.
        instance: position of the object among the instances of the index.
        transform: the affine transform (a, b, c, d, e, f). The point (x, y) in the object's photo is mapped to
            (ax + by + c, dx + ey + f) in the view's photo, in pixels.
        mask: mask of the object in its photo, in COCO's compressed run-length encoding.
    """

    photo: int
    instance: int
    transform: tuple[float, float, float, float, float, float]
    mask: str


@dataclass(frozen=True)
class View:
    """A displayed image: a window of a photo, resized to a given size in pixels.

    Attributes:
        photo: the photo that is shown.
        window: the part of the photo that is shown.
        width, height: size of the view in pixels.
        role: one of the contrast's roles, or `REFERENCE`.
        pasted: objects from other photos that are pasted into the view.
        operations: the steps that make the view; empty if it is only cropped and resized.
    """

    photo: int
    window: Window
    width: int
    height: int
    role: str
    pasted: tuple[Pasted, ...] = ()
    operations: tuple[Operation, ...] = ()

    def steps(self, photo_size: tuple[int, int], jpeg_quality: int) -> tuple[Operation, ...]:
        """The operations that make the view from a photo of this width and height; empty if the view is the unchanged
        photo.
        """
        frame, size = (self.window.x1, self.window.y1, self.window.x2, self.window.y2), (self.width, self.height)
        whole = not self.operations and frame == (0, 0, *size) == (0, 0, *photo_size)
        return () if whole else self.operations or window_operations(frame, size, jpeg_quality)

    @property
    def photos(self) -> tuple[int, ...]:
        """The photos that the view shows at least in part: the view's photo, and the photos of pasted objects."""
        return (self.photo, *(part.photo for part in self.pasted))


@dataclass(frozen=True)
class Shown:
    """An instance in the answer: the view that shows it (0-based), its box in photo pixels, and its visible share."""

    view: int
    instance: int
    box: Box
    share: float


@dataclass(frozen=True)
class Missing:
    """A claim that a view (0-based) does not show a requested concept, and the evidence."""

    view: int
    concept: int
    source: str
    warrant: str


@dataclass(frozen=True)
class Question:
    """One planned sample: the question, its views, and the correct answer.

    Attributes:
        concepts: the requested concepts, in the question's order; empty if the question is not about a category.
        shown: the answer.
        form: file format of the photos; empty if all photos of the release have the same format or are shown as
            windows.
        reference: the object whose box is part of the question, or the whole view that the question refers to.
        named: the view (0-based) that, according to the question, contains the answer.
        reference_views: views (0-based) that never contain an answer.
        relation: the property that distinguishes the requested object from others with the same label, such as
            `leftmost`.
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
        """The first requested concept; -1 if the question is not about a category."""
        return self.concepts[0] if self.concepts else -1

    @property
    def written_label(self) -> str:
        """The label to write in the answer if the question does not name a label."""
        return self.task.written_label(names_image=self.named is not None)

    @property
    def candidates(self) -> int:
        """Number of views that can contain an object in the answer."""
        return len(self.views) - len(self.reference_views)

    def reordered(self, order: Sequence[int]) -> "Question":
        """The same question, with the view at `order[i]` moved to position i."""
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
    """Related questions. If one question is rejected, the whole family is rejected."""

    questions: tuple[Question, ...]
    photos: tuple[int, ...]

    @property
    def absent(self) -> int:
        """Number of questions whose answer is the empty list."""
        return sum(not question.shown for question in self.questions)


def set_name(parts: Iterable[object]) -> str:
    """Name of a set of photos or windows: 12 hexadecimal digits. The name does not depend on the order of the photos or
    windows.
    """
    return hashlib.sha256("\n".join(sorted(str(part) for part in parts)).encode()).hexdigest()[:12]


def draw_order(weights: Mapping[Choice, float], rng: np.random.Generator) -> list[Choice]:
    """Keys with a positive weight, in a random order; keys with larger weights tend to come first."""
    choices = [choice for choice, weight in weights.items() if weight > 0]
    shares = np.array([weights[choice] for choice in choices])
    drawn = rng.choice(len(choices), size=len(choices), replace=False, p=shares / shares.sum())
    return [choices[place] for place in drawn.tolist()]


def box_in_view(view: View, box: Box) -> Box:
    """Convert a box from photo pixels to view pixels, and clip it to the view's window."""
    (x1, y1, x2, y2), window = box, view.window
    across, down = view.width / window.width, view.height / window.height
    return (
        max((x1 - window.x1) * across, 0.0),
        max((y1 - window.y1) * down, 0.0),
        min((x2 - window.x1) * across, float(view.width)),
        min((y2 - window.y1) * down, float(view.height)),
    )


def thousand_in_view(view: View, box: Box) -> ThousandBox:
    """Convert a box from photo pixels to integers 0-1000 relative to the view."""
    return to_thousand(box_in_view(view, box), view.width, view.height)
