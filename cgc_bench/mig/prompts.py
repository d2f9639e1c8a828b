"""What a model is asked: as the benchmark's authors ask, or by the answer contract with reasoning before it."""

import re

from cgc_bench.mig.items import Item
from cgc_data.answer import ANSWER_FORM, build_messages, with_thinking
from cgc_data.answer.prompt import Message, Part

# The form of answer that the authors append to every question for Qwen models, spelt as they spell it.
OFFICIAL_FORM = "Format:<|box_start|>(x1,y1),(x2,y2)<|box_end|>. Don't generate addtional words."
OFFICIAL_NEW_TOKENS = 256
THINK_NEW_TOKENS = 2048

_BOX = re.compile(r"<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>")
_REFERENCE_TAG = re.compile(r"<\|object_ref_(?:start|end)\|>")


def official_text(item: Item) -> str:
    """The authors' prompt, which follows the images."""
    return item.question + OFFICIAL_FORM


def think_text(item: Item) -> str:
    """The question in plain words with the form of the answer contract; tags are asked for by the messages."""
    question = _REFERENCE_TAG.sub("", _BOX.sub(r"[\1, \2, \3, \4]", item.question)).strip()
    return f"{question} {ANSWER_FORM}"


def messages(item: Item, variant: str = "official") -> list[Message]:
    """Chat messages with a part `{"type": "image"}` an image, in order; `variant` is `official` or `think`."""
    if variant == "think":
        return with_thinking(build_messages(think_text(item), len(item.images)))
    parts: list[Part] = [{"type": "image", "text": None} for _ in item.images]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": official_text(item)}]}]
