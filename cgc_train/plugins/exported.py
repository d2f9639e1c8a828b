"""The truth of an exported row, and the reward of a response to it: what the three plugins share.

An exported row has the answer and the query, not what warrants absence, so leakage is left to `cgc-train reward`.
"""

import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

import msgspec

from cgc_data.answer import read_list
from cgc_data.common.settings import read_settings
from cgc_data.metrics import Truth
from cgc_data.release.rows import Query
from cgc_train.errors import RecipeError, TrainingDataError
from cgc_train.reward import Rules, Terms, score

# What Qwen's tokenizer ends a turn with; a trainer that decodes special tokens leaves it at the end of the response.
END_TOKENS = ("<|im_end|>", "<|endoftext|>")
REMEMBERED = 4096
# A section of a recipe, as a trainer hands it on.
Given: TypeAlias = Mapping[str, object] | None


def rules_of(reward: Given, prompt: Given) -> Rules:
    """Validate a trainer's keyword arguments. Raises RecipeError that names an unknown key and the nearest."""
    values = {name: dict(section) for name, section in (("reward", reward), ("prompt", prompt)) if section}
    return read_settings(Rules, values, "reward function", RecipeError)


def score_exported(
    response: str,
    answer: str,
    rules: Rules,
    *,
    num_images: int | None = None,
    query: str | None = None,
    contrast: str = "",
    task: str = "",
) -> Terms:
    """The terms of a response to an exported row.

    Args:
        response: what the model wrote; end tokens are cut off.
        answer: of the row (`solution`, `answer` or `ground_truth`).
        rules: of reward and prompt.
        num_images: of the row; where a trainer does not hand it on, any image number above 0 is in range.
        query: of the row, JSON text; without it labels decide a match where the answer holds several.
        contrast, task: of the row, for `task_weights`, and for `acc@0.5` of questions for one object.

    Raises TrainingDataError where `answer` or `query` is not what `cgc-data export` writes.
    """
    truth = exported_truth(answer, num_images, query, contrast, task)
    return score(without_end(response), truth, rules.reward, rules.prompt)


@lru_cache(maxsize=REMEMBERED)
def exported_truth(
    answer: str, num_images: int | None = None, query: str | None = None, contrast: str = "", task: str = ""
) -> Truth:
    """The truth of an exported row; arguments and errors as in `score_exported`."""
    count = sys.maxsize if num_images is None else int(num_images)
    reading = read_list(answer, count)
    if not reading.valid:
        raise TrainingDataError(f"not the answer of an exported row: {answer[:80]!r}; run `cgc-data export` again")
    asked = None if query is None else _query(query)
    labels = tuple(asked["labels"] if asked else dict.fromkeys(item.label for item in reading.objects))
    return Truth(
        id="",
        contrast=contrast,
        task=task,
        num_images=count,
        objects=reading.objects,
        labels=labels,
        img_idx=asked and asked["img_idx"],
        ref_img_idx=None,
        ref_bbox=None,
        safe_images=frozenset(),
        photos="",
        pair_id="",
        difficulty=0.0,
    )


def without_end(response: str) -> str:
    """A response without the end tokens a trainer left on it."""
    text = response.rstrip()
    while end := next((token for token in END_TOKENS if text.endswith(token)), None):
        text = text.removesuffix(end).rstrip()
    return text


def _query(query: str) -> Query:
    try:
        return msgspec.json.decode(query, type=Query)
    except (msgspec.DecodeError, ValueError):
        raise TrainingDataError(
            f"not the query of an exported row: {query[:80]!r}; run `cgc-data export` again"
        ) from None
