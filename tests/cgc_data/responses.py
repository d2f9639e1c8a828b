"""Answers and responses that the tests of the answer contract share."""

from collections.abc import Callable

from hypothesis import strategies as st

from cgc_data.answer import Object, Reading

Reader = Callable[[str, int], Reading]

DOG = '{"img_idx": 2, "bbox_2d": [120, 88, 430, 512], "label": "dog"}'
DOG_OBJECT = Object(2, (120, 88, 430, 512), "dog")
TAGS = ["<think>", "</think>", "<answer>", "</answer>"]


def wrapped(answer: str, reasoning: str = "It lies on the left.") -> str:
    return f"<think>{reasoning}</think>\n<answer>{answer}</answer>"


sides = st.lists(st.integers(0, 1000), min_size=2, max_size=2, unique=True).map(sorted)
labels = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda label: label.strip() and not any(tag in label for tag in TAGS)
)
objects = st.builds(
    lambda img_idx, x, y, label: Object(img_idx, (x[0], y[0], x[1], y[1]), label),
    st.integers(1, 6),
    sides,
    sides,
    labels,
)
fragments = st.sampled_from(
    [
        *TAGS,
        "[",
        "]",
        "{",
        "}",
        '"',
        "\\",
        ",",
        ":",
        " ",
        "\n",
        "```",
        "```json",
        DOG,
        f"[{DOG}]",
        "NaN",
        "1e9",
        "-",
        "9" * 30,
    ]
)
messy_text = st.lists(fragments | st.text(max_size=5), max_size=25).map("".join)


def entry(img_idx: str = "2", bbox_2d: str = "[120, 88, 430, 512]", label: str = '"dog"', more: str = "") -> str:
    return f'{{"img_idx": {img_idx}, "bbox_2d": {bbox_2d}, "label": {label}{more}}}'
