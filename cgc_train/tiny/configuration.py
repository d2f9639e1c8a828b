"""Configurations of tiny models. Each configuration has the distinctive parts of its model family, at minimal size."""

from typing import Any

from cgc_train.families import Family
from cgc_train.protocols import Tokenizer
from cgc_train.tiny.tokenizer import END, IMAGE, PAD, VIDEO, VISION_END, VISION_START

# Larger than the real model's 0.02, because a smaller value would weaken the signal too much with so few weights.
INITIAL_STD = 0.1
# Number of rows in the real embedding, which is larger than the number of tokens in the tokenizer.
REAL_ROWS = 151936
HIDDEN = 64
# Each token is routed to two of four experts; the shared expert is as wide as each of them.
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 96}
SHARED_EXPERT = {"shared_expert_intermediate_size": 96}
# One layer of each kind.
LINEAR_ATTENTION = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
}
OWN: dict[str, dict[str, object]] = {
    "qwen3_vl": {},
    "qwen3_vl_moe": {**EXPERTS},
    "qwen3_5": {**LINEAR_ATTENTION},
    "qwen3_5_moe": {**EXPERTS, **SHARED_EXPERT, **LINEAR_ATTENTION},
}


def configuration(family: Family, tokenizer: Tokenizer, real_tokens: bool, head_size: int) -> Any:
    """Build the transformers configuration of a tiny model. For the arguments, see `cgc_train.tiny.write_tiny`."""
    from transformers import AutoConfig

    def token(name: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(name))

    rows = REAL_ROWS if real_tokens else len(tokenizer)
    ends = {"eos_token_id": token(END), "pad_token_id": token(PAD)}
    deep = {} if "layer_types" in OWN[family.model_type] else {"deepstack_visual_indexes": [0]}
    return AutoConfig.for_model(
        family.model_type,
        text_config={**_text(rows, head_size), **ends, **OWN[family.model_type]},
        vision_config={**_vision(head_size), **deep},
        image_token_id=token(IMAGE),
        video_token_id=token(VIDEO),
        vision_start_token_id=token(VISION_START),
        vision_end_token_id=token(VISION_END),
        tie_word_embeddings=True,
    )


def _text(rows: int, head_size: int) -> dict[str, object]:
    return {
        "vocab_size": rows,
        "hidden_size": HIDDEN,
        "intermediate_size": 192,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": head_size,
        "max_position_embeddings": 8192,
        "initializer_range": INITIAL_STD,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [head_size // 4, head_size // 8, head_size // 8],
            "mrope_interleaved": True,
        },
    }


def _vision(head_size: int) -> dict[str, object]:
    return {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 32 // head_size,
        "out_hidden_size": HIDDEN,
        "num_position_embeddings": 64,
        "initializer_range": INITIAL_STD,
    }
