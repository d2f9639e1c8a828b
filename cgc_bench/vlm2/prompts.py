"""The prompts of the benchmark's authors. The variant `think` also asks the model to reason first, and to put
the answer in tags.
"""

from cgc_bench.vlm2.items import Item
from cgc_data.answer.prompt import Message, Part

THINK_FORM = (
    "First reason about every image between <think> and </think>, then write only the answer, in the form asked for, "
    "between <answer> and </answer>."
)
# The authors' limits on new tokens, by group of subtasks.
OFFICIAL_NEW_TOKENS = {"gc": 512, "oc": 2048, "pc": 2048}
THINK_NEW_TOKENS = 2048


def official_text(item: Item) -> str:
    """The authors' prompt, placed after the images."""
    return f"\n{item.question}"


def think_text(item: Item) -> str:
    """The authors' prompt, with a request to reason first."""
    return f"{official_text(item)}\n{THINK_FORM}"


def messages(item: Item, variant: str = "official") -> list[Message]:
    """Chat messages with one `{"type": "image"}` part per image, in order. `variant` is `official`, or `think` to ask
    for reasoning first.
    """
    text = think_text(item) if variant == "think" else official_text(item)
    parts: list[Part] = [{"type": "image", "text": None} for _ in item.images]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]
