"""What is kept of a planned part, in addition to its rows, in forms that JSON can hold."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from cgc_data.plan.askable import Rejection
from cgc_data.plan.asked import Made
from cgc_data.plan.planner import Outcome
from cgc_data.tasks import TASKS


@dataclass(frozen=True)
class Counts:
    """A `Made`; `answers` lists numbers of images, of images with an answer, and of rows."""

    tasks: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    images: dict[int, int] = field(default_factory=dict)
    answers: list[tuple[int, int, int]] = field(default_factory=list)
    empty: int = 0

    @classmethod
    def of(cls, made: Made) -> "Counts":
        """The counts of the rows that were made."""
        answers = [(images, count, rows) for (images, count), rows in made.answers.items()]
        return cls(dict(made.tasks), dict(made.kinds), dict(made.images), answers, made.empty)

    @property
    def made(self) -> Made:
        """The counts, ready to be compared with what was requested."""
        answers = Counter({(images, count): rows for images, count, rows in self.answers})
        return Made(Counter(self.tasks), Counter(self.kinds), Counter(self.images), answers, self.empty)


@dataclass(frozen=True)
class Reached:
    """An `Outcome` that names its tasks."""

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
        """The outcome with the names of its tasks."""
        return cls(**{**vars(outcome), "tasks": [task.id for task in outcome.tasks], "lost": dict(outcome.lost)})

    @property
    def outcome(self) -> Outcome:
        """The outcome with its tasks."""
        tasks = tuple(TASKS[task] for task in self.tasks)
        return Outcome(**{**vars(self), "tasks": tasks, "lost": Counter(self.lost)})


@dataclass(frozen=True)
class Planned:
    """The record of a part.

    Attributes:
        fingerprint: which part of which photos it is about.
        sha256: of the file with its rows.
        tasks: rows by task.
        pixels: of the views, each counted once per family.
        made: the rows by what was requested.
        reached: what each planner made.
        rejections: what was found unfit on the way.
    """

    fingerprint: str
    sha256: str
    tasks: dict[str, int]
    pixels: int
    made: Counts
    reached: list[Reached]
    rejections: list[Rejection]


def merged(parts: Iterable[Made]) -> Made:
    """The counts of several parts as one."""
    total = Made()
    for made in parts:
        for name, counts in vars(made).items():
            setattr(total, name, getattr(total, name) + counts)
    return total
