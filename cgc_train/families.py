"""The families of models that are trained here: what they differ in, and what they share.

Experts are not adapted: they are parameters of three dimensions and no linear layers, and each sees few of the tokens.
Attention is, and the expert that all tokens share. Nor are the two projections of linear attention whose outputs are
one number a head.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
LINEAR_ATTENTION = ("in_proj_qkv", "in_proj_z", "out_proj")
MLP = ("gate_proj", "up_proj", "down_proj")

# Tokens that stand for pixels, the same in every family; sampled ones would not match any image.
IMAGE_TOKEN = "<|image_pad|>"
VISUAL_TOKENS = ("<|vision_start|>", "<|vision_end|>", IMAGE_TOKEN, "<|video_pad|>")


@dataclass(frozen=True)
class Family:
    """What models of one architecture have in common."""

    title: str  # as its makers write it
    model_type: str  # as config.json writes it
    projections: tuple[str, ...]  # linear layers of the language model that get an adapter
    # Setting of the chat template that lets it open `<think>` or closes it at once; "": there is none.
    thinking: str = ""
    experts: bool = False  # whether each token is sent to some of many experts


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
    """A regular expression of modules of the language model by the last part of their names.

    Vision towers call theirs `attn.qkv`, `attn.proj`, `mlp.linear_fc1` and `mlp.linear_fc2`.
    """
    return rf".*language_model.*\.({'|'.join(projections)})"


# In each family it finds the projections of that family, and nothing else.
LORA_TARGETS = targets((*ATTENTION, *LINEAR_ATTENTION, *MLP))
