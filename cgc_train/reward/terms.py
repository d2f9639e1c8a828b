"""Computes the reward of one response: the weighted sum of the reward terms, times the task weight.

Responses are parsed in the strict format, as in `cgc-bench`. If `soft_reading` is on, a response that violates the
strict format is parsed again with `read_soft`, and its boxes are scored from that result.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from cgc_data.answer import Reading, Violation, read_answer, read_soft
from cgc_data.metrics import ItemScore, Truth, score_reading
from cgc_train.reward.settings import PromptSettings, RewardSettings, Rules
from cgc_train.reward.term import Answered, Term

# Created once, because creating settings takes as long as parsing an answer.
_DEFAULTS = Rules()


@dataclass(frozen=True)
class Terms:
    """The values of the reward terms for one response, and the parsed response.

    Attributes:
        reward: the weighted sum of the terms, times the task weight.
        values: maps the name of each term to its value (0-1) times the task weight.
        reading: the response, parsed according to the strict format.
        truth: the ground-truth answer of the row.
    """

    reward: float
    values: Mapping[str, float]
    reading: Reading
    truth: Truth

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Violations of the strict format."""
        return self.reading.violations

    @cached_property
    def item(self) -> ItemScore:
        """Metrics of the response. The reward settings do not affect them.

        The metrics are computed only on access, because they take longer than the reward.
        """
        return score_reading(self.reading, self.truth)

    @property
    def miou(self) -> float:
        """R_miou (0-1) times the task weight."""
        return self.values["miou"]

    @property
    def format(self) -> float:
        """R_format (0 or 1) times the task weight."""
        return self.values["format"]


def score(
    response: str,
    truth: Truth,
    settings: RewardSettings | None = None,
    prompt: PromptSettings | None = None,
) -> Terms:
    """Compute the reward of a response to a row. The function never raises an error, regardless of the text."""
    settings, prompt = settings or _DEFAULTS.reward, prompt or _DEFAULTS.prompt
    reading = read_answer(response, truth.num_images, require_think=prompt.think, prefix=prompt.prefix)
    boxes = reading
    if settings.soft_reading and not reading.valid:
        boxes = read_soft(response, truth.num_images, require_think=prompt.think, prefix=prompt.prefix)
    terms = settings.terms
    earned = _earned(reading, boxes, truth, settings, terms)
    factor = settings.task_weight(truth.kind)
    return Terms(
        reward=factor * sum(settings.weight(term) * earned[term.name] for term in terms),
        values={name: factor * value for name, value in earned.items()},
        reading=reading,
        truth=truth,
    )


def _earned(
    reading: Reading, boxes: Reading, truth: Truth, settings: RewardSettings, terms: Iterable[Term[RewardSettings]]
) -> dict[str, float]:
    """Compute the terms in the given order, and return a mapping from the name of each term to its value."""
    earned: dict[str, float] = {}
    answer = Answered(reading, boxes, truth, earned)
    for term in terms:
        earned[term.name] = term.function(answer, settings)
    return earned
