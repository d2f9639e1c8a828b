"""Trains a small byte-level tokenizer on this project's prompts and answers. It has Qwen's special tokens.

Each digit is a separate token, so that a number is always split into the same tokens.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cgc_data.answer import ANSWER_FORM, ANSWER_INSTRUCTION, THINK_INSTRUCTION, Object, format_response
from cgc_data.answer.wording import POOLS, Reference, ask, template_count
from cgc_data.tasks import labels_of_pool, pool_gives_box, pool_gives_image, pool_names_image
from cgc_data.vocabulary.names import readable
from cgc_train.protocols import Tokenizer

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION_START, VISION_END, IMAGE, VIDEO = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
SPECIAL = (PAD, START, END, VISION_START, VISION_END, IMAGE, VIDEO)

VOCABULARY = 1024

# Ids in Qwen3-VL's tokenizer; some programs find image positions by these ids, regardless of a model's configuration.
REAL_IDS = {PAD: 151643, START: 151644, END: 151645, VISION_START: 151652, VISION_END: 151653, IMAGE: 151655}
REAL_IDS |= {VIDEO: 151656}
REAL_VOCABULARY = 151669

# Phrases that every prompt and answer repeats are single tokens: prompts are short, and variable parts stand out.
PHRASES = (
    ANSWER_FORM,
    THINK_INSTRUCTION,
    ANSWER_INSTRUCTION,
    "Write the label as",
    "<think>",
    "</think>\n<answer>",
    "<answer>",
    "</answer>",
    '[{"img_idx": ',
    ', {"img_idx": ',
    ', "bbox_2d": [',
    '], "label": ',
    "}]",
    "[]",
    ", ",
)
# Many short texts, so that merges produce complete words.
LABELS: tuple[str, ...] = (
    "apple",
    "ball",
    "banana",
    "bench",
    "bicycle",
    "bird",
    "book",
    "bottle",
    "bowl",
    "car",
    "cat",
    "chair",
    "clock",
)
LABELS += ("cup", "dog", "horse", "kite", "laptop", "person", "potted plant", "sheep", "teddy bear", "umbrella", "vase")


def train_tokenizer(*, real_ids: bool = False) -> Tokenizer:
    """Train a Qwen2 tokenizer that pads on the left. Every call gives the same result.

    Without `real_ids`, the tokenizer has at most `VOCABULARY` tokens, plus the tokens for `PHRASES`.

    With `real_ids`, the tokenizer has the vocabulary size and the special token ids of Qwen3-VL's tokenizer. Filler
    tokens, which never occur in text, take up the rest of the vocabulary.
    """
    tokenizer = _untrained().train_new_from_iterator(corpus(), VOCABULARY - len(SPECIAL), show_progress=False)
    if real_ids:
        model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
        merges = [tuple(merge) for merge in model["merges"]]
        tokenizer = _untrained(vocab=_filled(model["vocab"]), merges=merges)
    tokenizer.padding_side = "left"
    tokenizer.add_tokens(list(PHRASES))
    trained: Tokenizer = tokenizer
    return trained


def _untrained(**model: object) -> Any:
    from transformers import Qwen2Tokenizer

    special = {"eos_token": END, "pad_token": PAD, "extra_special_tokens": list(SPECIAL)}
    return Qwen2Tokenizer(**special, padding_side="left", **model)


def _filled(trained: Mapping[str, int]) -> dict[str, int]:
    """Fill a trained vocabulary up to the size of Qwen3-VL's vocabulary.

    Special tokens get the same ids as in Qwen3-VL, and filler tokens take the unused ids.
    """
    words = {token: number for token, number in trained.items() if token not in SPECIAL}
    phrases = [phrase for phrase in PHRASES if phrase not in words]
    words |= {phrase: number for number, phrase in enumerate(phrases, max(words.values()) + 1)}
    vocabulary = words | REAL_IDS
    taken = set(vocabulary.values())
    return vocabulary | {f"<|unused_{n}|>": n for n in range(REAL_VOCABULARY) if n not in taken}


def corpus() -> Iterator[str]:
    """Yield the training text: every question phrasing with some object names, the instructions for reasoning and for
    the answer, and answers in the strict format.
    """
    for place, label in enumerate(LABELS):
        following = [readable(name) for name in (*LABELS[place:], *LABELS)]
        for pool in POOLS:
            box = (120, 88, 430, 512) if pool_gives_box(pool) else None
            reference = Reference(1, box) if box or pool_gives_image(pool) else None
            image = 2 if pool_names_image(pool) else None
            for number in range(template_count(pool)):
                yield ask(
                    pool,
                    number,
                    following[: labels_of_pool(pool)],
                    count_images=2 + number % 3,
                    ref=reference,
                    image=image,
                )
        yield format_response([Object(2, (305, 67, 849, 912), label)], "The images are looked at one by one.")
        yield format_response([], f"No image shows the {label}.")
        yield f"Image 1: \nImage 2: \n{THINK_INSTRUCTION}\n{ANSWER_INSTRUCTION}"
