"""Settings of the reward: its weights, its options, and the switches that an ablation turns off."""

from typing import Literal

from pydantic import Field

from cgc_data.common.settings import Section, Share, Weight

Task = Literal["locate", "locate_all", "same_object", "absent"]


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
    task_weights: dict[Task, Weight] = Field(default_factory=dict, description="factor of a task's reward; default 1")
    source_aware: bool = Field(True, description="false (ablation): a box may match a true one of any image")
    set_wise: bool = Field(
        True, description="false (ablation): mean over true objects of the best IoU of any box; |P| is not counted"
    )

    def task_weight(self, task: str) -> float:
        """The factor of a task's reward."""
        return next((weight for name, weight in self.task_weights.items() if name == task), 1.0)


class Rules(Section):
    """The two sections of a recipe that decide what a response earns."""

    reward: RewardSettings = RewardSettings()
    prompt: PromptSettings = PromptSettings()
