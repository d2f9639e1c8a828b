"""Writes a model with the architecture of Qwen3-VL-8B and random weights, for `scripts/check_gpu.py`. The files take up
18 GB, and writing them takes half a minute.

Usage: python scripts/write_random.py FOLDER
"""

import sys
from pathlib import Path

import torch
from transformers import GenerationConfig, Qwen3VLForConditionalGeneration

from cgc_train.model import qwen3_vl_8b_config
from cgc_train.model.load import default_device
from cgc_train.tiny import tiny_processor

# Each image has 330 to 400 tokens, so that six of them approach the longest prompts that the recipes state.
PIXELS = (330 * 1024, 16_777_216)


def write_random(folder: Path) -> None:
    """Write a model with weights in bfloat16, and its processor.

    The tokenizer is that of the tiny model, but special tokens have the ids of the real Qwen3-VL.
    """
    processor = tiny_processor(real_tokens=True, pixels=PIXELS)
    with torch.device(default_device()):
        model = Qwen3VLForConditionalGeneration._from_config(qwen3_vl_8b_config(), dtype=torch.bfloat16)
    ends, pads = processor.tokenizer.eos_token_id, processor.tokenizer.pad_token_id
    model.generation_config = GenerationConfig(eos_token_id=ends, pad_token_id=pads)
    model.save_pretrained(folder, max_shard_size="5GB")
    processor.save_pretrained(folder)


if __name__ == "__main__":
    write_random(Path(sys.argv[1]))
