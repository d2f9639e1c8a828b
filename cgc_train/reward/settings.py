"""Settings of the reward: what each term declares, the weights of tasks, and what the prompt asks for."""

from pydantic import Field, field_validator

from cgc_data.common.settings import Section, Weight
from cgc_data.tasks import Task, check_ids
from cgc_train.reward.format import FormatSettings as LastTermSettings
from cgc_train.reward.term import Term


class PromptSettings(Section):
    """What the model is asked to write around its answer."""

    think: bool = Field(True, description="ask for a reasoning trace, and require it")
    prefix: str = Field("", description="what the chat template writes of every response, such as <think>")


class RewardSettings(LastTermSettings):
    """R = task weight * (miou * R_miou + format * R_format); everything but the two weights is off by default.

    The weight of a task is the same for all responses to a row: it changes what is learned only where advantages are
    not scaled within the group (`grpo.scale_rewards` other than `group`).
    """

    task_weights: dict[str, Weight] = Field(
        default_factory=dict, description="factor of the reward by a task's full name; default 1"
    )

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


TERMS: tuple[Term[RewardSettings], ...] = tuple(
    mark for field in RewardSettings.model_fields.values() for mark in field.metadata if isinstance(mark, Term)
)


class Rules(Section):
    """The two sections of a recipe that decide what a response earns."""

    reward: RewardSettings = RewardSettings()
    prompt: PromptSettings = PromptSettings()
