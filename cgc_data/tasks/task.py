"""What a task and a contrast declare: all that the rest of the project needs to know about them.

Declarations are light: configuration, metrics, reward, and benchmark import them, and planners are named, not imported.
"""

from dataclasses import dataclass
from typing import Literal

AnswerKind = Literal["one", "set", "empty"]
# The role of an image that never holds an answer: an exemplar, a piece, the view with the given box.
REFERENCE = "reference"


@dataclass(frozen=True)
class Distractors:
    """A kind of views beside the target's; `likeness` is how hard they are to tell from it, 0-1."""

    name: str
    likeness: float


@dataclass(frozen=True)
class Contrast:
    """What the images of a row have to do with each other.

    Attributes:
        name: of the release's folder and configuration.
        title: what it is a contrast between, as the end of "no contrast between ...".
        meaning: sentences for the card.
        color: in plots, as `#rrggbb`.
        windows: whether views are windows of one photo; else they are whole photos. Windows are derivative works.
        roles: of views that may hold an answer: of those that do, and of those that do not.
        distractors: kinds of distractors.
    """

    name: str
    title: str
    meaning: str
    color: str
    windows: bool
    roles: tuple[str, ...]
    distractors: tuple[Distractors, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of its kinds of distractors."""
        return tuple(kind.name for kind in self.distractors)


@dataclass(frozen=True)
class Task:
    """One form of question.

    Attributes:
        name: within its contrast; a task's full name is `id`.
        contrast: of the images that are shown.
        answer: `one` object, a `set` of any number but none, or always the `empty` list.
        named_answer: the same of questions that state in which image the answer is; None: no other.
        question: what is asked, as the card's table puts it.
        meaning: what makes an answer right, one sentence for the gallery.
        pool: of phrasings, in templates.yaml or `phrasings`; none for an `empty` task, which has those of its twins.
        named_pool: of phrasings that state in which image the answer is, in templates.yaml; none if there are none.
        phrasings: of `pool`, numbered from 0, where templates.yaml does not have them.
        share: of the rows in the preset `full`, its empty twins included, relative to the sum of all.
        paper: the same in the preset `paper`.
        planner: of its rows, as "module:Class" (see `cgc_data.plan.planner`); none if they are twins of others.
        empty: the task of its empty twins; None if its wording is never answered with the empty list.
        may_be_empty: whether rows of the task itself may have the empty list, each paired with one that has not.
        labels: fewest and most labels that a row asks for.
        answer_label: what an answer writes as the label where the question names none, such as `object`.
        named_label: the same where phrasings of `named_pool` name none and those of `pool` do; they ask for one label.
        candidates: whether its labels are candidates, of which one is in every image.
        claims: whether each image without an object of an asked label is warranted not to show it; else the task's own
            check says which claims are due.
        gives_box: whether the question gives a box in one of the images.
        gives_image: whether the question points at one of the reference images as a whole.
        draws_quality: whether the JPEG quality of each image is drawn by itself; else all images of a row share one.
        both_ways: whether rows follow one object: those of two images come in pairs, each asking for the box that the
            other gives; those of more are tracks.
        needs: what its rows need of the photos, if that is not plain; for the error when there are none.
    """

    name: str
    contrast: Contrast
    answer: AnswerKind
    question: str
    meaning: str
    named_answer: AnswerKind | None = None
    pool: str = ""
    named_pool: str = ""
    phrasings: tuple[str, ...] = ()
    share: float = 0.0
    paper: float = 0.0
    planner: str = ""
    empty: "Task | None" = None
    may_be_empty: bool = False
    labels: tuple[int, int] = (1, 1)
    answer_label: str = ""
    named_label: str = ""
    candidates: bool = False
    claims: bool = True
    gives_box: bool = False
    gives_image: bool = False
    draws_quality: bool = False
    both_ways: bool = False
    needs: str = ""

    @property
    def id(self) -> str:
        """Its full name, `CONTRAST/TASK`."""
        return f"{self.contrast.name}/{self.name}"

    @property
    def pools(self) -> tuple[str, ...]:
        """Its pools of phrasings."""
        return tuple(pool for pool in (self.pool, self.named_pool) if pool)

    def labels_in(self, *, names_image: bool) -> tuple[int, int]:
        """Fewest and most labels that a row asks for, which states the answer's image or not."""
        return (1, 1) if names_image and self.named_label else self.labels

    def written_label(self, *, names_image: bool) -> str:
        """What an answer writes as the label, whatever it is; "" if it is one that the question names.

        `names_image`: whether the question states in which image the answer is.
        """
        return (self.named_label if names_image else "") or self.answer_label

    def answer_to(self, *, names_image: bool) -> AnswerKind:
        """What a question asks for that states in which image the answer is, or leaves it open."""
        return self.named_answer or self.answer if names_image else self.answer

    @property
    def has_empty(self) -> bool:
        """Whether its phrasings may have the empty list for an answer, in its own rows or in those of its twins."""
        return self.may_be_empty or self.empty is not None
