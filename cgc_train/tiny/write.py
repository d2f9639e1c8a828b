"""Writes a tiny model, such as a Qwen3-VL with a few hundred thousand weights, in the folder layout of the full-size
model.

The weights are random or warmed up (trained on the answer format).

The model answers too poorly to be useful, but all training and benchmark code can run with it on a CPU. The warmed-up
model answers questions about photos from `cgc-data paint single` in the right format, so that you can train it further
with GRPO.
"""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from cgc_train.errors import ModelError
from cgc_train.families import FAMILIES, Family
from cgc_train.protocols import Tokenizer
from cgc_train.tiny.configuration import configuration
from cgc_train.tiny.tokenizer import END, PAD, train_tokenizer

QWEN3_VL = "qwen3_vl"
# Chat templates: the first writes no part of the response; the second opens `<think>` and can also close it.
PLAIN, THINKING = "template.jinja", "thinking.jinja"

# A merged patch is 32 x 32 pixels; the largest image has 8 x 8 patches.
MIN_PIXELS, MAX_PIXELS = 32 * 32, 256 * 256

# Patch positions must be strong relative to patch contents; otherwise, the model does not learn where objects are.
POSITION_SCALE = 20.0
HEAD_SIZES = (16, 32)
# Folder with the warmed-up model, in float16.
WARM = "warm"


def write_tiny(
    folder: Path, *, family: str = QWEN3_VL, seed: int = 0, real_tokens: bool = False, head_size: int = 16
) -> Path:
    """Write a tiny random model with tokenizer, processor, and chat template. The same seed always gives the same
    files.

    You can load the folder with stock `AutoProcessor` and `AutoModelForImageTextToText`.

    Args:
        folder: a new or empty folder.
        family: model type, one of `cgc_train.families.FAMILIES`.
        seed: random seed of the weights.
        real_tokens: use the embedding size and the special token ids of the full-size Qwen3-VL.
        head_size: width of an attention head, one of `HEAD_SIZES`.

    Raises:
        ModelError: the folder is not empty, the family does not exist, or `real_tokens` is not available for the
            family.
    """
    _check_empty(folder)
    kind = _family(family, real_tokens)
    processor = tiny_processor(real_tokens=real_tokens, template=THINKING if kind.thinking else PLAIN)
    model = _model(configuration(kind, processor.tokenizer, real_tokens, head_size), processor.tokenizer, seed)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def write_warm(folder: Path) -> Path:
    """Write the tiny model that was warmed up on painted photos. The weights are in float32.

    Every call writes the same files.

    The weights and the tokenizer are stored in `WARM`. They were created with `scripts/make_warm_start.py`.

    Args:
        folder: a new or empty folder.

    Raises:
        ModelError: the folder is not empty.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    _check_empty(folder)
    with as_file(files("cgc_train.tiny") / WARM) as shipped:
        model = AutoModelForImageTextToText.from_pretrained(shipped, dtype="float32")
        processor = AutoProcessor.from_pretrained(shipped)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _check_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ModelError(f"{folder}: not an empty folder; choose another one, or delete it")


def _family(model_type: str, real_tokens: bool) -> Family:
    if model_type not in FAMILIES:
        raise ModelError(f"unknown model family {model_type!r}; choose from {', '.join(FAMILIES)}")
    family = FAMILIES[model_type]
    if real_tokens and family.thinking:
        raise ModelError(f"the tiny {family.title} does not support real tokens; choose a family of Qwen3-VL")
    return family


def tiny_processor(
    *, real_tokens: bool = False, pixels: tuple[int, int] = (MIN_PIXELS, MAX_PIXELS), template: str = PLAIN
) -> Any:
    """Build the processor of the tiny model, with left padding.

    `pixels` contains the minimum and the maximum number of pixels per image.
    """
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    size = dict(zip(("shortest_edge", "longest_edge"), pixels, strict=True))
    common = {"patch_size": 16, "merge_size": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": size}
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**common),
        tokenizer=train_tokenizer(real_ids=real_tokens),
        video_processor=Qwen3VLVideoProcessor(**common),
        chat_template=(files("cgc_train.tiny") / template).read_text(encoding="utf-8"),
    )


def _model(shape: Any, tokenizer: Tokenizer, seed: int) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText, GenerationConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForImageTextToText.from_config(shape)
        with torch.no_grad():
            model.model.visual.pos_embed.weight.mul_(POSITION_SCALE)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.convert_tokens_to_ids(END), pad_token_id=tokenizer.convert_tokens_to_ids(PAD)
    )
    return model
