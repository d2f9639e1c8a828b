"""Checks that compare samples with each other: splits, excluded photos, pairs of rows, and tuples of rows.

The rows of a tuple ask about the same set of views.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cgc_data.release.manifest import Exclusions
from cgc_data.tasks import TASKS, Task
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Rectangle, Sample
from cgc_data.validate.world import World

CHECKS = {
    "photo in one split": "each photo is in only one split, even if it has several names",
    # the test split can also show near-duplicates of these photos
    "held out": "only the test split shows photos of COCO val2017 and of held-out sources",
    "excluded photos": "no row shows a photo that the manifest excludes",
    "pairs": (
        "every same_object question about two views exists in both directions; every row with an empty answer has a "
        "twin that has a non-empty answer and the same label, template, and number of images"
    ),
    "spread": "no photo is shown in more rows of a task than the release allows",
    "tuples": "rows of a tuple show the same views, are in the same split, and do not all ask about the same photo",
}
Frame = tuple[str, Rectangle]  # photo, window


@dataclass(frozen=True, slots=True)
class Member:
    """The values of a row that are needed to check its pair and its tuple."""

    id: str
    task: str  # id of the task, such as inter/locate
    split: str
    label: str
    template_id: str
    frames: tuple[Frame, ...]
    candidates: frozenset[Frame]  # views that may contain an answer
    asked: int  # number of the view with the reference, 0 if there is no reference
    answered: frozenset[int]
    annotations: frozenset[str]
    tuple_id: str
    pasted: frozenset[str]  # objects from other photos

    @property
    def kind(self) -> Task:
        """The declared task."""
        return TASKS[self.task]


class Shown(NamedTuple):
    """The data that is kept until all rows are read.

    `splits` is keyed by photo, `pairs` by pair, `tuples` by tuple, and `rows` by task and photo. All entries are in row
    order.
    """

    splits: dict[str, dict[str, str]]  # photo -> split -> first sample that shows the photo in this split
    pairs: dict[str, list[Member]]
    tuples: dict[str, list[Member]]
    rows: dict[tuple[str, str], list[str]]  # samples by task and photo


class AcrossCheck:
    """Collects samples one at a time, and reports the faults after the last sample."""

    def __init__(self, ledger: Ledger, limits: Limits, world: World, exclusions: Exclusions) -> None:
        self._ledger, self._limits, self._world = ledger, limits, world
        self._excluded = _canonical(exclusions.get("photos", ()))
        self._names = lru_cache(maxsize=None)(lambda photo: _canonical(world.names(photo)))
        self.state = Shown({}, {}, {}, {})

    def add(self, sample: Sample) -> None:
        """Check the photos of a sample, and keep the sample until its pair and its tuple can be checked."""
        frames = []
        shown = set()
        for view in sample.views:
            frames.append((self._world.photo(view), view.window))
            shown |= {self._world.photo(part) for part in view.parts}
        for photo in sorted(shown):
            self._photo(sample, photo)
            self.state.rows.setdefault((sample.kind.id, photo), []).append(sample.id)
        member = Member(
            **{name: getattr(sample, name) for name in ("id", "split", "template_id", "tuple_id")},
            task=sample.kind.id,
            label=sample.label,
            frames=tuple(frames),
            candidates=frozenset(frames[number - 1] for number in sample.answer_images),
            asked=sample.ref_img_idx or 0,
            answered=frozenset(t.img_idx for t in sample.objects),
            annotations=frozenset(t.annotation_id for t in sample.objects),
            pasted=frozenset(part.annotation_id for view in sample.views for part in view.parts[1:]),
        )
        self.state.tuples.setdefault(sample.tuple_id, []).append(member)
        if sample.pair_id:
            self.state.pairs.setdefault(sample.pair_id, []).append(member)
        elif (sample.kind.both_ways and len(sample.views) == 2) or not sample.objects:
            self._ledger.require(False, "pairs", sample.id, f"no pair_id, which {sample.task} needs")

    def merge(self, state: Shown) -> None:
        """Add the data that was collected from later rows."""
        for photo, splits in state.splits.items():
            for split, sample in splits.items():
                self.state.splits.setdefault(photo, {}).setdefault(split, sample)
        for pair, members in state.pairs.items():
            self.state.pairs.setdefault(pair, []).extend(members)
        for name, members in state.tuples.items():
            self.state.tuples.setdefault(name, []).extend(members)
        for key, samples in state.rows.items():
            self.state.rows.setdefault(key, []).extend(samples)

    def finish(self) -> None:
        """Check photos, pairs, and tuples."""
        for photo, splits in self.state.splits.items():
            for split, sample in splits.items() if len(splits) > 1 else ():
                others = " and ".join(f"{other} ({splits[other]})" for other in splits if other != split)
                self._ledger.breach("photo in one split", sample, f"photo {photo} is in {split}, but also in {others}")
        self._spread()
        for pair, members in self.state.pairs.items():
            fault = _broken_pair(members)
            for member in members:
                self._ledger.require(not fault, "pairs", member.id, f"pair {pair}: {fault}")
        for name, members in self.state.tuples.items():
            fault = _broken_tuple(members)
            for member in members:
                self._ledger.require(not fault, "tuples", member.id, f"tuple {name}: {fault}")

    def _spread(self) -> None:
        most = self._limits.rows_per_photo
        if most is None:
            return
        for (task, photo), samples in self.state.rows.items():
            message = f"photo {photo} is shown in {len(samples)} rows of {task}, but at most {most} are allowed"
            self._ledger.require(len(samples) <= most, "spread", samples[-1], message)

    def _photo(self, sample: Sample, photo: str) -> None:
        self.state.splits.setdefault(photo, {}).setdefault(sample.split, sample.id)
        self._ledger.look("photo in one split")
        allowed = sample.split == "test" or not self._world.is_val(photo)
        self._ledger.require(allowed, "held out", sample.id, f"photo {photo} is in {sample.split}, but is held out")
        excluded = bool(self._excluded) and not self._excluded.isdisjoint(self._names(photo))
        self._ledger.require(not excluded, "excluded photos", sample.id, f"photo {photo} is excluded")


def _canonical(names: Iterable[str]) -> set[str]:
    """The names as a set. If a name contains a COCO image number (twelve digits), this number replaces the name."""
    found = set()
    for name in names:
        digits = re.search(r"(?<!\d)(\d{12})(?!\d)", name)
        found.add(digits.group(1) if digits and not name.startswith("sha256:") else name)
    return found - {""}


def _broken_pair(members: list[Member]) -> str:
    tasks = sorted(member.kind.name for member in members)
    if len(members) != 2:
        return f"{len(members)} rows ({', '.join(tasks)}), not two"
    first, second = members
    if first.split != second.split or first.kind.contrast != second.kind.contrast or first.label != second.label:
        return "the rows differ in split, contrast, or label"
    if first.kind == second.kind and first.kind.both_ways:
        return _not_reversed(first, second)
    if not _twins(first, second) and not _twins(second, first):
        return f"{tasks} is not a pair"
    alike = first.template_id == second.template_id and len(first.frames) == len(second.frames)
    if not alike or len(first.pasted) != len(second.pasted):
        return (
            "a row with an empty answer and its twin differ in template, number of images, or number of pasted objects"
        )
    return ""


def _twins(present: Member, absent: Member) -> bool:
    """Whether `absent` can be the twin of `present`, that is, the same question with an empty answer.

    The tasks of the two rows must match, and only the answer of `absent` may be empty.
    """
    alike = present.kind.empty == absent.kind or (present.kind == absent.kind and present.kind.may_be_empty)
    return alike and bool(present.answered) and not absent.answered


def _not_reversed(first: Member, second: Member) -> str:
    if first.annotations != second.annotations:
        return "the two rows follow different objects"
    ends = [(m.frames[m.asked - 1], {m.frames[n - 1] for n in m.answered}) for m in (first, second)]
    if {ends[0][0]} != ends[1][1] or {ends[1][0]} != ends[0][1]:
        return "the second row does not reverse the question of the first row"
    return ""


def _broken_tuple(members: list[Member]) -> str:
    # references may differ: if each row names its image, all of its other images are references
    if len({m.candidates for m in members}) > 1 and len({frozenset(m.frames) for m in members}) > 1:
        return "its rows show different views"
    if len({(member.split, member.kind.contrast.name) for member in members}) > 1:
        return "the rows are in different splits or contrasts"
    present = [member for member in members if member.answered]
    targets = {member.frames[number - 1] for member in present for number in member.answered}
    several = len(members[0].candidates) > 1
    if several and not members[0].kind.contrast.windows and present and len(targets) < 2:
        return "all questions are about targets in the same image"
    return ""
