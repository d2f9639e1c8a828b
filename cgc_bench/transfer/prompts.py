"""What a model is asked: the prompts of lmms-eval's tasks of the same name, with images where the question has them."""

import re
from collections.abc import Iterator

from cgc_bench.transfer.items import Item
from cgc_bench.vlm2.prompts import THINK_FORM
from cgc_data.answer.prompt import Message, Part

_LETTER = "Answer with the option's letter from the given choices directly"
_NUMBERS = {
    "integer": "Answer the question using a single integer number.",
    "list": "Answer the question using a Python list.",
}
_DECIMALS = {1: "one decimal place", 2: "two decimal places"}
_IMAGE = re.compile(r"<image(?: (\d+))?>")


def official_text(item: Item) -> str:
    """The prompt; `<image>` and `<image 2>` stay in it as the authors wrote them."""
    options = "\n".join(f"{letter}. {words}" for letter, words in zip(item.letters, item.options, strict=True))
    if item.task == "blink":
        letters = ", ".join(item.letters)
        note = f"Note: You only need to respond with {letters} without providing any additional information."
        return f"{note}\n{item.question}"
    if item.task == "mmstar":
        return f"{item.question}\n{_LETTER}"
    if item.task == "mmmu_val":
        form = f"{options}\n\n{_LETTER}." if item.options else "\nAnswer the question using a single word or phrase."
        return f"{item.question}\n{form}"
    return "\n".join(part for part in (item.question, options, _form(item)) if part)


def _form(item: Item) -> str:
    if item.kind == "float":
        return f"Answer the question using a single floating-point number with {_places(item.decimals)}."
    return _NUMBERS.get(item.kind, f"{_LETTER}.")


def _places(decimals: int) -> str:
    return _DECIMALS.get(decimals, f"{decimals} decimal places")


def messages(item: Item, variant: str = "official") -> list[Message]:
    """Chat messages; an image part has `place`, its number from 0, and `text`, what stands for it in a plain prompt.

    Images that the prompt does not name, or of which it names another number, go before it.
    """
    text = official_text(item) + (f"\n{THINK_FORM}" if variant == "think" else "")
    parts = list(_parts(item, text))
    shown = {part["place"] for part in parts if part["type"] == "image"}
    first: list[Part] = [{"type": "image", "place": n, "text": None} for n in range(len(item.images)) if n not in shown]
    return [{"role": "user", "content": [*first, *parts]}]


def _parts(item: Item, text: str) -> Iterator[Part]:
    named = list(_IMAGE.finditer(text))
    in_order = sum(match.group(1) is None for match in named) == len(item.images)
    shown: set[int] = set()
    start = 0
    for match in named:
        place = _place(item, match.group(1), len(shown) if in_order else None)
        if place is None or place in shown:
            continue
        shown.add(place)
        if start < match.start():
            yield {"type": "text", "text": text[start : match.start()]}
        yield {"type": "image", "place": place, "text": match.group()}
        start = match.end()
    if start < len(text):
        yield {"type": "text", "text": text[start:]}


def _place(item: Item, number: str | None, next_one: int | None) -> int | None:
    if number is None:
        return next_one
    return item.marks.index(int(number)) if int(number) in item.marks else None
