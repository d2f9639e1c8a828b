"""Defines all recipe settings, with their defaults, limits, and meanings.

The sections `sft` and `grpo` contain settings of TRL's SFTConfig and GRPOConfig, with TRL's names. These settings are
checked and then passed to TRL.
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from cgc_data.common.settings import Section, Share, Weight
from cgc_data.tasks import CONTRASTS, check_ids
from cgc_train.families import LORA_TARGETS
from cgc_train.reward.settings import PromptSettings, RewardSettings


class LoraSettings(Section):
    """Settings of low-rank adapters, which are trained instead of all weights."""

    rank: int = Field(64, ge=1, description="rank of the adapters")
    alpha: int = Field(128, ge=1, description="scaling factor of the update: the update is multiplied by alpha / rank")
    dropout: Share = Field(0.0, description="dropout before the adapters")
    targets: str = Field(
        LORA_TARGETS, description=("regular expression for the names of the modules that get an adapter")
    )

    @field_validator("targets")
    @classmethod
    def _no_head(cls, targets: str) -> str:
        if "lm_head" in targets:
            raise ValueError(
                "an adapter on lm_head cannot be trained with the fused loss; remove lm_head from the targets"
            )
        return targets


class ModelSettings(Section):
    """The model to train."""

    name: str = Field(description="Hub id of the model, or a folder with its weights and processor")
    revision: str | None = Field(None, description="commit or tag on the Hub; null: the latest")
    dtype: Literal["float32", "bfloat16"] = Field("bfloat16", description="data type of the weights")
    attention: Literal["sdpa", "eager", "flash_attention_2"] = Field("sdpa", description="attention kernel")
    freeze_vision: bool = Field(True, description="freeze the vision tower and its merger")
    lora: LoraSettings | None = Field(
        None, description=("adapters to train; null: train all weights of the language model")
    )
    quantize: Literal["nf4"] | None = Field(None, description="nf4: store the base weights in 4 bits; only with LoRA")

    @model_validator(mode="after")
    def _quantized_needs_lora(self) -> "ModelSettings":
        if self.quantize and self.lora is None:
            raise ValueError("quantized weights cannot be trained; set lora, or quantize=null")
        return self


class DataSettings(Section):
    """The data to train on, and the held-out data."""

    release: str = Field(description="folder of a release, or its Hub id")
    revision: str | None = Field(None, description="tag of the release on the Hub; null: the latest")
    photos: str | None = Field(None, description="folder or .zip with the photos, for a release that stores no images")
    split: Literal["train", "validation", "test"] = Field("train", description="split to train on")
    contrasts: list[str] = Field(list(CONTRASTS), min_length=1, description="contrasts to use")
    tasks: list[str] = Field(default_factory=list, description="full names of the tasks to use; []: all tasks")
    distractors: list[str] = Field(default_factory=list, description="kinds of distractors to use; []: all kinds")
    distractor_images: bool = Field(True, description="false: show only images that contain a target object")
    max_pixels: int = Field(
        409600, ge=1024, description="maximum number of pixels per image; larger images are downscaled"
    )
    keep: str | None = Field(
        None, description=("file that lists the rows to train on, such as the output of `cgc-train difficulty`")
    )
    curriculum: Literal["none", "easy_first", "by_reward"] = Field("none", description="order of the rows")
    limit: int | None = Field(None, ge=1, description="maximum number of rows; null: all rows")
    seed: int = Field(0, ge=0, description="seed that sets the order of the rows")
    held_out_split: Literal["train", "validation", "test"] = Field("validation", description="held-out split")
    held_out_rows: int = Field(
        64, ge=0, description=("number of held-out rows per evaluation, rounded up so that paired rows stay together")
    )
    held_out_every: int = Field(50, ge=0, description="steps between evaluations; 0: none")

    @field_validator("contrasts")
    @classmethod
    def _known_contrasts(cls, contrasts: list[str]) -> list[str]:
        if unknown := [name for name in contrasts if name not in CONTRASTS]:
            raise ValueError(f"{unknown[0]!r} is not a contrast; choose from {', '.join(CONTRASTS)}")
        return contrasts

    @field_validator("tasks")
    @classmethod
    def _known_tasks(cls, tasks: list[str]) -> list[str]:
        check_ids(tasks)
        return tasks

    @model_validator(mode="after")
    def _measured(self) -> "DataSettings":
        if self.curriculum == "by_reward" and self.keep is None:
            raise ValueError("curriculum=by_reward needs keep=FILE; `cgc-train difficulty` writes this file")
        return self

    @model_validator(mode="after")
    def _held_out(self) -> "DataSettings":
        if self.held_out_every and self.held_out_rows and self.held_out_split == self.split:
            raise ValueError(
                f"split {self.split!r} is used both for training and for held-out rows; set another "
                "held_out_split, or set held_out_every=0"
            )
        return self


class GroupSettings(Section):
    """Settings that define which groups of completions are useless for training, and how often to replace them."""

    resample: int = Field(
        0, ge=0, description=("maximum number of extra sampling rounds that replace useless groups of completions")
    )
    min_spread: Weight = Field(
        0.0,
        description=(
            "a group of completions counts as useless if the standard deviation of its rewards is below this value"
        ),
    )
    min_mean: Weight = Field(
        0.0, description="a group of completions counts as useless if its mean reward is below this value"
    )
    max_mean: Weight | None = Field(
        None,
        description=("a group of completions counts as useless if its mean reward is above this value; null: no limit"),
    )


class BenchmarkSettings(Section):
    """An external benchmark that runs alongside training."""

    command: str | None = Field(
        None,
        description=(
            "bash command with the placeholders {model} (model folder) and {out} (folder for JSON results); "
            "null: no benchmark"
        ),
    )
    every: int = Field(
        0, ge=0, description="number of training steps between benchmarks; must be a multiple of grpo.save_steps"
    )
    minutes: float = Field(60, gt=0, description="time limit of a command")

    @model_validator(mode="after")
    def _both(self) -> "BenchmarkSettings":
        if (self.command is None) != (self.every == 0):
            raise ValueError("set both command and every, or neither")
        if missing := [place for place in ("{model}", "{out}") if self.command and place not in self.command]:
            raise ValueError(f"command must contain the placeholder {missing[0]}, which stands for a folder")
        return self


class HubSettings(Section):
    """Settings for the upload of checkpoints to the Hub during training."""

    repo: str | None = Field(None, description=("ORG/NAME of the Hub repository for checkpoints; null: no upload"))
    private: bool = Field(True, description="make the repository private if the run creates it")


class WarningSettings(Section):
    """Thresholds for the warnings about wrong `[]` answers and about groups that are useless for training."""

    false_empty: Share = Field(
        0.2,
        description=(
            "print a warning if the model answers [] to at least this share of the questions whose ground-truth "
            "answer is not empty"
        ),
    )
    idle_groups: Share = Field(
        0.8, description="print a warning if at least this share of the groups is useless for training"
    )
    rise: Share = Field(
        0.1,
        description=(
            "print a warning only if the share of wrong [] answers has risen by at least this value since the "
            "start of the run"
        ),
    )


class Recipe(Section):
    """A complete run: the model, the data, the reward, the training settings, and the hardware."""

    name: str = Field(description="name of the recipe")
    accelerate: Literal["cpu", "ddp", "zero2", "zero3", "zero3-2x8", "fsdp2"] = Field(
        "ddp", description="name of a launch file that this package includes"
    )
    gpus: int = Field(1, ge=1, description="number of processes")
    gpu_memory_gb: float | None = Field(None, gt=0, description="memory of each GPU; null: no GPU")
    effective_batch: int | None = Field(
        None, ge=1, description=("expected number of completions per optimizer step; null: not checked")
    )
    model: ModelSettings
    data: DataSettings
    prompt: PromptSettings = Field(default_factory=PromptSettings)
    reward: RewardSettings = Field(default_factory=RewardSettings)
    sft: dict[str, Any] = Field(default_factory=dict, description="settings of TRL's SFTConfig")
    grpo: dict[str, Any] = Field(default_factory=dict, description="settings of TRL's GRPOConfig")
    groups: GroupSettings = Field(default_factory=GroupSettings)
    benchmark: BenchmarkSettings = Field(default_factory=BenchmarkSettings)
    hub: HubSettings = Field(default_factory=HubSettings)
    warnings: WarningSettings = Field(default_factory=WarningSettings)

    @model_validator(mode="after")
    def _vllm_takes_whole_weights(self) -> "Recipe":
        if self.model.quantize and self.grpo.get("use_vllm"):
            raise ValueError("adapters cannot be merged into four-bit weights for vLLM; set grpo.use_vllm=false")
        return self

    @property
    def sharing(self) -> str:
        """How the GPUs share the work: the launch file's name without its size, such as `zero3` for `zero3-2x8`."""
        return self.accelerate.partition("-")[0]
