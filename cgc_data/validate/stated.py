"""Recomputes the properties that each row states, and compares the results with the row.

The properties are the wording, the number of images, the difficulty, and the records of the photos.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

import yaml

from cgc_data.tasks import TASKS
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Part, Sample, View
from cgc_data.validate.world import World
from cgc_data.vocabulary.names import Name

CHECKS = {
    "asked once": "no two rows ask the same question about the same views in the same order",
    "wording": "the question has the phrasing of its `template_id`, and mentions the right number of images",
    "difficulty": (
        "the difficulty matches the value computed from the number of images, the kind of distractors, and the size of "
        "the smallest object"
    ),
    "photo records": "the license and flickr_url of every view match the source",
}
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
COUNTED = re.compile(rf"\b(both|{'|'.join(WORDS)}|[0-9]+) (?:of the |of these )?images\b", re.I)
NUMBERED = re.compile(r"\bimage ([0-9]+)\b", re.I)
ROUNDING = 0.002  # tolerance of a difficulty, due to rounded boxes


class StatedCheck:
    """Checks one row at a time.

    `asked` contains a pair for each row: a digest of its question, views, and split, followed by its id.
    """

    def __init__(self, ledger: Ledger, world: World) -> None:
        self._ledger, self._world = ledger, world
        self.asked: list[tuple[bytes, str]] = []

    def check(self, sample: Sample) -> None:
        """Check all properties that a row states."""
        shown = repr((sample.views, sample.question, sample.split)).encode("utf-8", "surrogatepass")
        self.asked.append((hashlib.blake2b(shown, digest_size=16).digest(), sample.id))
        faults = {
            "wording": [*_numbers(sample), *_wording(sample, self._world)],
            "difficulty": _difficulty(sample),
            "photo records": [
                fault
                for number, view in enumerate(sample.views, 1)
                for shown in _sources(view)
                for fault in self._record(number, shown)
            ],
        }
        for check, found in faults.items():
            for fault in [*found] or [""]:
                self._ledger.require(not fault, check, sample.id, fault)

    def finish(self) -> None:
        """Check that no two rows ask the same question about the same views."""
        firsts: dict[bytes, str] = {}
        for digest, sample in self.asked:
            first = firsts.setdefault(digest, sample)
            self._ledger.require(first == sample, "asked once", sample, f"asks the same question as {first}")

    def _record(self, number: int, view: View | Part) -> Iterator[str]:
        image = self._world.sources[view.source].images[view.image_id]
        license = image.get("license")
        known = license if isinstance(license, int) else 0
        for name, stated, recorded in (
            ("license", view.license, known),
            ("flickr_url", view.flickr_url, str(image.get("flickr_url") or "")),
        ):
            if stated != recorded:
                yield f"image {number}: {name} {stated!r}, but the source has {recorded!r}"


def _sources(view: View) -> tuple[View | Part, ...]:
    """The records that state where a view comes from: the view's own record, and one record per photo in the view."""
    return (view, *view.parts)


def _numbers(sample: Sample) -> Iterator[str]:
    """Yield a fault for each wrong number in the question, for example in "three images" or "image 2"."""
    count = len(sample.views)
    for found in COUNTED.findall(sample.question):
        word = found.lower()
        stated = 2 if word == "both" else WORDS.index(word) if word in WORDS else int(word)
        if stated != count:
            yield f"the question mentions {word} images, but the row has {count}"
    for found in NUMBERED.findall(sample.question):
        if not 1 <= int(found) <= count:
            yield f"the question mentions image {found}, but the row has {count} images"


def _wording(sample: Sample, world: World) -> Iterator[str]:
    pool, _, number = sample.template_id.partition("/")
    phrasing = _phrasings().get(pool, {}).get(int(number))
    if phrasing is None:
        yield f"there is no template {sample.template_id}"
    elif (expected := _filled(phrasing, sample, world)) and not _begins(sample.question, expected):
        yield f"the question differs from template {sample.template_id}: {expected!r}"


def _begins(question: str, expected: str) -> bool:
    return question[:1] == expected[:1].upper() and question[1:].startswith(expected[1:])


def _filled(phrasing: str, sample: Sample, world: World) -> str:
    """The phrasing, filled in for the requested objects; "" if the name of an object is unknown."""
    names = [world.shown.get(world.concept(label) or "") for label in sample.labels]
    if None in names:
        return ""
    count, two = WORDS[len(sample.views)], len(sample.views) == 2
    fields = {
        "images": f"{count} images",
        "all_images": "both images" if two else f"all {count} images",
        "number": count,
        "others": "other image" if two else "other images",
        "a": f"Image {sample.ref_img_idx}",
        "b": f"Image {sample.img_idx}",
        "box": str(list(sample.ref_bbox or ())),
        "relation": sample.relation,
        "referred": _referred(names[0], sample.relation) if len(names) == 1 else "",
        **_name_fields([name for name in names if name]),
    }
    return phrasing.format_map(fields)


def _referred(name: Name | None, relation: str) -> str:
    """The name of the object, with the words that distinguish it from other objects.

    A single word goes before the name, and a phrase of several words goes after it.
    """
    counted = name.counted if name else ""
    return f"{relation} {counted}" if len(relation.split()) == 1 else f"{counted} {relation}"


def _name_fields(names: Sequence[Name]) -> dict[str, str]:
    if len(names) == 1:
        (name,) = names
        parts = {part: str(getattr(name, part)) for part in ("singular", "plural", "counted", "are", "they", "them")}
        return {**parts, "one": name.indefinite}
    singulars = [name.singular for name in names]
    return {
        "each": _joined([f"the {singular}" for singular in singulars], "and"),
        "either": _joined(singulars, "or"),
        "one_of": _joined([name.indefinite for name in names], "or"),
        "plurals": _joined([name.plural for name in names], "and"),
    }


def _joined(words: Sequence[str], conjunction: str) -> str:
    return ", ".join([*words[:-1], f"{conjunction} {words[-1]}"]) if len(words) > 2 else f" {conjunction} ".join(words)


@cache
def _phrasings() -> Mapping[str, Mapping[int, str]]:
    pools = yaml.safe_load(files("cgc_data.answer").joinpath("templates.yaml").read_text(encoding="utf-8"))
    return {**pools, **{task.pool: dict(enumerate(task.phrasings)) for task in TASKS.values() if task.phrasings}}


def _difficulty(sample: Sample) -> Iterator[str]:
    """The fault in the stated difficulty, if there is one.

    The difficulty is the mean of three values from 0 to 1. The first is higher for more images, the second for
    distractors that are harder to distinguish from the target view, and the third for a smaller object.
    """
    likeness = {kind.name: kind.likeness for kind in sample.kind.contrast.distractors}[sample.distractors]
    shares = [_side_share(sample, number) for number in range(len(sample.objects))]
    small = 1 - min(min(shares) / 0.5, 1) if shares else 0.5
    expected = ((len(sample.views) - 2) / 4 + likeness + small) / 3
    if abs(sample.difficulty - expected) > ROUNDING:
        yield f"difficulty {sample.difficulty:.4f}, not {expected:.4f}"


def _side_share(sample: Sample, number: int) -> float:
    """The square root of the ratio of an object's box area to the area of the view."""
    target = sample.objects[number]
    view, (x1, y1, x2, y2) = sample.view(target.img_idx), target.bbox_px
    return float(((x2 - x1) * (y2 - y1) / (view.width * view.height)) ** 0.5)
