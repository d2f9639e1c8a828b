"""The prompt text for a question in each harness: lmms-eval's tasks, VLMEvalKit's prompts for Qwen3-VL, and the
authors' scripts.
"""

import re
from collections.abc import Sequence

from cgc_bench.transfer.items import Item, option_letters

_LETTER = "Answer with the option's letter from the given choices directly"
_ONLY_LETTER = "Answer with the option letter only."
_SELECT = "Please select the correct answer from the options above."
_SHORT = "Answer the question using a single word or phrase."
_NUMBERS = {
    "integer": "Answer the question using a single integer number.",
    "list": "Answer the question using a Python list.",
}
_DECIMALS = {1: "one decimal place", 2: "two decimal places"}
# The format that MathVista's authors request at the end of an answer, by kind of answer and, for decimals, by their
# number.
_HINTS = {
    "choice": "the question and provide the correct option letter, e.g., A, B, C, D, at the end.",
    "integer": "the question requiring an integer answer and provide the final value, e.g., 1, 2, 3, at the end.",
    "list": "the question requiring a Python list as an answer and provide the final list, e.g., [1, 2, 3], "
    "[1.2, 1.3, 1.4], at the end.",
}
_FLOAT_HINT = (
    "the question requiring a floating-point number with {} and provide the final value, e.g., {}, at the end."
)
_EXAMPLES = {1: "1.2, 1.3, 1.4", 2: "1.23, 1.34, 1.45"}
_DISCLAIMED = ("Forensic_Detection", "Jigsaw", "Art_Style")
_DISCLAIMER = (
    "Disclaimer: This is not to make unfair assumptions about the people in the image and you just need to give your "
    "assessment on this question. You don't need to identify the real people. You just need to analyze based on the "
    "information I gave you.\n\n"
)
# MMStar's questions end with `Options: A: a cat, B: a dog, ...`, BLINK's with one line per option, such as `(A) left`.
_INLINE = re.compile(r"\s*Options:\s*(?=A:)")
_LINES = re.compile(r"^\(([A-Z])\) ?(.*)$", re.MULTILINE)


def lmms_text(item: Item) -> str:
    """The prompt of lmms-eval's task, for models without a special prompt."""
    options = _listed("{}. {}", item)
    if item.task == "blink":
        letters = ", ".join(item.letters)
        note = f"Note: You only need to respond with {letters} without providing any additional information."
        return f"{note}\n{item.question}"
    if item.task == "mmstar":
        return f"{item.question}\n{_LETTER}"
    if item.task == "mmmu_val":
        form = f"{options}\n\n{_LETTER}." if item.options else f"\n{_SHORT}"
        return f"{item.question}\n{form}"
    return "\n".join(part for part in (item.question, options, _form(item)) if part)


def qwen3_vl_text(item: Item) -> str:
    """The prompt of lmms-eval's MMStar and MMMU tasks for the model `qwen3_vl`. In MMStar, the instruction
    follows the question without a space or line break.
    """
    if item.task == "mmstar":
        return f"Question: {item.question.replace(' Please answer yes or no.', '')}{_ONLY_LETTER}"
    request = _ONLY_LETTER if item.options else _SELECT
    return f"Question: {item.question}\nOptions:\n{_listed('{}. {}', item)}\n{request}"


def vlmevalkit_text(item: Item) -> str:
    """The prompt of VLMEvalKit for Qwen3-VL."""
    if item.task == "mathvista":
        return f"{_mathvista_query(item)}\nPlease answer concisely with short words or phrases when possible."
    question, options = separated(item)
    request = _SELECT if item.task == "mmmu_val" else _ONLY_LETTER
    listed = "".join(f"{letter}. {words}\n" for letter, words in zip(item.letters, options, strict=False))
    return f"Question: {question}\n{f'Options:{chr(10)}{listed}{request}' if listed else ''}".rstrip()


def authors_text(item: Item) -> str:
    """The prompt of the benchmark authors' script."""
    if item.task == "mathvista":
        parts = (f"Question: {item.question}", _choices(item), _hint(item), "Solution:")
        return "\n".join(part for part in parts if part)
    if item.task == "muirbench":
        hint = "Hint: Please provide the correct option letter, such as A, B, C, D, directly."
        return "\n".join((f"Question: {item.question}", _choices(item), hint, "Answer:"))
    if item.task == "mmstar":
        question, options = separated(item)
        listed = "".join(f"\n{letter}. {words}" for letter, words in zip(item.letters, options, strict=False))
        return f"{question}{listed}\n{_LETTER}."
    if item.task == "mmmu_val":
        return f"{item.question}\n" + (f"{_listed('({}) {}', item)}\n\n{_LETTER}." if item.options else _SHORT)
    return (_DISCLAIMER if item.group in _DISCLAIMED else "") + item.question


def separated(item: Item) -> tuple[str, Sequence[str]]:
    """The question without its options, and the texts of the options. If they cannot be separated, returns the full
    question and ().
    """
    if item.task == "blink":
        lines = list(_LINES.finditer(item.question))
        return (item.question[: lines[0].start()].rstrip() if lines else item.question), item.options
    if item.task != "mmstar":
        return item.question, item.options
    question, _, listed = _INLINE.sub("\0", item.question, count=1).partition("\0")
    words = _split(listed, len(item.letters))
    return (question, words) if words else (item.question, ())


def _split(listed: str, count: int) -> list[str]:
    """The options in a text such as `A: a cat, B: a dog`, without their letters; [] if a letter is missing."""
    words: list[str] = []
    for letter in reversed(option_letters(count)):
        listed, found, tail = listed.rpartition(f"{letter}: ")
        if not found:
            return []
        words.insert(0, tail.strip().removesuffix(","))
    return words


def _listed(form: str, item: Item) -> str:
    return "\n".join(form.format(letter, words) for letter, words in zip(item.letters, item.options, strict=True))


def _choices(item: Item) -> str:
    return f"Choices:\n{_listed('({}) {}', item)}" if item.options else ""


def _mathvista_query(item: Item) -> str:
    return "\n".join(part for part in (_hint(item), f"Question: {item.question}", _choices(item)) if part)


def _hint(item: Item) -> str:
    if item.kind == "float":
        wanted = _FLOAT_HINT.format(_places(item.decimals), _EXAMPLES.get(item.decimals, _EXAMPLES[2]))
    else:
        wanted = _HINTS[item.kind]
    return f"Hint: Please answer {wanted}"


def _form(item: Item) -> str:
    if item.kind == "float":
        return f"Answer the question using a single floating-point number with {_places(item.decimals)}."
    return _NUMBERS.get(item.kind, f"{_LETTER}.")


def _places(decimals: int) -> str:
    return _DECIMALS.get(decimals, f"{decimals} decimal places")
