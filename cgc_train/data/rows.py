"""One row of a release as it is trained on: checked against itself, with its prompt as the recipe asks for it."""

from collections import Counter

from cgc_data.answer import Object, read_list, with_thinking
from cgc_data.answer.prompt import Message
from cgc_data.release.rows import Row, answer_objects
from cgc_data.tasks import task_of
from cgc_train.data.ablation import without_distractors
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import Recipe

MEND = "build or download the release again"


def as_trained(row: Row, recipe: Recipe) -> Row:
    """The row as the recipe's model is shown it: its images chosen by `data`, its prompt written by `prompt`.

    A function of the row alone, so that a page of a run can show what was trained on. Works without the images too.
    """
    shown = row if recipe.data.distractor_images else without_distractors(row)
    return {**shown, "prompt": with_thinking(shown["prompt"], require_think=recipe.prompt.think)}


def check_row(row: Row, origin: object) -> None:
    """Raise TrainingDataError, naming `origin` and the row, where its columns do not tell one and the same truth."""
    if fault := _fault(row):
        raise TrainingDataError(f"{origin}: row {row['id']}: {fault}; {MEND}")


def _fault(row: Row) -> str:
    count = len(row["views"])
    reading = read_list(row["answer"], count)
    if reading.violations:
        return f"its answer does not parse ({reading.violations[0]})"
    if _objects(row) != Counter(reading.objects):
        return "its objects are not those of its answer"
    task = task_of(row)
    if not task.may_be_empty and (task.answer == "empty") != reading.empty:
        return f"its task is {row['task']!r}, but its answer has {reading.elements} objects"
    if _shown(row["prompt"]) != count:
        return f"its prompt shows {_shown(row['prompt'])} images, but it has {count} views"
    if task.gives_box and not (row["query"]["ref_bbox"] and row["query"]["labels"]):
        return "its question has no reference box, or no label"
    return ""


def _objects(row: Row) -> "Counter[Object] | None":
    try:
        return Counter(answer_objects(row["objects"]))
    except (TypeError, ValueError):
        return None


def _shown(prompt: list[Message]) -> int:
    return sum(part["type"] == "image" for message in prompt for part in message["content"])
