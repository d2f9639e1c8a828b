"""A term of the reward: a function of an answer. It is named after the setting of its weight.

Terms form a chain: the settings of each term extend the settings of the previous term. To add a term, write a module
like `boxes.py`. It contains the function, its `Term`, and settings that declare the weight as
`NAME: Annotated[Weight, TERM]`. Then use the new settings as the last ones in `settings.py`.
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
    """A parsed response, the true answer to its row, and the values of the earlier terms, by name.

    `boxes` is the reading whose boxes are scored. It is different from the strict reading only if the settings accept
    more than the strict format.
    """

    reading: Reading
    boxes: Reading
    truth: Truth
    earned: Mapping[str, float]


@dataclass(frozen=True)
class Term(Generic[SettingsT_contra]):
    """A term of the reward.

    Attributes:
        name: `reward.NAME` is the setting of its weight, `NAME_reward` is its function in TRL, and NAME is its column.
        function: maps an answer to 0-1. A perfect answer gets 1. Never raises.
        title: title of its curve.
        meaning: what the term measures with these settings, for the model card.
        ablated: meaning of a run without the term, for `cgc-train ablate no-NAME`; "" if the term has no such switch.
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
