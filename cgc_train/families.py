"""The supported model families: the settings that they share, and those in which they differ.

LoRA adapts attention, the MLP, and the shared expert. LoRA does not adapt the routed experts, because they are stored
as three-dimensional parameters instead of linear layers, and because each expert sees few tokens. In linear attention,
LoRA does not adapt the two projections that output one number per head.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
LINEAR_ATTENTION = ("in_proj_qkv", "in_proj_z", "out_proj")
MLP = ("gate_proj", "up_proj", "down_proj")

# Image placeholder tokens, which are the same in every family; a sampled placeholder would not match any image.
IMAGE_TOKEN = "<|image_pad|>"
VISUAL_TOKENS = ("<|vision_start|>", "<|vision_end|>", IMAGE_TOKEN, "<|video_pad|>")


@dataclass(frozen=True)
class Family:
    """Properties that are common to all models with the same architecture."""

    title: str  # name as its authors write it
    model_type: str  # model type as stated in config.json
    projections: tuple[str, ...]  # linear layers of the language model that get an adapter
    # Chat template setting that opens `<think>` or closes it immediately; "" if the template has no such setting.
    thinking: str = ""
    experts: bool = False  # whether each token is routed to some of many experts


FAMILIES = {
    family.model_type: family
    for family in (
        Family("Qwen3-VL", "qwen3_vl", (*ATTENTION, *MLP)),
        Family("Qwen3-VL MoE", "qwen3_vl_moe", (*ATTENTION, *MLP), experts=True),
        Family("Qwen3.5", "qwen3_5", (*ATTENTION, *LINEAR_ATTENTION, *MLP), "enable_thinking"),
        Family("Qwen3.5 MoE", "qwen3_5_moe", (*ATTENTION, *LINEAR_ATTENTION, *MLP), "enable_thinking", experts=True),
    )
}
THINKING_SWITCHES = tuple(dict.fromkeys(family.thinking for family in FAMILIES.values() if family.thinking))


def targets(projections: Iterable[str]) -> str:
    """Build a regular expression that matches these projections in the language model, but not in the vision tower.

    In vision towers, projections have the names `attn.qkv`, `attn.proj`, `mlp.linear_fc1`, and `mlp.linear_fc2`.
    """
    return rf".*language_model.*\.({'|'.join(projections)})"


# In each family, the pattern matches exactly the projections of that family.
LORA_TARGETS = targets((*ATTENTION, *LINEAR_ATTENTION, *MLP))
