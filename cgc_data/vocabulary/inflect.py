"""English for custom category names: a readable form, its plural, and its article.

Simplifications: only the last word, or the last word before "of", is made plural. A word that looks plural ("cars") is
assumed to be plural, and its article is "a set of".
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TypedDict

import yaml

# letters whose name begins with a vowel: "an SUV", "an X-ray", but "a TV"
SPELT_WITH_AN = re.compile(r"[AEFHILMNORSX](?=[A-Z0-9-]|s?\b)")
SOUNDS_LIKE_CONSONANT = re.compile(r"(uni(?!n|m)|use|usu|usa|uten|util|eu|ewe|one\b|once|u-|(?-i:U[A-Z]))", re.I)
SOUNDS_LIKE_VOWEL = re.compile(r"(hour|honest|honou?r|heir)", re.I)
PAIR, SET = "a pair of", "a set of"
JOINERS = "\u200c\u200d"  # letters of some scripts are written with them


def plain(name: str) -> str:
    """Convert a category name to readable words.

    Underscores and control characters become spaces, and text in parentheses is removed. A word is converted to
    lowercase only if all letters after its first letter are lowercase.

    >>> plain("cup_(for_drinking)"), plain("Hard Hat"), plain("WBC count")
    ('cup', 'hard hat', 'WBC count')
    """
    shown = "".join(letter if _is_shown(letter) else " " for letter in name.replace("_", " "))
    return " ".join(_in_small(word) for word in re.sub(r"\([^()]*\)", " ", shown).split())


def _is_shown(letter: str) -> bool:
    return letter in JOINERS or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _in_small(word: str) -> str:
    return word.lower() if word[1:2].islower() and word[1:] == word[1:].lower() else word


def normalised(name: str) -> str:
    """A key that ignores case, underscores, hyphens, and extra spaces in a name. Text in parentheses is kept."""
    return " ".join(re.sub("[_-]", " ", name).split()).casefold()


def plural(singular: str) -> str:
    """Plural of a noun phrase: "wine glasses", "cups of tea", "pairs of scissors"."""
    head, of, rest = singular.partition(" of ")
    if of:
        return f"{plural(head)} of {rest}"
    before, space, last = singular.rpartition(" ")
    if unit := _unit(last):
        return f"{unit.removeprefix('a ').replace(' of', 's of')} {singular}"
    return f"{before}{space}{_plural_of_word(last)}"


def is_person(singular: str) -> bool:
    """Whether the name refers to a human being."""
    word = singular.rpartition(" ")[2].lower()
    return word.endswith(tuple(_english()["people"])) and word not in _english()["not_people"]


def article(singular: str) -> str:
    """The article of a noun: "a" or "an", or, for a noun that is already plural, "a pair of" or "a set of"."""
    if unit := _unit(singular.rpartition(" ")[2]):
        return unit
    if SPELT_WITH_AN.match(singular) or SOUNDS_LIKE_VOWEL.match(singular):
        return "an"
    return "an" if singular[:1].lower() in "aeiou" and not SOUNDS_LIKE_CONSONANT.match(singular) else "a"


class _English(TypedDict):
    pairs: list[str]
    unchanged: list[str]
    irregular: dict[str, str]
    regular: list[str]
    oes: list[str]
    people: list[str]
    not_people: list[str]


@cache
def _english() -> _English:
    text = files("cgc_data.vocabulary").joinpath("english.yaml").read_text(encoding="utf-8")
    words: _English = yaml.safe_load(text)
    return words


def _unit(word: str) -> str:
    """The unit for counting a noun that is already plural, such as "a pair of"; "" for other nouns."""
    if _is_pair(word):
        return PAIR
    low = word.lower()
    if low.endswith("lens") or low in _english()["unchanged"] or low.endswith(("fish", "craft")):
        return ""
    plain_s = bool(re.search(r"[^aious]s$", low)) and word[-1:] != "S"
    return SET if plain_s or low in _english()["irregular"].values() else ""


def _is_pair(word: str) -> bool:
    return word.lower() in _english()["pairs"]


def _plural_of_word(word: str) -> str:
    low = word.lower()
    if low in _english()["unchanged"] or low.endswith(("fish", "craft")):
        return word
    if ending := _irregular_ending(low):
        stem = word[: len(word) - len(ending)]
        return stem + (_english()["irregular"][ending] if stem else _like(word, _english()["irregular"][ending]))
    if re.search(r"[^aious]s$", low) and not low.endswith("lens"):
        return word
    if low.endswith(("s", "x", "z", "ch", "sh")) or low in _english()["oes"]:
        return word + "es"
    return word[:-1] + "ies" if re.search(r"[^aeiou]y$", low) else word + "s"


def _irregular_ending(word: str) -> str | None:
    """The longest irregular noun that this word equals or ends with."""
    if word in _english()["regular"]:
        return None
    endings = (noun for noun in _english()["irregular"] if word == noun or (len(noun) > 2 and word.endswith(noun)))
    return max(endings, key=len, default=None)


def _like(word: str, other: str) -> str:
    return other.capitalize() if word[:1].isupper() else other
