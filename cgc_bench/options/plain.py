"""Removes Markdown, LaTeX markup, quotation marks, and lists of the options from a response."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# Quotes and Chinese punctuation become ASCII; pure decoration is removed.
_SAME = str.maketrans(
    {
        "\u2019": "'",
        "\u2018": "'",
        "\uff08": "(",
        "\uff09": ")",
        "\uff1a": ":",
        "\uff0c": ",",
        "\u3002": ".",
        "\u3001": ",",
    }
    | dict.fromkeys('*`#$"\u201c\u201d\u2705\u2714\u2611\ufe0f', "")
)
_DELIMITERS = re.compile(r"\\[()\[\]]")
_QUOTES = re.compile(r"(?<![A-Za-z])'|'(?![A-Za-z])")
_STYLED = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mathsf|mathit|operatorname)\s?\{([^{}]*)\}")
_BOXED = re.compile(r"\\boxed\s?\{([^{}]*)\}")
_LISTED = re.compile(
    r"^[ \t>]{0,9}(?P<mark>[-\u2022+]\s+|\d{1,2}\.\s+)?(?:(?:option|choice)\s+)?"
    r"\(?(?P<letter>(?-i:[A-Z]))(?:[).:]|\s+[\u2013\u2014-])(?=\s|$)",
    re.MULTILINE | re.IGNORECASE,
)
_NESTED = 2


class Listed(NamedTuple):
    """A line such as `B. a kite`: where it starts, its letter, and whether a bullet precedes it."""

    start: int
    letter: str
    bulleted: bool


def plain(text: str) -> str:
    """The text with decoration normalized. `\\boxed{C}` becomes `answer: C` on a separate line."""
    bare = _QUOTES.sub("", _DELIMITERS.sub(" ", text.translate(_SAME)))
    for _ in range(_NESTED):
        bare = _STYLED.sub(r"\1", bare)
    return _BOXED.sub(r"\nanswer: \1\n", bare)


def without_lists(text: str) -> str:
    """The text without lines that list the options: at least two lines that start with A, B, and so on."""
    spans = sorted(start for run in _runs(listed(text)) for start in run)
    kept, place = [], 0
    for start in spans:
        kept.append(text[place:start])
        place = end_of_line(text, start)
    return "".join([*kept, text[place:]])


def end_of_line(text: str, start: int) -> int:
    """The offset at which the line that contains `start` ends."""
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def listed(text: str) -> list[Listed]:
    """Every line that starts with an option letter."""
    return [Listed(match.start(), match["letter"], bool(match["mark"])) for match in _LISTED.finditer(text)]


def _runs(lines: list[Listed]) -> Iterator[list[int]]:
    """Find lists of options: at least two lines whose letters are A, B, and so on. These lines do not have to be
    adjacent. Yields the start offsets of each list's lines.
    """
    run: list[int] = []
    for line in lines:
        if line.letter != chr(ord("A") + len(run)):
            if len(run) > 1:
                yield run
            run = []
        if line.letter == chr(ord("A") + len(run)):
            run.append(line.start)
    if len(run) > 1:
        yield run
