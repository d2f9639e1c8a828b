"""Strict validity, R_format: whether the answer has the form that was asked for, whatever it says."""

from typing import Annotated

from pydantic import Field

from cgc_data.common.settings import Weight
from cgc_train.reward.miou import MIOU, MiouSettings
from cgc_train.reward.term import Answered, Term


def format_term(answer: Answered, settings: "FormatSettings") -> float:
    """R_format: 1 for a strictly valid answer, else 0; with `format_needs_miou` only where R_miou is above 0."""
    return float(answer.reading.valid and not (settings.format_needs_miou and answer.earned[MIOU.name] <= 0))


def _meaning(_: "FormatSettings") -> str:
    return "strictly valid answer"


FORMAT: Term["FormatSettings"] = Term(
    "format", format_term, "format", _meaning, ablated="the form of the answer is asked for and not paid", digits=0
)


class FormatSettings(MiouSettings):
    """The weight and the option of R_format."""

    format: Annotated[Weight, FORMAT] = Field(1.0, description="weight of a strictly valid answer")
    format_needs_miou: bool = Field(False, description="pay the format only where R_miou > 0")
