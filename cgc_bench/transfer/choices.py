"""Finds the option that an answer names, by the rule of the benchmark's task in lmms-eval. All quirks of these rules
are kept. The rules read only the text after the reasoning, except `filtered_option`, which also reads the full
response. A rule that does not find an option returns None. Every pattern scans the text only once.
"""

import re
from collections.abc import Iterator, Sequence

# Marks around an answer are stripped one kind after another, because the order is part of the rule.
_RANKED_MARKS = (",", ".", "!", "?", ";", ":", "'", '"')
_LISTED_MARKS = _RANKED_MARKS[:-1]
# Marks of a letter, and the key that finds its last occurrence: in lmms-eval's MMMU, and in the scripts of the authors
# of MMMU and of MuirBench, who adopted it.
LMMS_FORMS = (("({})", "({})"), ("{} ", " {} "), ("{}.", " {} "))
AUTHORS_FORMS = (("({})", "({})"), (" {} ", " {} "))
_LEADING = re.compile(r"\s*([A-Z])\.")
_START, _END, _PHRASE, _PARENTHESES, _PERIOD, _COLON, _BRACKET, _SPACE, _ANYWHERE = 10, 9, 7, 6, 5, 4, 3, 2, 0
_FORMS = ((_PARENTHESES, "({})"), (_PERIOD, "{}."), (_COLON, "{}:"), (_BRACKET, "{})"), (_SPACE, "{} "))
_NOUNS = (
    *("answer", "correct answer", "best answer", "correct option", "best option", "choice", "correct choice"),
    *("the answer", "the correct answer", "the best answer", "the correct option", "the best option", "the choice"),
    *("the correct choice", "my answer", "my choice"),
)
_PHRASES = (
    *(f"{noun} is" for noun in _NOUNS),
    *("i choose", "i select", "i pick", "옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"),
)
_FEW = 4


def leading_option(answer: str, letters: Sequence[str]) -> str | None:
    """MuirBench's rule. The answer must start with an uppercase letter and a period, or be a single uppercase or
    lowercase letter.
    """
    match = _LEADING.match(answer)
    found = (match.group(1) if match else answer.strip()).upper()
    return found if found in letters else None


def filtered_option(response: str, answer: str, letters: Sequence[str]) -> str | None:
    """MuirBench's rule, with a quirk of lmms-eval: the rule's filter runs before lmms-eval removes the reasoning.
    Therefore, a letter with a period counts only at the start of the full response. In the text after the reasoning
    (`answer`), only a single letter counts.
    """
    match = _LEADING.match(response)
    found = (match.group(1) if match else answer.strip()).upper()
    return found if found in letters else None


def ranked_option(answer: str, letters: Sequence[str]) -> str | None:
    """MMStar's rule: the letter that is written most explicitly; "(A)" outranks a bare "A".

    If several letters are written in the same way, the last one counts.
    """
    text = f" {_without_marks(answer.strip(), _RANKED_MARKS)} "
    found = [*_in_form(text, letters), *_after_phrase(text, letters), *_at_an_end(text, letters)]
    if not found:
        found = [(_ANYWHERE, text.rfind(letter), letter) for letter in letters if letter in text]
    return max(found, key=lambda entry: entry[:2])[2] if found else None


def _in_form(text: str, letters: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    for rank, form in _FORMS:
        for letter in letters:
            place = text.rfind(form.format(letter))
            if place >= 0:
                yield rank, place, letter


def _after_phrase(text: str, letters: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    lower = text.lower()
    for phrase in _PHRASES:
        start = lower.find(phrase)
        if start >= 0:
            places = [(text.find(letter, start + len(phrase)), letter) for letter in letters]
            yield from ((_PHRASE, place, letter) for place, letter in places if place >= 0)


def _at_an_end(text: str, letters: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    bare = text.strip()
    for letter in letters:
        if bare.startswith(letter) and not bare[1:2].isalpha():
            yield _START, 0, letter
        if bare.endswith(letter) and not bare[-2:-1].isalpha():
            yield _END, len(text), letter


def stated_option(answer: str, letters: Sequence[str]) -> str | None:
    """BLINK's rule. It searches these places in order, and returns the first letter that it finds: a short first line,
    the last "answer is X", the last "(X)", and the start of the answer.
    """
    if not letters:
        return None
    text, choice = answer.strip(), f"([{re.escape(''.join(letters).upper())}])"
    first = text.split("\n", 1)[0].strip()
    short = re.match(rf"\(?{choice}\)?[.\s:,)]*$", first, re.IGNORECASE) if len(first) <= _FEW else None
    if short:
        return short.group(1).upper()
    stated = re.findall(rf"answers?(?:\s+is)?\s*(?:[:\-]\s*)?\(?{choice}\)?(?![A-Za-z])", text, re.IGNORECASE)
    named = stated or re.findall(rf"\({choice}\)", text)
    if named:
        return str(named[-1]).upper()
    start = re.match(rf"[(\s]*{choice}", text, re.IGNORECASE)
    return start.group(1).upper() if start else None


def listed_option(
    answer: str, letters: Sequence[str], options: Sequence[str], forms: Sequence[tuple[str, str]] = LMMS_FORMS
) -> str | None:
    """MMMU's rule: a letter in parentheses, or before a space or a period.

    If there is no such letter, and the answer has more than five words, the rule searches the answer for the texts of
    the options. If several letters or options are found, the last one is chosen. If none is found, the authors' script
    draws a random option. This function returns None instead, which counts as wrong.
    """
    text = f" {_without_marks(answer, _LISTED_MARKS)} "
    for form, place in forms:
        named = [letter for letter in letters if form.format(letter) in text]
        if named:
            return max(named, key=lambda letter: text.rfind(place.format(letter)))
    if len(text.split()) <= 5:
        return None
    lower = text.lower()
    told = [(lower.rfind(words.lower()), letter) for letter, words in zip(letters, options, strict=True)]
    found = [entry for entry in told if entry[0] >= 0]
    return max(found, key=lambda entry: entry[0])[1] if found else None


def _without_marks(text: str, marks: Sequence[str]) -> str:
    for mark in marks:
        text = text.strip(mark)
    return text
