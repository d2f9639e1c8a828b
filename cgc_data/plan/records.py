"""The record of a planned part. It is stored next to the part's rows and contains only types that JSON supports."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from cgc_data.plan.askable import Rejection
from cgc_data.plan.asked import Made
from cgc_data.plan.planner import Outcome
from cgc_data.tasks import TASKS


@dataclass(frozen=True)
class Counts:
    """A `Made`, with types that JSON supports. `answers` lists triples: number of images, number of images with an
    answer, and number of rows.
    """

    tasks: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    images: dict[int, int] = field(default_factory=dict)
    answers: list[tuple[int, int, int]] = field(default_factory=list)
    empty: int = 0

    @classmethod
    def of(cls, made: Made) -> "Counts":
        """The same counts, with types that JSON supports."""
        answers = [(images, count, rows) for (images, count), rows in made.answers.items()]
        return cls(dict(made.tasks), dict(made.kinds), dict(made.images), answers, made.empty)

    @property
    def made(self) -> Made:
        """The counts as a `Made`, which can be compared with the requested shares."""
        answers = Counter({(images, count): rows for images, count, rows in self.answers})
        return Made(Counter(self.tasks), Counter(self.kinds), Counter(self.images), answers, self.empty)


@dataclass(frozen=True)
class Reached:
    """An `Outcome` that contains the names of its tasks instead of the tasks themselves."""

    tasks: list[str]
    share: float
    rows: int
    photos: int
    full: int
    lost: dict[str, int]
    tried: int
    spent: bool

    @classmethod
    def of(cls, outcome: Outcome) -> "Reached":
        """The outcome, with names instead of tasks."""
        return cls(**{**vars(outcome), "tasks": [task.id for task in outcome.tasks], "lost": dict(outcome.lost)})

    @property
    def outcome(self) -> Outcome:
        """The outcome, with tasks instead of names."""
        tasks = tuple(TASKS[task] for task in self.tasks)
        return Outcome(**{**vars(self), "tasks": tasks, "lost": Counter(self.lost)})


@dataclass(frozen=True)
class Planned:
    """The record of a part.

    Attributes:
        fingerprint: identifies the part and its photos.
        sha256: digest of the file with the part's rows.
        tasks: number of rows by task.
        pixels: total number of pixels in the views. Each view is counted once per row group.
        made: row counts, which are compared with the shares that the configuration requests.
        reached: what each planner made.
        rejections: photos and objects that turned out to be unusable.
    """

    fingerprint: str
    sha256: str
    tasks: dict[str, int]
    pixels: int
    made: Counts
    reached: list[Reached]
    rejections: list[Rejection]


def merged(parts: Iterable[Made]) -> Made:
    """The counts of several parts, added up."""
    total = Made()
    for made in parts:
        for name, counts in vars(made).items():
            setattr(total, name, getattr(total, name) + counts)
    return total
