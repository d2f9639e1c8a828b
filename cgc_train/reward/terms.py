"""The reward of one response: R = task weight * the weighted sum of the terms.

Every term uses the same reading of the response, which the benchmark also uses.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cgc_data.answer import Reading, Violation, read_answer, read_soft
from cgc_data.metrics import ItemScore, Truth, score_reading
from cgc_train.reward.settings import PromptSettings, RewardSettings
from cgc_train.reward.term import Answered


@dataclass(frozen=True)
class Terms:
    """Every term of one response's reward, and the metrics of the same reading.

    Attributes:
        reward: the weighted sum.
        values: value of each term by name, 0-1, times the weight of the row's task.
        violations: violations of the strict format.
        item: metrics of the response, independent of the settings.
    """

    reward: float
    values: Mapping[str, float]
    violations: tuple[Violation, ...]
    item: ItemScore

    @property
    def miou(self) -> float:
        """R_miou, 0-1, times the weight of the row's task."""
        return self.values["miou"]

    @property
    def format(self) -> float:
        """R_format, 0 or 1, times the weight of the row's task."""
        return self.values["format"]


def score(
    response: str,
    truth: Truth,
    settings: RewardSettings | None = None,
    prompt: PromptSettings | None = None,
) -> Terms:
    """The reward of a response to a row; never raises, for any text."""
    settings, prompt = settings or RewardSettings(), prompt or PromptSettings()
    reading = read_answer(response, truth.num_images, require_think=prompt.think, prefix=prompt.prefix)
    boxes = reading
    if settings.soft_reading and not reading.valid:
        boxes = read_soft(response, truth.num_images, require_think=prompt.think, prefix=prompt.prefix)
    earned = _earned(reading, boxes, truth, settings)
    factor = settings.task_weight(truth.kind)
    return Terms(
        reward=factor * sum(settings.weight(term) * earned[term.name] for term in settings.terms),
        values={name: factor * value for name, value in earned.items()},
        violations=reading.violations,
        item=score_reading(reading, truth),
    )


def _earned(reading: Reading, boxes: Reading, truth: Truth, settings: RewardSettings) -> dict[str, float]:
    """The value of each term by name, in order."""
    earned: dict[str, float] = {}
    for term in settings.terms:
        earned[term.name] = term.function(Answered(reading, boxes, truth, earned), settings)
    return earned
