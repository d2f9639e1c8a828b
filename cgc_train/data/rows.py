"""Checks the consistency of a release row, and applies the recipe's prompt to it."""

from collections import Counter

from cgc_data.answer import Object, read_list, with_thinking
from cgc_data.answer.prompt import Message
from cgc_data.release.rows import Row, answer_objects
from cgc_data.tasks import task_of
from cgc_train.data.ablation import without_distractors
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import Recipe

FIX = "build or download the release again"


def as_trained(row: Row, recipe: Recipe) -> Row:
    """Convert a release row to the row that the model sees.

    The recipe's `data` settings determine the images, and its `prompt` settings determine the prompt.

    The result depends only on the row and the settings, so that `cgc-train view` can show the rows exactly as in
    training. The function also works for rows without images.
    """
    shown = row if recipe.data.distractor_images else without_distractors(row)
    return {**shown, "prompt": with_thinking(shown["prompt"], require_think=recipe.prompt.think)}


def check_row(row: Row, origin: object) -> None:
    """Raise TrainingDataError if the columns of a row contradict each other. The message names `origin` and the row."""
    if fault := _fault(row):
        raise TrainingDataError(f"{origin}: row {row['id']}: {fault}; {FIX}")


def _fault(row: Row) -> str:
    count = len(row["views"])
    reading = read_list(row["answer"], count)
    if reading.violations:
        return f"the answer cannot be parsed ({reading.violations[0]})"
    if _objects(row) != Counter(reading.objects):
        return "the row's objects differ from the objects in its answer"
    task = task_of(row)
    if not task.may_be_empty and (task.answer == "empty") != reading.empty:
        return f"the task is {row['task']!r}, but the answer has {reading.elements} objects"
    if _shown(row["prompt"]) != count:
        return f"the prompt shows {_shown(row['prompt'])} images, but the row has {count} views"
    if task.gives_box and not (row["query"]["ref_bbox"] and row["query"]["labels"]):
        return "the question has no reference box, or its box has no label"
    return ""


def _objects(row: Row) -> "Counter[Object] | None":
    try:
        return Counter(answer_objects(row["objects"]))
    except (TypeError, ValueError):
        return None


def _shown(prompt: list[Message]) -> int:
    return sum(part["type"] == "image" for message in prompt for part in message["content"])
