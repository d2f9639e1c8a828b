"""Settings of the reward: its weights, its options, and the switches that an ablation turns off."""

from pydantic import Field, field_validator

from cgc_data.common.settings import Section, Share, Weight
from cgc_data.tasks import Task, check_ids


class PromptSettings(Section):
    """What the model is asked to write around its answer."""

    think: bool = Field(True, description="ask for a reasoning trace, and require it")
    prefix: str = Field("", description="what the chat template writes of every response, such as <think>")


class RewardSettings(Section):
    """R = task weight * (miou * R_miou + format * R_format); everything but the two weights is off by default.

    The weight of a task is the same for all responses to a row: it changes what is learned only where advantages are
    not scaled within the group (`grpo.scale_rewards` other than `group`).
    """

    miou: Weight = Field(1.0, description="weight of the source-aware set-wise IoU")
    format: Weight = Field(1.0, description="weight of a strictly valid answer")
    power: float = Field(1.0, gt=0, allow_inf_nan=False, description="exponent of IoU; above 1 rewards tight boxes")
    floor: Share = Field(0.0, description="IoU below this counts 0")
    format_needs_miou: bool = Field(False, description="pay the format only where R_miou > 0")
    task_weights: dict[str, Weight] = Field(
        default_factory=dict, description="factor of the reward by a task's full name; default 1"
    )
    source_aware: bool = Field(True, description="false (ablation): a box may match a true one of any image")
    set_wise: bool = Field(
        True, description="false (ablation): mean over true objects of the best IoU of any box; |P| is not counted"
    )

    @field_validator("task_weights")
    @classmethod
    def _known_tasks(cls, weights: dict[str, float]) -> dict[str, float]:
        check_ids(weights)
        return weights

    def task_weight(self, task: Task | None) -> float:
        """The factor of a task's reward; 1 if the task is not known."""
        return self.task_weights.get(task.id, 1.0) if task else 1.0


class Rules(Section):
    """The two sections of a recipe that decide what a response earns."""

    reward: RewardSettings = RewardSettings()
    prompt: PromptSettings = PromptSettings()
