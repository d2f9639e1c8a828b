"""Settings of the reward: what each term declares, the weights of tasks, and what the prompt asks for."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from cgc_data.common.settings import Section, Weight
from cgc_data.tasks import Task, check_ids
from cgc_train.reward.boxes import BoxSettings as LastTermSettings
from cgc_train.reward.term import Term


class PromptSettings(Section):
    """What the model is asked to write around its answer."""

    think: bool = Field(True, description="ask for a reasoning trace, and require it")
    prefix: str = Field("", description="what the chat template writes of every response, such as <think>")


# What a preset sets; a setting that is given beside it wins. MG-Thinker (arXiv 2609.37374): a quarter for each tag, and
# for each target 1 for its image and its IoU, which counts 0 below 0.1 and 1 from 0.9 on.
PRESETS: dict[str, dict[str, Any]] = {
    "cgc": {},
    "mg-thinker": {"miou": 1.0, "floor": 0.1, "ceiling": 0.9, "images": 1.0, "tags": 1.0, "format": 0.0},
}


class RewardSettings(LastTermSettings):
    """R = task weight * (miou * R_miou + format * R_format); everything but the two weights is off by default.

    The weight of a task is the same for all responses to a row: it changes what is learned only where advantages are
    not scaled within the group (`grpo.scale_rewards` other than `group`).
    """

    preset: Literal["cgc", "mg-thinker"] = Field(
        "cgc", description="weights and options as a published reward has them"
    )
    task_weights: dict[str, Weight] = Field(
        default_factory=dict, description="factor of the reward by a task's full name; default 1"
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
        """The factor of a task's reward; 1 if the task is not known."""
        return self.task_weights.get(task.id, 1.0) if task else 1.0

    def weight(self, term: "Term[RewardSettings]") -> float:
        """The weight of a term."""
        return float(getattr(self, term.name))

    @property
    def terms(self) -> "tuple[Term[RewardSettings], ...]":
        """Terms that are paid, and those that are paid by default, which stay in view when their weight is 0."""
        fields = type(self).model_fields
        return tuple(term for term in TERMS if self.weight(term) or fields[term.name].default)

    def with_all_terms(self) -> "RewardSettings":
        """The same options, every term paid alike."""
        return self.model_copy(update={term.name: 1.0 for term in TERMS})


TERMS: tuple[Term[RewardSettings], ...] = tuple(
    mark for field in RewardSettings.model_fields.values() for mark in field.metadata if isinstance(mark, Term)
)


class Rules(Section):
    """The two sections of a recipe that decide what a response earns."""

    reward: RewardSettings = RewardSettings()
    prompt: PromptSettings = PromptSettings()
