"""English for category names that no table knows: a plain reading, its plural and its article.

Simplifies: the last word carries the plural, and a word in a plain -s is taken to be a plural already.
"""

import re

IRREGULAR = {
    "calf": "calves",
    "child": "children",
    "die": "dice",
    "foot": "feet",
    "goose": "geese",
    "half": "halves",
    "human": "humans",
    "knife": "knives",
    "leaf": "leaves",
    "loaf": "loaves",
    "man": "men",
    "mouse": "mice",
    "ox": "oxen",
    "person": "people",
    "scarf": "scarves",
    "shelf": "shelves",
    "thief": "thieves",
    "tooth": "teeth",
    "wife": "wives",
    "wolf": "wolves",
    "woman": "women",
}
UNCHANGED = frozenset(
    "aircraft asparagus bison cattle chess clothing cod deer elk fish furniture grapefruit luggage moose offspring "
    "pufferfish salmon series sheep shrimp species squid starfish swine trout tuna".split()
)
# Things of two joined parts: English counts them by the pair.
PAIRS = frozenset(
    "binoculars boxers briefs chopsticks clippers earmuffs earphones eyeglasses glasses goggles handcuffs headphones "
    "jeans leggings overalls pajamas pants pliers pyjamas scissors shears shorts skis slacks spectacles "
    "sunglasses suspenders sweatpants tights tongs trousers trunks tweezers underpants".split()
)
TAKES_OES = frozenset("buffalo domino echo hero mango mosquito potato tomato torpedo volcano".split())
SPELT_OUT_AN = re.compile(r"[AEFHILMNORSX]([A-Z0-9]|$|-)")
SOUNDS_LIKE_CONSONANT = re.compile(r"(uni(?!n|m)|us(?:a|e|u)|ut(?:e|i)|eu|ewe|one\b|once|u-)", re.I)
SILENT_H = re.compile(r"(hour|honest|honou?r|heir)", re.I)


def plain(name: str) -> str:
    """A category name as words: underscores become spaces, what stands in parentheses goes.

    >>> plain("cup_(for_drinking)")
    'cup'
    """
    words = re.sub(r"\([^()]*\)", " ", name.replace("_", " "))
    return " ".join(words.split())


def normalised(name: str) -> str:
    """Key under which two spellings of one name meet; what stands in parentheses stays."""
    return " ".join(name.replace("_", " ").replace("-", " ").split()).casefold()


def _plural_of_word(word: str) -> str:
    low = word.lower()
    irregular = next((v for k, v in IRREGULAR.items() if low == k), None)
    if irregular is not None:
        return word[0] + irregular[1:] if word[0].lower() == irregular[0] else irregular
    if low.endswith(("man", "woman")) and not low.endswith(("human", "german", "ottoman", "roman", "talisman")):
        return word[:-2] + "en"
    if low in UNCHANGED:
        return word
    if low.endswith(("s", "x", "z", "ch", "sh")):
        already_plural = re.search(r"[^aious]s$", low) and not low.endswith(("lens", "dress"))
        return word if already_plural else word + "es"
    if re.search(r"[^aeiou]y$", low):
        return word[:-1] + "ies"
    return word + ("es" if low in TAKES_OES else "s")


def plural(singular: str) -> str:
    """Plural of a noun phrase, e.g. "wine glasses", "cups of tea", "pairs of scissors"."""
    head, of, rest = singular.partition(" of ")
    if of:
        return f"{plural(head)} of {rest}"
    *before, last = singular.split(" ")
    if last.lower() in PAIRS:
        return f"pairs of {singular}"
    return " ".join([*before, _plural_of_word(last)])


def article(singular: str) -> str:
    """What stands before the noun for one of it: "a", "an" or "a pair of"."""
    if singular.split(" ")[-1].lower() in PAIRS:
        return "a pair of"
    if SPELT_OUT_AN.match(singular) or SILENT_H.match(singular):
        return "an"
    vowel = singular[:1].lower() in "aeiou" and not SOUNDS_LIKE_CONSONANT.match(singular)
    return "an" if vowel and not re.match(r"U[A-Z]", singular) else "a"
