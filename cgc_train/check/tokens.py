"""How long prompts and answers are in tokens, by arithmetic: no image is opened.

An image of w x h pixels is (w / 32) * (h / 32) tokens of Qwen3-VL; text is counted by the model's tokenizer, or
estimated from above where there is none at hand.
"""

import math
from collections.abc import Callable, Sequence

from cgc_data.answer.prompt import Message
from cgc_train.model.template import rendered
from cgc_train.protocols import Processor

CountTokens = Callable[[str], int]

# What Qwen's chat template writes round one user message, and round each image.
TEMPLATE_TOKENS, IMAGE_MARKS = 12, 2


def estimate(text: str) -> int:
    """An upper estimate of the tokens of a text: two letters a token, and one a byte of everything but spaces.

    With Qwen's vocabulary a release's prompts have 1.5 to 1.8 times fewer tokens than this, and its answers 1.1 to 2
    times fewer: digits are a token each there.
    """
    letters = sum(1 for char in text if char.isascii() and char.isalpha())
    others = sum(len(char.encode()) for char in text if not (char.isascii() and (char.isalpha() or char.isspace())))
    return math.ceil(letters / 2) + others


def counter(processor: Processor | None) -> CountTokens:
    """Tokens of a text by the processor's tokenizer, or `estimate` without one."""
    if processor is None:
        return estimate

    def count(text: str) -> int:
        return len(processor.tokenizer(text, add_special_tokens=False)["input_ids"])

    return count


def image_tokens(width: int, height: int, token_pixels: int) -> int:
    """Tokens of an image whose sides are multiples of `token_pixels`."""
    return (width // token_pixels) * (height // token_pixels)


def prompt_tokens(
    messages: Sequence[Message], sizes: Sequence[tuple[int, int]], token_pixels: int, processor: Processor | None
) -> int:
    """Tokens of a whole prompt with its images, whose (width, height) are as the model sees them."""
    images = sum(image_tokens(width, height, token_pixels) for width, height in sizes)
    if processor is None:
        text = "".join(part["text"] or "" for message in messages for part in message["content"])
        return estimate(text) + TEMPLATE_TOKENS + IMAGE_MARKS * len(sizes) + images
    text = rendered(processor, messages)
    # the template writes one token for each image, which the processor then repeats
    return counter(processor)(text) - len(sizes) + images
