"""Finds the multiple-choice option that a free-form response names. Reads the response as a person would. A response
can state its answer (`\\boxed{C}`, "the answer is C", a line with only `C`), hint at it ("which is option C"), or start
with it ("C is closer"). The last statement counts. If there is no statement, the last hint counts. If there is no hint
either, the option at the start counts. An option that the response merely discusses never counts.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cgc_bench.options.patterns import MORE_AFTER, MORE_BEFORE, TAKEN_BACK_AFTER, TAKEN_BACK_BEFORE, TIERS
from cgc_bench.options.plain import Listed, end_of_line, listed, plain, without_lists
from cgc_data.answer.layout import read_layout

_NEAR = 60
_ANNOUNCED = re.compile(r"\b(?:options?|choices?|each)\b[^\n]{0,60}:\s{0,9}\Z", re.IGNORECASE)


class _Found(NamedTuple):
    """An option in a text: the position of its letter, and the letter itself ("" if several options are named at
    once).
    """

    place: int
    letter: str


def read_option(response: str, letters: Sequence[str]) -> str | None:
    """The letter of the option that a response names, or None.

    Args:
        response: the text that a model wrote. Reasoning in `<think>` tags before the answer is ignored.
        letters: the options, such as `("A", "B", "C", "D")`. If the answer is any other letter, the result is None.

    Returns:
        One of `letters`. None if the response does not name an option, names several options at once, or has truncated
        reasoning.
    """
    layout = read_layout(response, require_think=False)
    final = layout.conclusion if layout.body is None else layout.body
    text = without_lists(plain(final or ""))
    for strength, patterns in enumerate(TIERS):
        found = [one for pattern in patterns for one in _matches(pattern, text, stated=strength == 0)]
        if strength == 0:
            found += _first_or_last_line(text)
        if found:
            letter = max(found).letter
            return letter if letter in letters else None
    return None


def _matches(pattern: re.Pattern[str], text: str, *, stated: bool) -> Iterator[_Found]:
    for match in pattern.finditer(text):
        group = match.lastindex or 0
        before, after = text[max(0, match.start(group) - _NEAR) : match.start(group)], text[match.end() :][:_NEAR]
        if not stated and (TAKEN_BACK_BEFORE.search(before) or TAKEN_BACK_AFTER.match(after)):
            continue
        several = MORE_AFTER.match(after) or MORE_BEFORE.search(before)
        yield _Found(match.start(group), "" if several else match[group].upper())


def _first_or_last_line(text: str) -> Iterator[_Found]:
    """Yields the option of the first or last line if the line looks like `B. a kite` and is not part of a list of
    options.
    """
    body = text.strip()
    offset, last = text.find(body), body.rfind("\n") + 1
    before: Listed | None = None
    for line in listed(body):
        if not line.bulleted and line.start in (0, last) and not _in_a_list(body, line, before):
            yield _Found(offset + line.start, line.letter)
        before = line


def _in_a_list(body: str, line: Listed, before: Listed | None) -> bool:
    """Whether the line is part of a list of options. This is the case if the text before the line announces options, if
    the next letter follows on the same line, or if the previous line starts with the preceding letter.
    """
    start = line.start
    rest, announced = body[start + 2 : end_of_line(body, start)], body[max(0, start - 2 * _NEAR) : start]
    if re.search(rf"\b{chr(ord(line.letter) + 1)}[).:]", rest) or _ANNOUNCED.search(announced):
        return True
    if before is None:
        return False
    return ord(before.letter) + 1 == ord(line.letter) and end_of_line(body, before.start) + 1 == start
