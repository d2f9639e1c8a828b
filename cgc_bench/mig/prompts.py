"""Prompts from published scripts, and prompts that ask for reasoning and then for an answer in this project's answer
format.
"""

import re

from cgc_bench.mig.items import Item
from cgc_bench.scoring.profiles import Profile
from cgc_data.answer import ANSWER_FORM, build_messages, with_thinking
from cgc_data.answer.prompt import Message, Part

# The suffix that each script appends to every question for Qwen models, verbatim: that of MIG-Bench's authors, which
# opens the box twice, and that of UniVG-R1's authors, who revised the annotations, for Qwen and for their own model.
FORMS = {
    "authors": "Format:<|box_start|>(x1,y1),(x2,y2)<|box_start|>. Don't generate addtional words.",
    "univg-r1": "Format:<|box_start|>(x1,y1),(x2,y2)<|box_end|>. Don't generate addtional words.",
    "univg-r1-think": " First output the thinking process in <think> </think> tags and then output the bounding box in "
    "<answer> </answer> tags.",
}
_UNIVG_PIXELS = 401_408
PROFILES = (
    Profile("univg-r1", new_tokens=256, max_pixels=_UNIVG_PIXELS),
    Profile("authors", new_tokens=128),
    Profile("univg-r1-think", new_tokens=256, max_pixels=_UNIVG_PIXELS),
)

_BOX = re.compile(r"<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>")
_REFERENCE_TAG = re.compile(r"<\|object_ref_(?:start|end)\|>")


def official_text(item: Item, profile: str = PROFILES[0].name) -> str:
    """The text of a profile's prompt, which follows the images."""
    return item.question + FORMS[profile]


def think_text(item: Item) -> str:
    """The question without special tokens, followed by a request for this project's answer format. `messages` adds a
    request to write the reasoning and the answer in tags.
    """
    question = _REFERENCE_TAG.sub("", _BOX.sub(r"[\1, \2, \3, \4]", item.question)).strip()
    return f"{question} {ANSWER_FORM}"


def messages(item: Item, variant: str = "official", profile: str = "") -> list[Message]:
    """Chat messages with one `{"type": "image"}` part per image, in order. `variant` is `official` or `think`. `think`
    asks for reasoning before the answer.
    """
    if variant == "think":
        return with_thinking(build_messages(think_text(item), len(item.images)))
    parts: list[Part] = [{"type": "image", "text": None} for _ in item.images]
    return [
        {
            "role": "user",
            "content": [*parts, {"type": "text", "text": official_text(item, profile or PROFILES[0].name)}],
        }
    ]
