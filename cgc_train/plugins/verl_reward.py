"""The reward function of verl: `compute_score` of this file, named by its `custom_reward_function`.

It reads what `cgc-data export --format verl` writes into `reward_model.ground_truth` and `extra_info`.
"""

from collections.abc import Mapping
from typing import Any

from cgc_train.plugins.exported import rules_of, score_exported


def compute_score(
    data_source: str,  # noqa: ARG001 - the signature is verl's
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward: Mapping[str, Any] | None = None,
    prompt: Mapping[str, Any] | None = None,
    **_: Any,
) -> dict[str, float]:
    """Score one response.

    Args:
        data_source: of the row; not used.
        solution_str: what the model wrote.
        ground_truth: the answer of the row.
        extra_info: of the row: `num_images`, `query`, `contrast` and `task`.
        reward, prompt: as these sections of a recipe; set by `custom_reward_function.reward_kwargs`.

    Returns:
        `score` (the reward, which verl trains on), `acc` (`acc@0.5`, which verl validates by), and each term.
    """
    facts = extra_info or {}
    terms = score_exported(
        solution_str,
        ground_truth,
        rules_of(reward, prompt),
        num_images=facts.get("num_images"),
        query=facts.get("query"),
        contrast=facts.get("contrast", ""),
        task=facts.get("task", ""),
    )
    return {"score": terms.reward, "acc": terms.item.accuracy, **terms.values}
