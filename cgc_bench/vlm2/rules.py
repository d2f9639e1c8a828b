"""The rules by which the authors of VLM2-Bench read and score the answers to each kind of question. The quirks of the
rules are reproduced, too.

Scores are 0-1. Every pattern scans an answer only once, so scoring takes time linear in the length of the answer.
"""

import re
from dataclasses import dataclass

from cgc_data.answer.layout import read_layout

_STATEMENT = re.compile(r"\b(t|f|true|false)\b", re.IGNORECASE)
_CHOICE = re.compile(r"\([A-Z]\)")
_DIGITS = re.compile(r"\d+")
_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate(_UNITS)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_WORD = re.compile(rf"\b({'|'.join([*_VALUES, 'hundred', 'thousand'])})\b", re.IGNORECASE)
_MOST_DIGITS = 18
# The counting rule: errors cost more if there are fewer images, and a small relative error costs nearly as much as a
# large one.
_WEIGHT = 4
_ROOT = 10


@dataclass(frozen=True)
class Verdict:
    """The reading of one answer.

    Attributes:
        score: 0-1. None for a count that the authors exclude from their mean, because the answer is not a single number
            or is outside 1..length.
        readable: whether the rule could read the answer.
    """

    score: float | None
    readable: bool


def final_answer(response: str) -> str:
    """The content of the answer block. If there is no such block, returns the text after the reasoning, or an empty
    text if the reasoning has no closing tag.
    """
    layout = read_layout(response, require_think=False)
    return (layout.conclusion if layout.body is None else layout.body) or ""


def judge_pair(answer: str, truth: str) -> Verdict:
    """Score an answer that must be exactly T or F.

    Whitespace around it is ignored, because the authors strip it when they save an answer.
    """
    text = answer.strip()
    return Verdict(float(text == truth), text in ("T", "F"))


def judge_statement(answer: str, truth: str) -> Verdict:
    """Score an answer that must contain exactly one of the words t, f, true, and false, in uppercase or lowercase.

    (The t of "don't" counts as a word.)
    """
    found = [match.upper()[0] for match in _STATEMENT.findall(answer)]
    return Verdict(float(found == [truth.strip().upper()]), len(found) == 1)


def judge_choice(answer: str, truth: str) -> Verdict:
    """Score a choice: the text before the first closing parenthesis must be the same as in the correct answer.

    An answer with more than one uppercase letter in parentheses, such as `(A) or (B)`, is wrong.
    """
    several = len(_CHOICE.findall(answer)) > 1
    right = not several and _letter(answer.strip()) == _letter(truth)
    return Verdict(float(right), not several and bool(re.fullmatch(r"\(?[A-Z]", _letter(answer.strip()))))


def _letter(answer: str) -> str:
    return answer.partition(")")[0].strip()


def judge_count(answer: str, truth: int, length: int) -> Verdict:
    """Score an answer that must contain a single number within 1..length. The score is 1 if the number is correct, and
    decreases with the distance from the correct number.
    """
    numbers = read_numbers(answer)
    if len(numbers) != 1 or not 1 <= numbers[0] <= length:
        return Verdict(None, readable=False)
    return Verdict(count_score(numbers[0], truth, length), readable=True)


def count_score(count: int, truth: int, length: int) -> float:
    """`1 - (4 / length) * (|count - truth| / max(truth - 1, length - truth)) ** (1 / 10)`, at least 0."""
    if count == truth:
        return 1.0
    most = max(truth - 1, length - truth)
    relative = abs(count - truth) / most if most > 0 else 0.0
    penalty = _WEIGHT / length * float(relative ** (1 / _ROOT))
    return max(0.0, 1 - penalty)


def read_numbers(answer: str) -> list[int]:
    """All numbers in the answer that are written in digits. If the number words in the answer together spell out a
    number, this number is the last in the list.
    """
    text = answer.lower()
    digits = [int(found.lstrip("0")[:_MOST_DIGITS] or "0") for found in _DIGITS.findall(text)]
    words = _WORD.findall(text)
    together = _number_of(words) if words else None
    return digits if together is None else [*digits, together]


def _number_of(words: list[str]) -> int | None:
    """The sum of the number words. The word `hundred` multiplies the sum of the words before it by 100. None if the sum
    is 0 or if `words` contains a word that is neither `hundred` nor a key of `_VALUES`.

    The authors' script first removes every `and`, even inside words, so that `thousand` becomes `thous`. Therefore,
    `thousand` is not recognized as a number word, and invalidates the whole phrase. A number word with a long s
    (U+017F) or a dotless i (U+0131) also invalidates the phrase. The pattern that finds number words ignores case, and
    therefore accepts these letters as `s` and `i`, but `_VALUES` does not contain these spellings.
    """
    if any(word not in _VALUES and word != "hundred" for word in words):
        return None
    total = current = 0
    for word in words:
        if word == "hundred":
            total, current = total + max(current, 1) * 100, 0
        else:
            current += _VALUES[word]
    return total + current or None
