"""Counts the tokens of prompts and answers without opening an image.

In Qwen3-VL, an image of w x h pixels has (w / 32) * (h / 32) tokens. Text is counted with the model's tokenizer. If the
tokenizer is not available, an upper estimate is used.
"""

import math
from collections.abc import Callable, Sequence

from cgc_data.answer.prompt import Message
from cgc_train.model.template import rendered
from cgc_train.protocols import Processor

CountTokens = Callable[[str], int]

# Tokens that Qwen's chat template adds around one user message, and around each image.
TEMPLATE_TOKENS, IMAGE_MARKS = 12, 2


def estimate(text: str) -> int:
    """Estimate the maximum number of tokens in a text.

    Every two ASCII letters count as one token. Every byte of any other character counts as one token, but ASCII spaces
    do not count. With Qwen's vocabulary, the estimate is 1.5 to 1.8 times the actual number for prompts. For answers,
    in which each digit is a token, it is 1.1 to 2 times the actual number.
    """
    letters = sum(1 for char in text if char.isascii() and char.isalpha())
    others = sum(len(char.encode()) for char in text if not (char.isascii() and (char.isalpha() or char.isspace())))
    return math.ceil(letters / 2) + others


def counter(processor: Processor | None) -> CountTokens:
    """Return a function that counts the tokens in a text with the processor's tokenizer. If `processor` is None, return
    `estimate`.
    """
    if processor is None:
        return estimate

    def count(text: str) -> int:
        return len(processor.tokenizer(text, add_special_tokens=False)["input_ids"])

    return count


def image_tokens(width: int, height: int, token_pixels: int) -> int:
    """Number of tokens for an image whose sides are multiples of `token_pixels`."""
    return (width // token_pixels) * (height // token_pixels)


def prompt_tokens(
    messages: Sequence[Message], sizes: Sequence[tuple[int, int]], token_pixels: int, processor: Processor | None
) -> int:
    """Number of tokens in a prompt with images. `sizes` contains the (width, height) of each image as the model sees
    it.
    """
    images = sum(image_tokens(width, height, token_pixels) for width, height in sizes)
    if processor is None:
        text = "".join(part["text"] or "" for message in messages for part in message["content"])
        return estimate(text) + TEMPLATE_TOKENS + IMAGE_MARKS * len(sizes) + images
    text = rendered(processor, messages)
    # the template writes one token per image, which the processor then repeats
    return counter(processor)(text) - len(sizes) + images
