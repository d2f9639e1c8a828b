"""Declarations of tasks and contrasts, with all the information that the rest of the project needs.

Declarations must be fast to import, because configuration, metrics, reward, and benchmark import them. Therefore, they
refer to planners by name instead of importing them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

AnswerKind = Literal["one", "set", "empty"]
# The role of an image that never contains an answer: an exemplar, a piece, the view with the given box.
REFERENCE = "reference"


@dataclass(frozen=True)
class Distractors:
    """A kind of distractor view. `likeness` (0-1) states how hard it is to distinguish the distractor view from the
    view that shows the target.
    """

    name: str
    likeness: float


@dataclass(frozen=True)
class Contrast:
    """How the images of a row are related.

    Attributes:
        name: the contrast's name in the configuration (as in `inter/locate`), and the name of its subfolder in the
            release.
        title: text that completes the phrase "no contrast between ...".
        meaning: sentences for the card.
        color: color in plots, as `#rrggbb`.
        windows: whether views are windows of one photo, which licenses treat as derivative works. If false, views are
            uncropped photos.
        roles: the names of two roles. Among the views that a question asks about, those that contain an answer have the
            first role, and the others have the second.
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
        """Names of the contrast's kinds of distractors."""
        return tuple(kind.name for kind in self.distractors)


@dataclass(frozen=True)
class Task:
    """One question form.

    Attributes:
        name: name within its contrast; the full name is `id`.
        contrast: relation between the displayed images.
        answer: `one` object, a non-empty `set`, or always the `empty` list.
        named_answer: the kind of answer to questions that name the image with the answer. None if these questions have
            the same kind of answer as the other questions.
        question: summary of the question, for the table in the dataset card.
        meaning: the criterion for a correct answer, in one sentence for the gallery.
        pool: the question pool, in templates.yaml or `phrasings`. A task with `empty` answers has no pool and uses the
            pool of its twins.
        named_pool: question pool in templates.yaml whose phrasings name the image with the answer, if there is one.
        phrasings: phrasings of `pool`, numbered from 0, if they are not in templates.yaml.
        share: weight of the task in the preset `full`. The task's part of the rows is this weight divided by the sum of
            the weights of all tasks. The task's rows include their twins with empty answers.
        paper: like `share`, for the preset `paper`.
        planner: planner of the task's rows, as "module:Class" (see `cgc_data.plan.planner`). Empty if all rows of the
            task are twins of other rows.
        empty: the task to which the twins with empty answers belong; None if rows of this task have no such twins.
        may_be_empty: whether rows of the task itself may have an empty answer. Each row with an empty answer is paired
            with a row whose answer contains an object.
        labels: smallest and largest number of labels that a row asks for.
        answer_label: the label to write in the answer, such as `object`, if the question names no label.
        named_label: like `answer_label`, but only for questions with phrasings in `named_pool`. These questions ask for
            one label without naming it. The other questions of the task name their labels.
        candidates: whether the question lists labels to choose from; exactly one of them is in every image.
        claims: whether a row must contain evidence of absence for each image that does not show a requested label. If
            false, the check of the task determines which evidence is required.
        gives_box: whether the question contains the coordinates of a box in one of the images.
        gives_image: whether the question refers to one of the reference images as a whole.
        draws_quality: whether each image has its own random JPEG quality. If false, all images of a row share one
            quality.
        both_ways: whether rows follow one object through several views. Rows with two images come in pairs: the box in
            the question of one row is the answer to the other row. Rows with more images are tracks.
        needs: the photos that the task's rows require, if this is not obvious. If no row is possible, the error message
            contains this text.
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

    @cached_property
    def id(self) -> str:
        """The full name, `CONTRAST/TASK`."""
        return f"{self.contrast.name}/{self.name}"

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools of phrasings."""
        return tuple(pool for pool in (self.pool, self.named_pool) if pool)

    def labels_in(self, *, names_image: bool) -> tuple[int, int]:
        """Smallest and largest number of labels in a row. They depend on whether the question names the image with the
        answer.
        """
        return (1, 1) if names_image and self.named_label else self.labels

    def written_label(self, *, names_image: bool) -> str:
        """The fixed label to write in an answer; "" if the question names the label.

        `names_image`: whether the question names the image with the answer.
        """
        return (self.named_label if names_image else "") or self.answer_label

    def answer_to(self, *, names_image: bool) -> AnswerKind:
        """The kind of answer, which depends on whether the question names the image with the answer."""
        return self.named_answer or self.answer if names_image else self.answer

    @property
    def has_empty(self) -> bool:
        """Whether rows of the task, or their twins with the same phrasings, may have an empty answer."""
        return self.may_be_empty or self.empty is not None
