"""A Qwen3-VL of a few hundred thousand weights, in the folder layout of the real one: random, or warmed up.

It is no model to use: it exists so that every path of training and benchmark runs on a CPU. The warmed-up one answers
in the right form about photos as `cgc-data paint large` paints them, so that GRPO has answers to rank.
"""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from cgc_train.errors import ModelError
from cgc_train.protocols import Tokenizer
from cgc_train.tiny.tokenizer import END, IMAGE, PAD, VIDEO, VISION_END, VISION_START, train_tokenizer

# One merged patch is 32 x 32 pixels; the largest image is 8 x 8 of them.
MIN_PIXELS, MAX_PIXELS = 32 * 32, 256 * 256

# Larger than the real model's 0.02: so few weights would otherwise pass on next to nothing of what they see.
INITIAL_STD = 0.1
# Positions of patches stand out from their contents, or the model does not learn where something is.
POSITION_SCALE = 20.0
# Rows of the real embedding; more than its tokenizer has tokens.
REAL_ROWS = 151936
HEAD_SIZES = (16, 32)
# Folder with the warmed-up model, in float16.
WARM = "warm"


def write_tiny(folder: Path, *, seed: int = 0, real_tokens: bool = False, head_size: int = 16) -> Path:
    """Write a tiny random Qwen3-VL with tokenizer, processor and chat template; the same bytes for the same seed.

    Stock `AutoProcessor` and `AutoModelForImageTextToText` load the folder.

    Args:
        folder: new or empty.
        seed: of the weights.
        real_tokens: as many rows of the embedding, and the same ids of special tokens, as the real model has.
        head_size: width of an attention head, one of `HEAD_SIZES`.

    Raises:
        ModelError: the folder is not empty.
    """
    _check_empty(folder)
    processor = tiny_processor(real_tokens=real_tokens)
    model = _model(_configuration(processor.tokenizer, real_tokens, head_size), processor.tokenizer, seed)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def write_warm(folder: Path) -> Path:
    """Write the tiny model that was warmed up on painted photos, in float32; the same bytes whenever it is written.

    Its weights and its tokenizer are those of `WARM`, which `scripts/make_warm_start.py` makes.

    Args:
        folder: new or empty.

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
        raise ModelError(f"{folder}: not an empty folder; give another one, or delete it")


def tiny_processor(*, real_tokens: bool = False, pixels: tuple[int, int] = (MIN_PIXELS, MAX_PIXELS)) -> Any:
    """The processor of the tiny model: images of `pixels` at least and at most, padding on the left."""
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    size = dict(zip(("shortest_edge", "longest_edge"), pixels, strict=True))
    common = {"patch_size": 16, "merge_size": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": size}
    template = (files("cgc_train.tiny") / "template.jinja").read_text(encoding="utf-8")
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**common),
        tokenizer=train_tokenizer(real_ids=real_tokens),
        video_processor=Qwen3VLVideoProcessor(**common),
        chat_template=template,
    )


def _model(configuration: Any, tokenizer: Tokenizer, seed: int) -> Any:
    import torch
    from transformers import GenerationConfig, Qwen3VLForConditionalGeneration

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3VLForConditionalGeneration(configuration)
        with torch.no_grad():
            model.model.visual.pos_embed.weight.mul_(POSITION_SCALE)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.convert_tokens_to_ids(END), pad_token_id=tokenizer.convert_tokens_to_ids(PAD)
    )
    return model


def _configuration(tokenizer: Tokenizer, real_tokens: bool, head_size: int) -> Any:
    from transformers import Qwen3VLConfig

    def token(name: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(name))

    return Qwen3VLConfig(
        text_config={
            "vocab_size": REAL_ROWS if real_tokens else len(tokenizer),
            "hidden_size": 64,
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
            "eos_token_id": token(END),
            "pad_token_id": token(PAD),
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 32 // head_size,
            "out_hidden_size": 64,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
            "initializer_range": INITIAL_STD,
        },
        image_token_id=token(IMAGE),
        video_token_id=token(VIDEO),
        vision_start_token_id=token(VISION_START),
        vision_end_token_id=token(VISION_END),
        tie_word_embeddings=True,
    )
