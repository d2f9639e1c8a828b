"""Functions that convert rows of the datasets on the Hub to questions in the common form, with their images.

No row is dropped. If a choice question has no options, or its answer is not one of the options, the item records this
fault.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cgc_bench.transfer.items import option_letters

Row = Mapping[str, Any]
_MARK = re.compile(r"<image (\d+)>")
_BLINK_TASKS = (
    *("Art_Style", "Counting", "Forensic_Detection", "Functional_Correspondence", "IQ_Test", "Jigsaw"),
    *("Multi-view_Reasoning", "Object_Localization", "Relative_Depth", "Relative_Reflectance"),
    *("Semantic_Correspondence", "Spatial_Relation", "Visual_Correspondence", "Visual_Similarity"),
)


@dataclass(frozen=True)
class Question:
    """A row in the common form. Its fields have the same meaning as in `Item`, except that `images` contains cells of
    the dataset: `{"bytes", "path"}` or None.
    """

    name: str
    group: str
    question: str
    images: Sequence[Any]
    options: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    kind: str = "choice"
    decimals: int = 0
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Source:
    """Location of a task's questions on the Hub (repository, configurations, and split), and the function that converts
    a row to a question.
    """

    repository: str
    configurations: tuple[str | None, ...]
    split: str
    read: Callable[[Row], Question]


def _mathvista(row: Row) -> Question:
    choices = tuple(row["choices"] or ())
    unit = f" (Unit: {row['unit']})" if row.get("unit") else ""
    answers: tuple[str, ...] = (row["answer"],)
    if row["question_type"] == "multi_choice":
        named = zip(option_letters(len(choices)), choices, strict=True)
        answers = tuple(letter for letter, choice in named if choice == row["answer"])
    return Question(
        name=str(row["pid"]),
        group=str((row.get("metadata") or {}).get("task") or "all"),
        question=f"{row['question']}{unit}",
        images=[row["decoded_image"]],
        options=choices,
        answers=answers,
        kind="choice" if row["question_type"] == "multi_choice" else row["answer_type"],
        decimals=int(row.get("precision") or 0),
    )


def _muirbench(row: Row) -> Question:
    return Question(
        name=str(row["idx"]),
        group=row["task"],
        question=row["question"],
        images=row["image_list"],
        options=tuple(row["options"]),
        answers=(row["answer"].strip().upper(),),
    )


def _mmstar(row: Row) -> Question:
    # The question contains the four options.
    return Question(
        name=str(row["index"]),
        group=row["l2_category"],
        question=row["question"].strip(),
        images=[row["image"]],
        options=("",) * 4,
        answers=(row["answer"].strip().upper(),),
    )


def _mmmu(row: Row) -> Question:
    options = tuple(map(str, _literal_list(row["options"])))
    shown = f"{row['question']}\n{options}"
    marks = tuple(sorted({int(number) for number in _MARK.findall(shown)})) or (1,)
    multiple = row["question_type"] == "multiple-choice"
    return Question(
        name=row["id"],
        group=row["id"].partition("_")[2].rpartition("_")[0] or "all",
        question=row["question"],
        images=[row.get(f"image_{number}") for number in marks],
        options=options if multiple else (),
        answers=(row["answer"],) if multiple else tuple(map(str, _literal_list(row["answer"]) or [row["answer"]])),
        kind="choice" if multiple else "open",
        marks=marks,
    )


def _literal_list(text: str) -> list[Any]:
    """Parse a text as a Python list. Returns an empty list if the text is anything else."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return value if isinstance(value, list) else []


def _blink(row: Row) -> Question:
    return Question(
        name=row["idx"],
        group=row["sub_task"],
        question=row["prompt"],
        images=[row[f"image_{number}"] for number in range(1, 5) if row.get(f"image_{number}")],
        options=tuple(row["choices"]),
        answers=(row["answer"].strip("()").upper(),),
    )


# Repositories, configurations, and splits are the same as in lmms-eval's own tasks.
SOURCES = {
    "mathvista": Source("AI4Math/MathVista", (None,), "testmini", _mathvista),
    "muirbench": Source("MUIRBENCH/MUIRBENCH", (None,), "test", _muirbench),
    "mmstar": Source("Lin-Chen/MMStar", (None,), "val", _mmstar),
    "mmmu_val": Source("lmms-lab-encoder/MMMU", (None,), "validation", _mmmu),
    "blink": Source("BLINK-Benchmark/BLINK", _BLINK_TASKS, "val", _blink),
}
