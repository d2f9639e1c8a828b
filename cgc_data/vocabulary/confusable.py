"""The categories that a person or a model could confuse, and the subcategories of each category.

These relations are read from confusable.csv, which scripts/derive_confusable.py writes. The file lists every pair, so
that nothing is inferred when the file is read.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, cast

from cgc_data.vocabulary.concepts import supercategory_of

RelationKind = Literal["ancestor", "synonym", "boxes", "hand", "includes"]
NOTHING: frozenset[str] = frozenset()
COCO_PRACTICE = "coco"  # as COCO's annotators used the names of their 80 classes


class Relation(NamedTuple):
    """One row of confusable.csv.

    For the relations `ancestor` and `includes`, concept_a is the more general concept. For other relations, the order
    of the two concepts has no meaning.
    """

    concept_a: str
    concept_b: str
    relation: RelationKind
    reason: str


@dataclass(frozen=True)
class Relations:
    """The relations between concepts; create them with `Relations.of(rows)` or `load_relations()`."""

    rows: tuple[Relation, ...]
    _confusable: dict[str, frozenset[str]]
    _kinds: dict[str, frozenset[str]]
    _kinds_of: dict[str, frozenset[str]]
    _covered: dict[str, frozenset[str]]
    _covered_by: dict[str, frozenset[str]]

    @classmethod
    def of(cls, rows: tuple[Relation, ...]) -> "Relations":
        """Relations of the given rows."""
        pairs = [(row.concept_a, row.concept_b) for row in rows]
        kinds = [(row.concept_a, row.concept_b) for row in rows if row.relation == "ancestor"]
        covered = [(row.concept_a, row.concept_b) for row in rows if row.relation == "includes"]
        return cls(
            rows=rows,
            _confusable=_grouped([*pairs, *_turned(pairs)]),
            _kinds=_grouped(kinds),
            _kinds_of=_grouped(_turned(kinds)),
            _covered=_grouped(covered),
            _covered_by=_grouped(_turned(covered)),
        )

    def confusable(self, concept: str) -> frozenset[str]:
        """Every other concept that could be confused with this concept.

        The relation is symmetric.
        """
        return self._confusable.get(concept, NOTHING)

    def hyponyms(self, concept: str, practice: str = "") -> frozenset[str]:
        """Every concept that is more specific than this concept, and is therefore absent if this concept is absent.

        With COCO_PRACTICE, the result also contains the concepts that COCO's annotators label with this concept's
        name. For example, they label a mug as "cup". Use COCO_PRACTICE only if COCO's own annotations, which are
        exhaustive for 80 categories, show that the concept is absent. Do not use it if the concept is absent because
        LVIS lists it as a negative category.
        """
        below = self._kinds.get(concept, NOTHING)
        return below | self._covered.get(concept, NOTHING) if practice == COCO_PRACTICE else below

    def hypernyms(self, concept: str, practice: str = "") -> frozenset[str]:
        """Every concept that is more general than this concept: the inverse of `hyponyms`."""
        above = self._kinds_of.get(concept, NOTHING)
        return above | self._covered_by.get(concept, NOTHING) if practice == COCO_PRACTICE else above

    def supercategory(self, concept: str) -> str:
        """Supercategory of a concept, "" if unknown."""
        return supercategory_of(concept)


@cache
def load_relations() -> Relations:
    """The relations between COCO and LVIS v1 categories, read from confusable.csv in this package."""
    text = files("cgc_data.vocabulary").joinpath("confusable.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    return Relations.of(tuple(Relation(a, b, cast(RelationKind, relation), reason) for a, b, relation, reason in rows))


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, frozenset[str]]:
    groups: dict[str, set[str]] = {}
    for first, second in pairs:
        groups.setdefault(first, set()).add(second)
    return {first: frozenset(others) for first, others in groups.items()}


def _turned(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(second, first) for first, second in pairs]
