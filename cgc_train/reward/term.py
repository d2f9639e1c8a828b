"""What a term of the reward is: a function of an answer, under the name of the setting that weighs it.

Terms are a chain: the settings of each build on those of the term before. To add one, write a module like `boxes.py`
(the function, its `Term`, and settings that declare the weight as `NAME: Annotated[Weight, TERM]`), and name it as the
last in `settings.py`.
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
    """A response as it was read, the truth of its row, and the values of the terms before this one, by name.

    `boxes` is the reading whose boxes are scored: the same, unless the settings forgive more than the strict form does.
    """

    reading: Reading
    boxes: Reading
    truth: Truth
    earned: Mapping[str, float]


@dataclass(frozen=True)
class Term(Generic[SettingsT_contra]):
    """One term of the reward.

    Attributes:
        name: `reward.NAME` is its weight, `NAME_reward` its function in TRL, NAME its column.
        function: from an answer to 0-1, where a perfect answer gets 1; never raises.
        title: of its curve.
        meaning: what it measures under these settings, for the model card.
        ablated: what a run without it shows, for `cgc-train ablate no-NAME`; "": it has no such switch.
        digits: decimals to show of its value.
    """

    name: str
    function: Callable[[Answered, SettingsT_contra], float]
    title: str
    meaning: Callable[[SettingsT_contra], str]
    ablated: str = ""
    digits: int = 2

    @property
    def symbol(self) -> str:
        """As formulas and tables write it: `R_miou`."""
        return f"R_{self.name}"
