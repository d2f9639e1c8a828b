"""Gives a warmed-up tiny model the vocabulary of the full-size Qwen3-VL. If the model had this vocabulary from the
start, its training would take hours.
"""

from pathlib import Path

import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer

from cgc_train.tiny import MIN_PIXELS, tiny_processor, write_tiny
from cgc_train.tiny.tokenizer import PAD

EMBEDDING = "model.language_model.embed_tokens.weight"
HEAD_SIZE = 32  # same as for all models that engines use
UNSAID = 3.0  # factor of the padding embedding, which no answer contains, for the added tokens


def widen(model: Path, folder: Path, max_pixels: int) -> Path:
    """Write a model with the vocabulary size and special token ids of the full-size Qwen3-VL, and a processor that
    limits images to `max_pixels`.

    The written model gives the same answers as the given model. It almost never produces a token that the given model
    lacks.
    """
    write_tiny(folder, real_tokens=True, head_size=HEAD_SIZE)
    wide = AutoModelForImageTextToText.from_pretrained(folder)
    weights = AutoModelForImageTextToText.from_pretrained(model).state_dict()
    numbers = [AutoTokenizer.from_pretrained(place).get_vocab() for place in (model, folder)]
    rows = wide.state_dict()[EMBEDDING]
    narrow = weights.pop(EMBEDDING)
    with torch.no_grad():
        rows.copy_((UNSAID * narrow[numbers[0][PAD]]).expand_as(rows))
        for token, number in numbers[0].items():
            rows[numbers[1][token]] = narrow[number]
    wide.load_state_dict({**weights, EMBEDDING: rows, "lm_head.weight": rows})
    wide.save_pretrained(folder)
    tiny_processor(real_tokens=True, pixels=(MIN_PIXELS, max_pixels)).save_pretrained(folder)
    return folder
