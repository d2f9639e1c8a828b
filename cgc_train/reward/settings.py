"""All settings of the reward: options of each reward term, task weights, and prompt settings."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from cgc_data.common.settings import Section, Weight
from cgc_data.tasks import Task, check_ids
from cgc_train.reward.boxes import BoxSettings as LastTermSettings
from cgc_train.reward.term import Term


class PromptSettings(Section):
    """Settings of the prompt: whether responses must contain reasoning, and how the chat template starts them."""

    think: bool = Field(True, description="ask for reasoning before the answer, and require it")
    prefix: str = Field("", description="text with which the chat template starts every response, such as <think>")


# Settings in each preset; explicit settings take precedence. MG-Thinker (arXiv 2609.37374): a quarter for each tag, and
# for each target 1 for its image plus its IoU, which counts as 0 below 0.1 and as 1 from 0.9 on.
PRESETS: dict[str, dict[str, Any]] = {
    "cgc": {},
    "mg-thinker": {"miou": 1.0, "floor": 0.1, "ceiling": 0.9, "images": 1.0, "tags": 1.0, "format": 0.0},
}


class RewardSettings(LastTermSettings):
    """Settings of the reward R = task weight * (miou * R_miou + format * R_format).

    The weights of all other reward terms are 0 by default.

    The task weight is the same for all responses to a row. If `grpo.scale_rewards` is `group`, advantages are scaled
    within each group, and this scaling cancels any task weight above 0.
    """

    preset: Literal["cgc", "mg-thinker"] = Field("cgc", description="use the weights and options of a published reward")
    task_weights: dict[str, Weight] = Field(
        default_factory=dict, description="factor for the rewards of each task, by full task name; default: 1"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        chosen = given.get("preset") if isinstance(given, dict) else None
        return {**PRESETS.get(chosen, {}), **given} if isinstance(chosen, str) else given

    @field_validator("task_weights")
    @classmethod
    def _known_tasks(cls, weights: dict[str, float]) -> dict[str, float]:
        check_ids(weights)
        return weights

    def task_weight(self, task: Task | None) -> float:
        """The factor by which the rewards of a task are multiplied. It is 1 if the task is unknown."""
        return self.task_weights.get(task.id, 1.0) if task else 1.0

    def weight(self, term: "Term[RewardSettings]") -> float:
        """The weight of a term."""
        return float(getattr(self, term.name))

    @property
    def terms(self) -> "tuple[Term[RewardSettings], ...]":
        """The reward terms with a weight above 0. Terms whose default weight is above 0, such as `miou`, are included
        even if you set their weight to 0.
        """
        return tuple(term for term in TERMS if term.name in _ALWAYS_SHOWN or self.weight(term))

    def with_all_terms(self) -> "RewardSettings":
        """Copy the settings, keep all options, and give all terms the same weight."""
        return self.model_copy(update={term.name: 1.0 for term in TERMS})


TERMS: tuple[Term[RewardSettings], ...] = tuple(
    mark for field in RewardSettings.model_fields.values() for mark in field.metadata if isinstance(mark, Term)
)
_ALWAYS_SHOWN = frozenset(term.name for term in TERMS if RewardSettings.model_fields[term.name].default)


class Rules(Section):
    """The two sections of a recipe that determine the reward of a response."""

    reward: RewardSettings = RewardSettings()
    prompt: PromptSettings = PromptSettings()
