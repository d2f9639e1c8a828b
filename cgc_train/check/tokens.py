"""Lengths of prompts and answers in tokens, computed without opening an image.

An image of w x h pixels is (w / 32) * (h / 32) tokens of Qwen3-VL. Text is counted with the model's tokenizer. If it is
not available, an upper estimate is used.
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
    """Upper estimate of the number of tokens in a text: one token per two letters, and one per byte of other characters
    except spaces.

    With Qwen's vocabulary, prompts of a release have 1.5 to 1.8 times fewer tokens than this, and answers 1.1 to 2
    times fewer, because each digit is a token.
    """
    letters = sum(1 for char in text if char.isascii() and char.isalpha())
    others = sum(len(char.encode()) for char in text if not (char.isascii() and (char.isalpha() or char.isspace())))
    return math.ceil(letters / 2) + others


def counter(processor: Processor | None) -> CountTokens:
    """Count the tokens in a text with the processor's tokenizer, or with `estimate` if there is no processor."""
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
    """Number of tokens in a prompt with its images. `sizes` contains the (width, height) that the model sees."""
    images = sum(image_tokens(width, height, token_pixels) for width, height in sizes)
    if processor is None:
        text = "".join(part["text"] or "" for message in messages for part in message["content"])
        return estimate(text) + TEMPLATE_TOKENS + IMAGE_MARKS * len(sizes) + images
    text = rendered(processor, messages)
    # the template writes one token per image, which the processor then repeats
    return counter(processor)(text) - len(sizes) + images
