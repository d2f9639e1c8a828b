"""Writes questions in natural English, from the phrasings in templates.yaml and the phrasings that tasks define.

A question consists of a phrasing, the answer format, and the label to write. Every question is grammatical for any name
(an umbrella, a pair of scissors, sheep). The question also reads correctly if no image shows the named object.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml

from cgc_data.answer import ANSWER_FORM
from cgc_data.common.errors import PlanError
from cgc_data.tasks import TASKS, pool_gives_box, pool_gives_image, pool_names_image
from cgc_data.vocabulary.names import Name

POOLS = tuple(dict.fromkeys(pool for task in TASKS.values() for pool in task.pools))
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Reference(NamedTuple):
    """What a question refers to: either a box in an image, or a whole image."""

    image: int  # 1-based
    box: tuple[int, int, int, int] | None = None  # x1, y1, x2, y2 in 0-1000 of that image


@cache
def _templates() -> Mapping[str, Mapping[int, str]]:
    text = files("cgc_data.answer").joinpath("templates.yaml").read_text(encoding="utf-8")
    pools: dict[str, dict[int, str]] = yaml.safe_load(text)
    return pools | {task.pool: dict(enumerate(task.phrasings)) for task in TASKS.values() if task.phrasings}


def template_count(pool: str) -> int:
    """Number of phrasings in a pool. Phrasings are numbered from 0. Raises PlanError for an unknown pool."""
    return len(_pool(pool))


def ask(
    pool: str,
    number: int,
    names: Sequence[Name],
    *,
    count_images: int,
    ref: Reference | None = None,
    image: int | None = None,
    relation: str = "",
    label: str = "",
) -> str:
    """Return the complete question: phrasing `number` of the pool, with the names of the objects filled in.

    The question also states that images are numbered from 1, that coordinates are 0-1000 relative to the image,
    and which format the answer must have. Raises PlanError if the pool or the phrasing does not exist, if there are
    fewer than two images, or if `ref` or `image` does not fit the pool.

    Args:
        pool: name of the pool of phrasings.
        number: number of the phrasing in the pool.
        names: names of the requested objects, in the order in which the question lists them.
        count_images: number of images shown.
        ref: the reference box or reference image that the question mentions. None if the phrasings of the pool do not
            mention one.
        image: 1-based number of the image that contains the answer. None if the phrasings of the pool do not name this
            image.
        relation: the words that distinguish the object from others with the same label; only for pools whose phrasings
            state a relation.
        label: the label to write in the answer. If it is empty, the label is the name of the object, and the question
            lists all `names` as possible labels.
    """
    if count_images < 2:
        raise PlanError(f"a question needs at least two images, but there are {count_images}")
    if pool_gives_box(pool) != bool(ref and ref.box):
        raise PlanError(
            f"the questions of pool {pool!r} {'need a' if pool_gives_box(pool) else 'contain no'} reference box"
        )
    if pool_gives_image(pool) != bool(ref and not ref.box):
        raise PlanError(f"the questions of pool {pool!r} {'mention no' if ref else 'need a'} reference image")
    if pool_names_image(pool) != (image is not None):
        raise PlanError(
            f"the questions of pool {pool!r} {'do not name' if image else 'must name'} the image of the answer"
        )
    if number not in _pool(pool):
        raise PlanError(
            f"question pool {pool!r} has phrasings 0 to {template_count(pool) - 1}, but no phrasing {number}"
        )
    fields = _fields(names, count_images, ref, image) | {"relation": relation}
    if len(names) == 1:
        fields["referred"] = referred(names[0], relation)
    sentence = _pool(pool)[number].format_map(fields)
    return f"{sentence[0].upper()}{sentence[1:]} {ANSWER_FORM} {label_form(names, label)}"


def label_form(names: Sequence[Name], label: str = "") -> str:
    """The sentence that states which label to write in the answer. The arguments are the same as for `ask`."""
    words = [label] if label else [name.singular for name in names]
    quoted = [f'"{word}"' for word in words]
    return f"Write the label as {quoted[0]}." if len(quoted) == 1 else f"Write the label as {listed(quoted, 'or')}."


def listed(words: Sequence[str], conjunction: str) -> str:
    """The words as a list in a sentence, such as "a and b" or "a, b, and c". `conjunction` precedes the last word."""
    if len(words) < 3:
        return f" {conjunction} ".join(words)
    return f"{', '.join(words[:-1])}, {conjunction} {words[-1]}"


def _pool(pool: str) -> Mapping[int, str]:
    if pool not in _templates():
        raise PlanError(f"there is no question pool named {pool!r}; choose from {', '.join(POOLS)}")
    return _templates()[pool]


def number_word(count: int) -> str:
    """A number as written in a sentence: a word for numbers up to ten, and digits for larger numbers."""
    return NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else str(count)


def _fields(names: Sequence[Name], count_images: int, ref: Reference | None, image: int | None) -> dict[str, str]:
    count = number_word(count_images)
    fields = {
        "images": f"{count} images",
        "all_images": "both images" if count_images == 2 else f"all {count} images",
        "number": count,
        "others": "other image" if count_images == 2 else "other images",
    }
    if len(names) == 1:
        fields |= _name_fields(names[0])
    elif names:
        fields |= {
            "each": listed([f"the {name.singular}" for name in names], "and"),
            "either": listed([name.singular for name in names], "or"),
            "one_of": listed([name.indefinite for name in names], "or"),
            "plurals": listed([name.plural for name in names], "and"),
        }
    if ref is not None:
        fields |= {"a": f"Image {ref.image}", "box": str(list(ref.box or ()))}
    if image is not None:
        fields["b"] = f"Image {image}"
    return fields


def referred(name: Name, relation: str) -> str:
    """The name of one of several objects, with the words that distinguish it from the others.

    A single word is placed before the name ("leftmost dog"), and a phrase is placed after it ("dog highest in the
    picture").
    """
    parts = (name.counted, relation) if " " in relation else (relation, name.counted)
    return " ".join(part for part in parts if part)


def _name_fields(name: Name) -> dict[str, str]:
    return {
        "singular": name.singular,
        "plural": name.plural,
        "one": name.indefinite,
        "counted": name.counted,
        "are": name.are,
        "they": name.they,
        "them": name.them,
    }
