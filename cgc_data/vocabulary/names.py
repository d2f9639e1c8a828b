"""The names that questions use for concepts: one name per concept, with its plural and article.

A hand-written table contains the names for LVIS and COCO. Custom names are inflected by rule.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cgc_data.common.errors import VocabularyError
from cgc_data.vocabulary import inflect
from cgc_data.vocabulary.concepts import concept_of, entries
from cgc_data.vocabulary.inflect import PAIR, SET

PIECE = "a piece of"
_TAG = re.compile(r"</?(?:think|answer)>|<\|", re.I)


@dataclass(frozen=True)
class Name:
    """A category's name in English. `singular` is the label that answers contain.

    Examples: singular "dog", plural "dogs", article "a"; singular "scissors", plural "pairs of scissors", article "a
    pair of"; singular "broccoli", plural "pieces of broccoli", article "a piece of".
    """

    singular: str
    plural: str
    article: str

    @property
    def indefinite(self) -> str:
        """The name of one object, with its article: "an umbrella", "a pair of scissors", "a piece of broccoli"."""
        return f"{self.article} {self.singular}"

    @property
    def counted(self) -> str:
        """The words after "every" or "one": "umbrella", "pair of scissors", "piece of broccoli"."""
        unit = self.article.partition(" ")[2]
        return f"{unit} {self.singular}" if unit else self.singular

    @property
    def in_pieces(self) -> bool:
        """Whether the noun is counted in pieces, as in "a piece of broccoli"."""
        return self.article == PIECE

    @property
    def are(self) -> str:
        """Verb after "the <singular>": "the scissors are", "the dog is"."""
        return "are" if self.article in (PAIR, SET) else "is"

    @property
    def they(self) -> str:
        """Pronoun for "the <singular>": "they" for a pair, a set, or a person, otherwise "it"."""
        return "they" if self.article in (PAIR, SET) or inflect.is_person(self.singular) else "it"

    @property
    def them(self) -> str:
        """Pronoun as an object: "them" or "it"."""
        return "them" if self.they == "they" else "it"


def readable(concept_or_name: str, given: str = "") -> Name:
    """The name of a concept. A category name is first converted to its concept.

    Each concept in names.csv has a unique name. `given` is the name that a source uses for a concept that is not in
    names.csv. Raises VocabularyError for an excluded concept (its row in names.csv states why), for an empty name, and
    for a name that contains a tag of the answer format.
    """
    concept = concept_or_name if _is_concept(concept_or_name) else concept_of(concept_or_name)
    entry = entries().get(concept)
    if entry is None:
        return _by_rule(given or _wording_of(concept, concept_or_name))
    if entry.left_out:
        raise VocabularyError(f"no question can ask for category {entry.lvis!r}: {entry.left_out}; use another")
    return Name(entry.singular, entry.plural, entry.article)


def names_of(concepts: Iterable[str], given: Mapping[str, str] | None = None) -> dict[str, Name]:
    """The names of all concepts that questions may ask for, by concept. Excluded concepts are missing.

    `given` contains the names that the sources use for their concepts. Text in parentheses is shown only if two names
    are otherwise the same. Raises VocabularyError if two concepts would still have the same name. The error message
    contains both concepts.
    """
    called = {concept: (given or {}).get(concept, "") for concept in concepts}
    asked = [concept for concept in called if not ((entry := entries().get(concept)) and entry.left_out)]
    named = {concept: readable(concept, called[concept]) for concept in asked}
    counts = Counter(name.singular.casefold() for name in named.values())
    for concept, name in named.items():
        if counts[name.singular.casefold()] > 1 and concept not in entries():
            named[concept] = _qualified(name, called[concept] or concept)
    _refuse_twins(named)
    return named


def _refuse_twins(named: Mapping[str, Name]) -> None:
    taken: dict[str, str] = {}
    for concept, name in named.items():
        for shown in (name.singular.casefold(), name.plural.casefold()):
            if taken.setdefault(shown, concept) != concept:
                raise VocabularyError(
                    f"categories {taken[shown]!r} and {concept!r} are both shown as {shown!r}; rename one of them"
                )


def _qualified(name: Name, called: str) -> Name:
    """The name, followed by the text in parentheses (if any) from the category's name in its source."""
    qualifier = " ".join(found.group() for found in re.finditer(r"\([^()]*\)", called.replace("_", " ")))
    shown = (
        (f"{name.singular} {qualifier}", f"{name.plural} {qualifier}") if qualifier else (name.singular, name.plural)
    )
    return Name(*shown, name.article)


def _is_concept(text: str) -> bool:
    return text.startswith("name:") or text in entries() or _is_synset(text)


def _is_synset(text: str) -> bool:
    lemma, _, number = text.rpartition(".n.")
    return bool(lemma) and number.isdigit()


def _wording_of(concept: str, given: str) -> str:
    if _is_synset(concept):
        return concept.rpartition(".n.")[0]
    return concept.removeprefix("name:") if _is_concept(given) else given


def _by_rule(name: str) -> Name:
    singular = inflect.plain(name)
    if not singular:
        raise VocabularyError(f"category {name!r} has no readable name; rename it")
    if _TAG.search(singular):
        raise VocabularyError(f"the name of category {name!r} contains a tag of the answer format; rename it")
    return Name(singular, inflect.plural(singular), inflect.article(singular))
