"""The reward function of verl: `compute_score` of this file, named by its `custom_reward_function`.

It reads what `cgc-data export --format verl` writes into `reward_model.ground_truth` and `extra_info`.
"""

from typing import TypedDict

from cgc_train.plugins.exported import Given, rules_of, score_exported


class Facts(TypedDict, total=False):
    """What an exported row says of itself, as far as scoring takes it."""

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
        data_source: of the row; not used.
        solution_str: what the model wrote.
        ground_truth: the answer of the row.
        extra_info: of the row: `num_images`, `query`, `contrast` and `task`.
        reward: as the section of that name of a recipe; set by `custom_reward_function.reward_kwargs`.
        prompt: as the section of that name of a recipe.

    Returns:
        `score` (the reward, which verl trains on), `acc` (`acc@0.5`, which verl validates by), and each term.
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
    return {"score": terms.reward, "acc": terms.item.accuracy, **terms.values}
