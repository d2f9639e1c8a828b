"""The prompt side of the answer contract: how a prompt introduces images, and which answer format it requests.

In a release, each question contains `ANSWER_FORM`, which describes the answer list. The questions do not mention tags.
Training and the benchmark add the instructions about tags with `with_thinking`.
"""

from collections.abc import Sequence
from typing import TypedDict

ANSWER_FORM = (
    "The images are numbered from 1 in the order shown. Answer with a JSON list that has one entry per object, "
    '{"img_idx": image number, "bbox_2d": [x1, y1, x2, y2], "label": name}, where the coordinates are integers from 0 '
    "to 1000 relative to the width and height of that image; answer [] if there is no such object."
)
ANSWER_INSTRUCTION = "Write the JSON list between <answer> and </answer>, and nothing else."
THINK_INSTRUCTION = (
    "First reason about every image between <think> and </think>, then write the JSON list between <answer> and "
    "</answer>, and nothing else."
)


class _Placed(TypedDict, total=False):
    place: int


class Part(_Placed):
    """One part of a message: a text or an image. The `text` of an image part is None, or the placeholder that
    represents the image if the prompt is plain text.

    If a prompt does not show the images in the order in which they are passed, each image part has a `place`: the
    0-based position of its image among the passed images.
    """

    type: str
    text: str | None


class Message(TypedDict):
    """One chat message in the form that TRL and Qwen's chat template expect."""

    role: str
    content: list[Part]


def build_messages(question: str, num_images: int) -> list[Message]:
    """One user message: `Image 1:` to `Image N:`, each followed by its image, and then the question.

    Each part contains only `type` and `text`. The images themselves are passed separately, in the same order.
    """
    content: list[Part] = []
    for number in range(1, num_images + 1):
        content.append(_text(f"{'' if number == 1 else chr(10)}Image {number}: "))
        content.append({"type": "image", "text": None})
    content.append(_text(f"\n{question}"))
    return [{"role": "user", "content": content}]


def with_thinking(messages: Sequence[Message], *, require_think: bool = True) -> list[Message]:
    """A copy of `messages` whose last message also requests the think and answer tags.

    If `require_think` is false, the prompt requests only the answer tags. Set it to false for models that reason
    without being asked, and for models that do not reason.
    """
    instruction = THINK_INSTRUCTION if require_think else ANSWER_INSTRUCTION
    *before, last = messages
    content = [_text(last["content"])] if isinstance(last["content"], str) else list(last["content"])
    return [*before, {**last, "content": [*content, _text(f"\n{instruction}")]}]


def _text(text: str) -> Part:
    return {"type": "text", "text": text}
