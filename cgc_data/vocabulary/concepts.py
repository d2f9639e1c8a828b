"""Maps each category of an annotation file to its concept, using the included table of COCO and LVIS v1 categories.

Simplification: a synset in a file is trusted. A category without a synset is looked up by its name, and synonyms are
not recognized.
"""

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from cgc_data.common.errors import VocabularyError
from cgc_data.vocabulary.inflect import normalised


class Entry(NamedTuple):
    """One row of names.csv.

    `coco` and `lvis` are the names of the concept in these datasets; "" if a dataset does not have the concept.
    """

    concept: str
    coco: str
    lvis: str
    singular: str
    plural: str
    article: str
    supercategory: str
    left_out: str


@cache
def entries() -> dict[str, Entry]:
    """The rows of names.csv, by concept."""
    text = files("cgc_data.vocabulary").joinpath("names.csv").read_text(encoding="utf-8")
    rows = (Entry(**row) for row in csv.DictReader(text.splitlines()))
    return {row.concept: row for row in rows}


@cache
def _concept_by_name() -> dict[str, str]:
    """Map from the normalized spelling of a name to its concept.

    COCO's names take precedence over LVIS's names, and both take precedence over the readable names.
    """
    found: dict[str, str] = {}
    for field in ("coco", "lvis", "singular"):
        for entry in entries().values():
            if (name := normalised(getattr(entry, field))) and not (field == "singular" and entry.left_out):
                found.setdefault(name, entry.concept)
    return found


COCO_NAMES: tuple[str, ...] = tuple(sorted(entry.coco for entry in entries().values() if entry.coco))


def concept_of(name: str, synset: str = "") -> str:
    """The concept of a category.

    The result is the synset if there is one. Otherwise, it is the concept with this name in names.csv, or "name:<name>"
    if no concept in names.csv has this name.
    """
    if synset:
        return synset
    key = normalised(name)
    return _concept_by_name().get(key, f"name:{key}")


def concepts_of(names: Sequence[str], synsets: Sequence[str] = ()) -> list[str]:
    """The concepts of the categories of one file, in order. `synsets` is empty or as long as `names`.

    Raises VocabularyError if two categories of the file are the same concept.
    """
    seen: dict[str, str] = {}
    for name, synset in zip(names, synsets or [""] * len(names), strict=True):
        concept = concept_of(name, synset)
        if concept in seen:
            raise VocabularyError(
                f"categories {seen[concept]!r} and {name!r} are the same concept ({concept}); rename or merge them"
            )
        seen[concept] = name
    return list(seen)


def supercategory_of(concept: str) -> str:
    """Supercategory of a concept; "" for a custom category.

    It is one of COCO's twelve supercategories, or "clothing", "tool", or "instrument".
    """
    entry = entries().get(concept)
    return entry.supercategory if entry else ""
