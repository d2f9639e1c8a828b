"""The reward function for verl. To use it, set verl's `custom_reward_function` to `compute_score` in this file.

The function reads `reward_model.ground_truth` and `extra_info` as written by `cgc-data export --format verl`.
"""

from typing import TypedDict

from cgc_data.metrics import accuracy
from cgc_train.plugins.exported import Given, rules_of, score_exported


class Facts(TypedDict, total=False):
    """The fields of `extra_info` that scoring uses."""

    num_images: int
    query: str
    contrast: str
    task: str


def compute_score(
    data_source: str,  # noqa: ARG001 - the signature is verl's
    solution_str: str,
    ground_truth: str,
    extra_info: Facts | None = None,
    *,
    reward: Given = None,
    prompt: Given = None,
    **_: object,
) -> dict[str, float]:
    """Score one response.

    Args:
        data_source: not used.
        solution_str: the model's response.
        ground_truth: the answer of the row.
        extra_info: `num_images`, `query`, `contrast`, and `task` of the row.
        reward: settings of a recipe's `reward` section, set by `custom_reward_function.reward_kwargs`.
        prompt: settings of a recipe's `prompt` section.

    Returns:
        `score` (the reward that verl trains on), `acc` (`acc@0.5`, which verl uses for validation), and each reward
            term.
    """
    facts: Facts = extra_info or {}
    terms = score_exported(
        solution_str,
        ground_truth,
        rules_of(reward, prompt),
        num_images=facts.get("num_images"),
        query=facts.get("query"),
        contrast=facts.get("contrast", ""),
        task=facts.get("task", ""),
    )
    return {"score": terms.reward, "acc": accuracy(terms.reading, terms.truth), **terms.values}
