"""Finds the answer in a response, and checks the tags against the strict format.

The text is scanned for tags once, without backtracking, so the run time is linear in the length of the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cgc_data.answer.violations import Violation

WHITE_SPACE = " \t\r\n"
FENCE, JSON = "```", "json"

# A response in the strict format, except that the thinking may be empty: its parts are the thinking and the list
_STRICT = re.compile(rf"[{WHITE_SPACE}]*<think>([^<]*)</think>[{WHITE_SPACE}]*<answer>([^<]*)</answer>[{WHITE_SPACE}]*")
_TAG = re.compile(r"</?(?:think|answer)>")
_WORD = re.compile(r"\w")
_ANSWER_ONLY = ["<answer>", "</answer>"]
_THINK_AND_ANSWER = ["<think>", "</think>", *_ANSWER_ONLY]

_Tags = list[re.Match[str]]


@dataclass(frozen=True)
class Layout:
    """The parts of a response.

    Attributes:
        body: the text between the answer tags, where the list is expected. If the opening tag is missing, the body
            starts after the think block; if the closing tag is missing, the body ends with the response. None if the
            think block is not closed or the tags are ambiguous.
        conclusion: all text after the think block, or the full response if there is no such block; None if the block is
            not closed.
        violations: violations in the tags and in the text around the blocks.
        think_length: number of characters inside the think block, without surrounding white space; 0 unless there is
            exactly one think block.
    """

    body: str | None
    conclusion: str | None
    violations: tuple[Violation, ...]
    think_length: int = 0


def read_layout(text: str, *, require_think: bool) -> Layout:
    """Find the think block and the answer block of a response."""
    if plain := _STRICT.fullmatch(text):
        thinking, body = plain.groups()
        empty = require_think and not _WORD.search(thinking)
        faults = (Violation.THINK_EMPTY,) if empty else ()
        return Layout(body, text[plain.end(1) + len("</think>") :], faults, len(thinking.strip()))
    return read_tags(text, require_think=require_think)


def read_tags(text: str, *, require_think: bool) -> Layout:
    """Find the think block and the answer block of a response by searching for their tags."""
    tags = list(_TAG.finditer(text))
    names = [tag.group() for tag in tags]
    violations: list[Violation] = []
    if names != _THINK_AND_ANSWER:
        violations = [*_block_violations(names, "think", require_think), *_block_violations(names, "answer", True)]
    if not violations:
        violations.extend(_order_violations(text, tags, names, require_think))
    start = _end_of_thinking(tags)
    conclusion = None if start is None else text[start:]
    body = None if start is None else _answer_body(text, start, [tag for tag in tags if tag.start() >= start])
    return Layout(body, conclusion, tuple(violations), _think_length(text, tags, names))


def _block_violations(names: list[str], kind: str, required: bool) -> Iterator[Violation]:
    opened, closed = names.count(f"<{kind}>"), names.count(f"</{kind}>")
    if opened == closed == 0:
        if required:
            yield Violation(f"{kind}_missing")
    elif opened > 1 or closed > 1:
        yield Violation(f"{kind}_repeated")
    elif not closed:
        yield Violation(f"{kind}_unclosed")
    elif not opened:
        yield Violation(f"{kind}_unopened")


def _order_violations(text: str, tags: _Tags, names: list[str], require_think: bool) -> Iterator[Violation]:
    if names not in (_ANSWER_ONLY, _THINK_AND_ANSWER):
        yield Violation.TAGS_OUT_OF_ORDER
        return
    if require_think and not _WORD.search(text, tags[0].end(), tags[1].start()):
        yield Violation.THINK_EMPTY
    ends = [0, *[tag.end() for tag in tags[1::2]]]
    starts = [*[tag.start() for tag in tags[::2]], len(text)]
    if "".join([text[end:start] for end, start in zip(ends, starts, strict=True)]).strip(WHITE_SPACE):
        yield Violation.TEXT_OUTSIDE


def _think_length(text: str, tags: _Tags, names: list[str]) -> int:
    if names[:2] != _THINK_AND_ANSWER[:2]:
        return 0
    return len(text[tags[0].end() : tags[1].start()].strip())


def _end_of_thinking(tags: _Tags) -> int | None:
    """The position at which the think block ends: 0 if there is no block, None if the block is never closed."""
    for tag in reversed(tags):
        if tag.group() in _THINK_AND_ANSWER[:2]:
            return tag.end() if tag.group() == "</think>" else None
    return 0


def _answer_body(text: str, start: int, tags: _Tags) -> str | None:
    names = [tag.group() for tag in tags]
    if names not in ([], ["<answer>"], ["</answer>"], _ANSWER_ONLY):
        return None
    begin = tags[0].end() if "<answer>" in names else start
    end = tags[-1].start() if "</answer>" in names else len(text)
    return text[begin:end]


def strip_fence(body: str) -> tuple[str, bool]:
    """Remove surrounding white space and one Markdown code fence from `body`. Also return whether there was a fence."""
    body = body.strip(WHITE_SPACE)
    if len(body) < 2 * len(FENCE) or not (body.startswith(FENCE) and body.endswith(FENCE)):
        return body, False
    return body[len(FENCE) : -len(FENCE)].removeprefix(JSON).strip(WHITE_SPACE), True
