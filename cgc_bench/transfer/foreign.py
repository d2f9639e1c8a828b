"""Rules of other harnesses for reading answers: how VLMEvalKit and the benchmarks' authors find the option that an
answer names, and how lmms-eval removes reasoning.

The rules are reimplemented from their published behavior, including all quirks. This module never calls a language
model. An answer that a harness would pass to a language model counts as unreadable.
"""

import re
from collections.abc import Mapping, Sequence

from cgc_bench.transfer.choices import AUTHORS_FORMS, listed_option
from cgc_bench.transfer.items import Item
from cgc_bench.transfer.texts import separated

REASONING_TAGS = (("<think>", "</think>"), ("<analysis>", "</analysis>"))
_PUNCTUATION = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_VERBOSE = re.compile(r"answer\s+is\s+\**([ABCD])", re.IGNORECASE)
_LAST_WORDS = 5
_OPENINGS = ("(", "option ", "the answer is ")


def without_tagged(text: str) -> str:
    """Return the text with its reasoning removed by the same rules as in lmms-eval. Every reasoning block is removed.
    If a closing tag without an opening tag remains, all text before it is removed too. An opening tag without a closing
    tag is kept, with all text after it.
    """
    for opening, closing in REASONING_TAGS:
        kept, place = [], 0
        while (start := text.find(opening, place)) >= 0 and (end := text.find(closing, start)) >= 0:
            kept.append(text[place:start])
            place = end + len(closing)
        text = "".join([*kept, text[place:]])
        if opening not in text:
            text = text.rpartition(closing)[2]
    return text.strip()


def vlmevalkit_option(answer: str, options: Mapping[str, str]) -> str | None:
    """VLMEvalKit's rule. It tries these steps in order. First, if the answer contains exactly one option letter, and
    this letter is among the last four words, the letter counts. Next, a letter after "answer is" counts. Finally, if
    the text of exactly one option occurs in the answer, this option counts. If the rule does not find an option,
    VLMEvalKit asks a language model, or counts the answer as wrong if no model is configured.
    """
    if any(refusal in answer for refusal in _REFUSALS):
        return None
    words = answer.translate(_PUNCTUATION).split()
    named = [letter for letter in options if letter in words]
    if len(named) == 1 and words.index(named[0]) > len(words) - _LAST_WORDS:
        return named[0]
    if not named and "Z" in words:
        return None
    verbose = _VERBOSE.search(answer)
    if verbose and verbose.group(1).upper() in options:
        return verbose.group(1).upper()
    return _spelt_out(answer.lower(), {letter: words.lower() for letter, words in options.items()})


def _spelt_out(answer: str, options: Mapping[str, str]) -> str | None:
    if len(answer) > 2 * sum(map(len, options.values())):
        return None
    found = [letter for letter, words in options.items() if words in answer]
    return found[0] if len(found) == 1 else None


def vlmevalkit_judges(item: Item, answer: str) -> tuple[bool, bool]:
    """Whether an answer is correct, and whether it could be read. The rules are those that VLMEvalKit uses if no
    language model is configured.

    VLMEvalKit turns an open question of MMMU into a choice of two options: the true answer and "Other Answers".
    """
    if item.kind == "open":
        found = vlmevalkit_option(answer, {"A": item.answers[0], "B": "Other Answers"})
        return found == "A", found is not None
    if item.kind == "choice":
        _, words = separated(item)
        found = vlmevalkit_option(answer, dict(zip(item.letters, words or item.options, strict=False)))
        return found in item.answers, found is not None
    try:
        number = {"integer": int, "float": float}[item.kind]
        right = number(answer) in [number(true) for true in item.answers]
    except (KeyError, ValueError, OverflowError):
        return False, False
    return right, right  # VLMEvalKit passes any number other than the true one to the language model


def authors_option(item: Item, answer: str) -> str | None:
    """The option that an answer names by the rule of the benchmark's authors. None if the rule does not find an option,
    even for BLINK, whose authors then ask a language model.
    """
    if item.task == "mmstar":
        return _first_letter(answer, item.letters)
    if item.task == "blink":
        return _blink_option(answer, item.letters)
    return listed_option(answer, item.letters, item.options, AUTHORS_FORMS)


def _first_letter(answer: str, letters: Sequence[str]) -> str | None:
    """Rule of MMStar's authors: the first character counts if it is an option letter. Otherwise, if the answer starts
    with `(`, `option`, or `the answer is`, the next character counts if it is an option letter. The rest of the answer
    is ignored.
    """
    text = answer.lower().strip().replace("\n", " ")
    places = [0, *(len(opening) for opening in _OPENINGS if text.startswith(opening))]
    found = [text[place : place + 1].upper() for place in places]
    return next((letter for letter in found if letter in letters), None)


def _blink_option(answer: str, letters: Sequence[str]) -> str | None:
    """Rule of BLINK's authors. An answer that is only a letter, such as `A` or `(A)`, counts. Otherwise, the rule
    searches the last paragraph for option letters in parentheses, such as `(A)`, that stand as separate words. If it
    finds exactly one letter, this letter counts. If not, the rule searches the full text in the same way.
    """
    alone = answer[1:-1] if answer.startswith("(") and answer.endswith(")") else answer
    if alone in letters:
        return alone
    whole, last = (_words_in_parentheses(text, letters) for text in (answer, answer.rpartition("\n\n")[2]))
    found = last if len(last) == 1 else whole
    return found[0] if len(found) == 1 else None


def _words_in_parentheses(text: str, letters: Sequence[str]) -> list[str]:
    words = set(text.split())
    return [letter for letter in letters if f"({letter})" in words]
