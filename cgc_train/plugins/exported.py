"""Computes the reward for a response to an exported row. All three plugins use this module.

An exported row contains the ground-truth answer and the query, but does not state which objects are absent from which
images. This module therefore cannot measure leakage (boxes in images without the object). `cgc-train reward` can.
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

# Tokens that end a turn in Qwen's tokenizer; a trainer that decodes special tokens leaves them in the response.
END_TOKENS = ("<|im_end|>", "<|endoftext|>")
REMEMBERED = 4096
# A section of a recipe, as a trainer passes it.
Given: TypeAlias = Mapping[str, object] | None


def rules_of(reward: Given, prompt: Given) -> Rules:
    """Validate the reward and prompt settings that a trainer passes.

    Raises RecipeError for an invalid setting. For an unknown key, the message suggests the most similar known key.
    """
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
    """Compute the reward terms of a response to an exported row.

    Args:
        response: the model's response; end tokens are removed.
        answer: answer of the row (`solution`, `answer`, or `ground_truth`).
        rules: reward and prompt settings.
        num_images: number of images in the row. Without this number, every image number above 0 is accepted.
        query: query of the row, as JSON text. Without a query, labels are compared only if the answer contains more
            than one label.
        contrast: contrast of the row. `contrast` and `task` select the entry in `task_weights`. If the task asks for
            one object, they also make `acc@0.5` zero for responses with several boxes.
        task: task of the row.

    Raises TrainingDataError if `answer` or `query` was not written by `cgc-data export`.
    """
    truth = exported_truth(answer, num_images, query, contrast, task)
    return score(without_end(response), truth, rules.reward, rules.prompt)


@lru_cache(maxsize=REMEMBERED)
def exported_truth(
    answer: str, num_images: int | None = None, query: str | None = None, contrast: str = "", task: str = ""
) -> Truth:
    """Parse the ground-truth answer of an exported row. For the arguments and errors, see `score_exported`."""
    count = sys.maxsize if num_images is None else int(num_images)
    reading = read_list(answer, count)
    if not reading.valid:
        raise TrainingDataError(
            f"not an answer that `cgc-data export` wrote: {answer[:80]!r}; export the release again"
        )
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
    """Remove the end tokens that a trainer left in a response."""
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
