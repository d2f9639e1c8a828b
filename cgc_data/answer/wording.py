"""Questions in natural English, from the phrasings in templates.yaml and of the tasks that bring their own.

A question is one phrasing, the form of the answer and the label to write; it reads well whatever the name (an umbrella,
a pair of scissors, sheep) and whether or not there is anything to find.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml

from cgc_data.answer import ANSWER_FORM
from cgc_data.common.errors import PlanError
from cgc_data.tasks import TASKS, pool_gives_box
from cgc_data.vocabulary.names import Name

POOLS = tuple(dict.fromkeys(task.pool for task in TASKS.values() if task.pool))
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Reference(NamedTuple):
    """What a question that gives a box points at: a box in one image, to be found again in another."""

    image: int  # 1-based
    box: tuple[int, int, int, int]  # x1, y1, x2, y2 in 0-1000 of that image
    target: int  # 1-based


@cache
def _templates() -> Mapping[str, Mapping[int, str]]:
    text = files("cgc_data.answer").joinpath("templates.yaml").read_text(encoding="utf-8")
    pools: dict[str, dict[int, str]] = yaml.safe_load(text)
    return pools | {task.pool: dict(enumerate(task.phrasings)) for task in TASKS.values() if task.phrasings}


def template_count(pool: str) -> int:
    """Number of phrasings in a pool; they are numbered from 0. Raises PlanError for another pool."""
    return len(_pool(pool))


def ask(pool: str, number: int, name: Name, *, count_images: int, ref: Reference | None = None) -> str:
    """The whole question: phrasing `number` of `pool` about `name`, with `ref` if its phrasings give a box.

    States that images are numbered from 1, that coordinates are 0-1000 of each image, and the form of the answer.
    """
    if count_images < 2:
        raise PlanError(f"a question is about at least two images, not {count_images}")
    if pool_gives_box(pool) != (ref is not None):
        raise PlanError(f"pool {pool!r}: its questions {'give' if ref is None else 'do not give'} a reference box")
    if number not in _pool(pool):
        raise PlanError(f"pool {pool!r} has phrasings 0 to {template_count(pool) - 1}, not {number}")
    sentence = _pool(pool)[number].format_map(_fields(name, count_images, ref))
    return f'{sentence[0].upper()}{sentence[1:]} {ANSWER_FORM} Write the label as "{name.singular}".'


def _pool(pool: str) -> Mapping[int, str]:
    if pool not in _templates():
        raise PlanError(f"no pool of phrasings is called {pool!r}; there are {', '.join(POOLS)}")
    return _templates()[pool]


def _fields(name: Name, count_images: int, ref: Reference | None) -> dict[str, str]:
    count = NUMBER_WORDS[count_images] if count_images < len(NUMBER_WORDS) else str(count_images)
    fields = {
        "singular": name.singular,
        "plural": name.plural,
        "one": name.indefinite,
        "counted": name.counted,
        "are": name.are,
        "they": name.they,
        "them": name.them,
        "images": f"{count} images",
        "all_images": "both images" if count_images == 2 else f"all {count} images",
    }
    if ref is not None:
        fields |= {"a": f"Image {ref.image}", "b": f"Image {ref.target}", "box": str(list(ref.box))}
    return fields
