"""Configurations of models that are small enough to run layer by layer."""

from typing import Any

from transformers import Qwen3VLConfig

Sizes = dict[str, int]


def small_config(text: Sizes | None = None, vision: Sizes | None = None) -> Any:
    """A Qwen3-VL configuration of a few thousand weights, sizes of its text and vision parts as given."""
    small = {"hidden_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 256}
    seen = {"hidden_size": 64, "num_heads": 4, "intermediate_size": 128, "num_position_embeddings": 256}
    text = {**small, "head_dim": 32, "num_hidden_layers": 3, "vocab_size": 100, **(text or {})}
    section = [text["head_dim"] // 2 - 2 * (text["head_dim"] // 8), text["head_dim"] // 8, text["head_dim"] // 8]
    turn = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": section, "mrope_interleaved": True}
    config = Qwen3VLConfig(
        text_config={**text, "rope_parameters": turn},
        vision_config={**seen, "depth": 3, "out_hidden_size": text["hidden_size"], **(vision or {})}
        | {"deepstack_visual_indexes": [0, 1, 2]},
        image_token_id=99,
        video_token_id=98,
        vision_start_token_id=97,
        vision_end_token_id=96,
    )
    config._attn_implementation = "sdpa"
    return config
