"""Compares the shares of tasks, kinds of sets, image counts, and answers in a release with the shares that its
configuration requested.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from cgc_data.common.settings import Values
from cgc_data.config import BuildConfig
from cgc_data.release.rows import Row
from cgc_data.release.stats import Stats
from cgc_data.tasks import TASKS, pools_of, task_of
from cgc_data.tasks.inter import HARD, INTER

NOTICEABLE = 0.05  # smallest difference between two shares that a build reports
ERRORS = 3  # standard errors that the difference must exceed, to rule out chance
MOST_DIFFERENCES = 3


@dataclass
class Made:
    """Counts rows by task, by kind of distractors, by number of images, and by number of images with an answer. A row
    with an empty answer counts toward the task whose wording it uses.

    The keys of `answers` are pairs: the number of images, and the number of images with an answer. Only questions that
    ask for a set of objects in uncropped photos are counted. Tasks that by definition have an answer in every image are
    excluded.
    """

    tasks: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    images: Counter[int] = field(default_factory=Counter)
    answers: Counter[tuple[int, int]] = field(default_factory=Counter)
    empty: int = 0

    def add(self, row: Row) -> None:
        """Count a row."""
        task, images = task_of(row), len(row["views"])
        self.tasks[asked_as(row["contrast"], row["template_id"])] += 1
        self.kinds[row["distractors"]] += 1
        self.empty += not row["objects"]
        if task.contrast is INTER:
            self.images[images] += 1
            if task.answer == "set" and not task.candidates and row["objects"]:
                self.answers[len(row["answer_images"]), len({shown["img_idx"] for shown in row["objects"]})] += 1

    @classmethod
    def of(cls, stats: Stats) -> "Made":
        """The counts, read from a release's statistics."""
        name = INTER.name
        return cls(
            tasks=Counter(stats.get("by_asked_task", {})),
            kinds=Counter(stats["by_distractors"]),
            images=Counter({int(n): count for n, count in stats["by_num_images"].get(name, {}).items()}),
            answers=Counter(
                {
                    (int(n), int(k)): count
                    for n, found in stats.get("by_answer_images", {}).items()
                    for k, count in found.items()
                }
            ),
            empty=sum(found.get("0", 0) for found in stats["by_num_objects"].values()),
        )


@dataclass(frozen=True)
class Compared:
    """A requested share and the achieved share (0-1), and the number of rows from which the achieved share was
    computed.
    """

    what: str
    asked: float
    made: float
    rows: int

    @property
    def difference(self) -> float:
        """Absolute difference between the requested and the achieved share."""
        return abs(self.asked - self.made)

    @property
    def differs(self) -> bool:
        """Whether the difference is worth reporting."""
        chance = ERRORS * math.sqrt(self.asked * (1 - self.asked) / self.rows)
        return self.difference > max(NOTICEABLE, chance)


def asked_as(contrast: str, template_id: str) -> str:
    """The task whose question pool contains a row's wording.

    The row counts toward the share of this task, even if the answer is empty.
    """
    pool = template_id.partition("/")[0]
    planned = (task for task in TASKS.values() if task.planner and task.contrast.name == contrast)
    return next((task.id for task in planned if pool in pools_of(task)), "")


def compare(config: BuildConfig, made: Made) -> Iterator[Compared]:
    """Each share that the configuration requests, compared with the achieved share. A share is skipped if there are no
    rows from which to compute it.
    """
    total = made.tasks.total()
    if total:
        for task, share in config.shares.items():
            if share or made.tasks[task]:
                yield Compared(task, share, made.tasks[task] / total, total)
        yield Compared("empty answers", config.absent, made.empty / total, total)
    if photos := made.images.total():
        yield Compared(f"{HARD.name} sets", config.inter.hard, made.kinds[HARD.name] / photos, photos)
        sizes = range(config.inter.min_images, config.inter.max_images + 1)
        for size in sizes:
            yield Compared(f"rows with {size} photos", 1 / len(sizes), made.images[size] / photos, photos)
    yield from _answers(made.answers)


def _answers(answers: Mapping[tuple[int, int], int]) -> Iterator[Compared]:
    """Shares of the rows with an answer in one image, in two images, and so on. Among rows with the same number of
    images, these shares should be equal.
    """
    total = sum(answers.values())
    for number in range(1, max((images for images, _ in answers), default=0) + 1):
        asked = sum(rows / images for (images, _), rows in answers.items() if number <= images)
        made = sum(rows for (_, count), rows in answers.items() if count == number)
        yield Compared(f"answer in {number} photo{'s' * (number > 1)}", asked / total, made / total, total)


def differences(compared: Iterable[Compared]) -> Iterator[str]:
    """A line that lists the shares that differ most from the request; empty if all shares are close. Shares of tasks
    are not included.
    """
    found = sorted((c for c in compared if c.differs and c.what not in TASKS), key=lambda c: -c.difference)
    if found:
        shown = [f"{c.what} {c.made:.0%} instead of {c.asked:.0%}" for c in found[:MOST_DIFFERENCES]]
        more = f", and {len(found) - len(shown)} more (see cgc-data stats)" if len(found) > len(shown) else ""
        yield f"shares that differ from those requested: {', '.join(shown)}{more}"


def asked_of(values: Values) -> BuildConfig | None:
    """The configuration stored in a manifest, or None if another version wrote it."""
    try:
        return BuildConfig.model_validate(values) if values else None
    except (ValidationError, ValueError, TypeError):
        return None
