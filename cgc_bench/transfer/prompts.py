"""The prompts of each profile, and the positions of the images in the prompts.

The profile `lmms-eval` contains the prompts of lmms-eval's tasks. `vlmevalkit` contains VLMEvalKit's prompts for
Qwen3-VL. `authors` contains the prompts in the scripts of each benchmark's authors. For sources, see
docs/comparability.md.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from cgc_bench.scoring.profiles import Profile
from cgc_bench.transfer.items import Item
from cgc_bench.transfer.texts import authors_text, lmms_text, qwen3_vl_text, vlmevalkit_text
from cgc_bench.vlm2.prompts import THINK_FORM
from cgc_data.answer.prompt import Message, Part

# Maximum new tokens in lmms-eval's tasks; its MMStar task sets no limit and gets the default of lmms-eval's models.
_LMMS_TOKENS = {"mathvista": 16_384, "muirbench": 16, "mmstar": 128, "mmmu_val": 128, "blink": 1024}
_QWEN = "lmms-eval:qwen3_vl"
PROFILES = (
    Profile(
        "lmms-eval",
        new_tokens=_LMMS_TOKENS,
        models={"qwen3_vl": ("mmstar", "mmmu_val")},
        unknown={"neo_ov": ("blink",), "phi3v": ("mathvista",)},
    ),
    Profile("lmms-eval-default", new_tokens=_LMMS_TOKENS),
    Profile("vlmevalkit", new_tokens=16_384, protocol="vlmevalkit"),
    Profile("authors", protocol="authors"),
)
_TEXTS: Mapping[str, Callable[[Item], str]] = {
    "lmms-eval": lmms_text,
    "lmms-eval-default": lmms_text,
    _QWEN: qwen3_vl_text,
    "vlmevalkit": vlmevalkit_text,
    "authors": authors_text,
}
_MARK = re.compile(r"<image(?: (\d+))?>")


def text(item: Item, variant: str = "official", profile: str = "") -> str:
    """The prompt. Placeholders such as `<image>` and `<image 2>` are kept as the authors of the question wrote them."""
    if variant == "think":
        return f"{lmms_text(item)}\n{THINK_FORM}"
    return _TEXTS[profile or PROFILES[0].name](item)


def messages(item: Item, variant: str = "official", profile: str = "") -> list[Message]:
    """Chat messages. Each image part has two additional keys. `place` is the 0-based number of the image. `text` is the
    placeholder that replaces the image in a plain-text prompt, or None.

    Prompts that ask for reasoning, and the `authors` prompts of MuirBench and MMMU, insert each image where the
    question refers to it. Other prompts place images as the script or harness of their profile does, usually before the
    text.
    """
    whole, name = text(item, variant, profile), profile or PROFILES[0].name
    shown: list[Part] = [{"type": "image", "place": place, "text": None} for place in range(len(item.images))]
    words: Part = {"type": "text", "text": whole}
    if variant == "think" or (name == "authors" and item.task in ("muirbench", "mmmu_val")):
        return _user(_in_place(item, whole))
    if name == "authors" and item.task == "blink":
        return _user([words, *shown])
    if item.task == "mmmu_val" and name in ("lmms-eval", "lmms-eval-default"):
        return _user(_in_turn(whole, shown))
    return _user([*shown, words])


def _user(content: list[Part]) -> list[Message]:
    return [{"role": "user", "content": content}]


def _in_turn(whole: str, shown: list[Part]) -> list[Part]:
    """The message parts of an MMMU question, in the form that lmms-eval's chat interface uses. Each placeholder is
    replaced by the next image, regardless of its number, and the text between placeholders is trimmed.
    """
    *before, last = _MARK.sub("<image>", whole).split("<image>")
    parts: list[Part] = []
    for place, image in enumerate(shown):
        words = before[place].strip() if place < len(before) else ""
        parts += [{"type": "text", "text": words}, image] if words else [image]
    return [*parts, {"type": "text", "text": last.strip()}]


def _in_place(item: Item, whole: str) -> list[Part]:
    """The message parts, with each image inserted where the text refers to it. Images to which no placeholder refers
    come before the text.
    """
    parts = list(_named(item, whole))
    named = {part["place"] for part in parts if part["type"] == "image"}
    first: list[Part] = [{"type": "image", "place": n, "text": None} for n in range(len(item.images)) if n not in named]
    return [*first, *parts]


def _named(item: Item, whole: str) -> Iterator[Part]:
    marks = list(_MARK.finditer(whole))
    in_order = sum(mark.group(1) is None for mark in marks) == len(item.images)
    shown: set[int] = set()
    start = 0
    for mark in marks:
        place = _place(item, mark.group(1), len(shown) if in_order else None)
        if place is None or place in shown:
            continue
        shown.add(place)
        if start < mark.start():
            yield {"type": "text", "text": whole[start : mark.start()]}
        yield {"type": "image", "place": place, "text": mark.group()}
        start = mark.end()
    if start < len(whole):
        yield {"type": "text", "text": whole[start:]}


def _place(item: Item, number: str | None, next_one: int | None) -> int | None:
    if number is None:
        return next_one
    return item.marks.index(int(number)) if int(number) in item.marks else None
