"""The answer contract: the exact output format that the prompt, the reward, and the scorer share.

The module `prompt` requests this format, `objects` writes answers in this format, and `reading` reads such answers. The
format that a prompt requests is therefore always the format that is scored.
"""

from cgc_data.answer.lenient import read_lenient
from cgc_data.answer.objects import Object, format_answer, format_response
from cgc_data.answer.prompt import (
    ANSWER_FORM,
    ANSWER_INSTRUCTION,
    THINK_INSTRUCTION,
    build_messages,
    with_thinking,
)
from cgc_data.answer.reading import Parsed, Reading, parse_strict, read_answer, read_list, read_soft
from cgc_data.answer.violations import Violation

__all__ = [
    "ANSWER_FORM",
    "ANSWER_INSTRUCTION",
    "THINK_INSTRUCTION",
    "Object",
    "Parsed",
    "Reading",
    "Violation",
    "build_messages",
    "format_answer",
    "format_response",
    "parse_strict",
    "read_answer",
    "read_lenient",
    "read_list",
    "read_soft",
    "with_thinking",
]
