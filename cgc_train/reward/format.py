"""Reward terms for the format of an answer, regardless of its content.

One term rewards strict validity. The other, which is optional, is the share of tags that occur exactly once.
"""

from typing import Annotated

from pydantic import Field

from cgc_data.answer import Violation
from cgc_data.common.settings import Weight
from cgc_train.reward.miou import MIOU, MiouSettings
from cgc_train.reward.term import Answered, Term

# For each violation, how many of the four tags are not correct.
MISPLACED = {
    Violation.THINK_MISSING: 2,
    Violation.THINK_REPEATED: 2,
    Violation.THINK_UNOPENED: 1,
    Violation.THINK_UNCLOSED: 1,
    Violation.ANSWER_MISSING: 2,
    Violation.ANSWER_REPEATED: 2,
    Violation.ANSWER_UNOPENED: 1,
    Violation.ANSWER_UNCLOSED: 1,
}


def format_term(answer: Answered, settings: "FormatSettings") -> float:
    """R_format: 1 for a strictly valid answer, otherwise 0.

    With `format_needs_miou`, R_format is 1 only if R_miou is above 0. With `format_min_think`, R_format is 1 only if
    the reasoning is long enough.
    """
    if not answer.reading.valid or answer.reading.think_length < settings.format_min_think:
        return 0.0
    return float(not settings.format_needs_miou or answer.earned[MIOU.name] > 0)


def tags_term(answer: Answered, _: "FormatSettings") -> float:
    """R_tags: the share of the tags `<think>`, `</think>`, `<answer>`, and `</answer>` that are correct.

    A tag is correct if it occurs exactly once. If one tag of a block is repeated, neither tag of the block is correct.
    """
    return 1 - sum(MISPLACED.get(violation, 0) for violation in answer.reading.violations) / 4


def _meaning(_: "FormatSettings") -> str:
    return "strictly valid answer"


def _tags_meaning(_: "FormatSettings") -> str:
    return "tags that occur exactly once"


FORMAT: Term["FormatSettings"] = Term(
    "format", format_term, "format", _meaning, ablated="ask for the answer format, but do not reward it", digits=0
)
TAGS: Term["FormatSettings"] = Term("tags", tags_term, "tags", _tags_meaning)


class FormatSettings(MiouSettings):
    """The weights and options of R_format and R_tags."""

    format: Annotated[Weight, FORMAT] = Field(1.0, description="weight of the reward for a strictly valid answer")
    format_needs_miou: bool = Field(False, description="reward the format only if R_miou is above 0")
    format_min_think: int = Field(
        0, ge=0, description=("minimum number of characters of reasoning that the format reward requires")
    )
    tags: Annotated[Weight, TAGS] = Field(
        0.0, description="weight of the reward for the four tags; each tag earns a quarter of it"
    )
