"""Defines what a reward term is: a named function that scores an answer. Each term has the same name as the setting of
its weight.

Terms form a chain: the settings class of each term inherits from the settings class of the previous term. To add a
term, write a module like `boxes.py`. The module must contain the function, its `Term`, and a settings class that
declares the weight as `NAME: Annotated[Weight, TERM]`. Then import the new settings class in `settings.py` as the last
class of the chain.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from cgc_data.answer import Reading
from cgc_data.common.settings import Section
from cgc_data.metrics import Truth

SettingsT_contra = TypeVar("SettingsT_contra", bound=Section, contravariant=True)


@dataclass(frozen=True)
class Answered:
    """A parsed response, the ground-truth answer of its row, and the values of earlier reward terms, keyed by name.

    `reading` is the result of strict parsing. `boxes` is the parsed response whose boxes are scored. `boxes` differs
    from `reading` only if `reward.soft_reading` is on and the response violates the strict format.
    """

    reading: Reading
    boxes: Reading
    truth: Truth
    earned: Mapping[str, float]


@dataclass(frozen=True)
class Term(Generic[SettingsT_contra]):
    """A term of the reward.

    Attributes:
        name: the name of the term. For a term NAME, `reward.NAME` sets the weight, `NAME_reward` is the function in
            TRL, and NAME is the column in output files.
        function: maps an answer to a value from 0 to 1. A perfect answer gets 1. The function never raises an error.
        title: title of its curve.
        meaning: function that maps settings to a text for the model card. The text describes what the term measures.
        ablated: description of a run without the term, for the switch `no-NAME` of `cgc-train ablate`. "" means that
            this switch does not exist.
        digits: decimals shown.
    """

    name: str
    function: Callable[[Answered, SettingsT_contra], float]
    title: str
    meaning: Callable[[SettingsT_contra], str]
    ablated: str = ""
    digits: int = 2

    @property
    def symbol(self) -> str:
        """The symbol in formulas and tables, such as `R_miou`."""
        return f"R_{self.name}"
