"""The reward function for EasyR1. To use it, set `worker.reward.reward_function=.../easyr1_reward.py:compute_score`.

EasyR1 passes only the `answer` of an exported row. The number of images is therefore unknown, and every image number
above 0 counts as valid.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from cgc_data.metrics import accuracy
from cgc_train.errors import RecipeError
from cgc_train.plugins.exported import Given, rules_of, score_exported
from cgc_train.reward import Rules

# EasyR1 reads these names: it prints the first, and with `batch` it calls the function with a list.
REWARD_NAME = "cgc"
REWARD_TYPE = "batch"

Score = dict[str, float]


class Response(TypedDict):
    """A response and the ground-truth answer of its row, as EasyR1 passes them."""

    response: str
    ground_truth: str


def compute_score(
    reward_inputs: Sequence[Response] | Response,
    *,
    reward: Given = None,
    prompt: Given = None,
) -> list[Score] | Score:
    """Score a batch of responses. With `reward_type=sequential`, score a single response.

    Args:
        reward_inputs: `response` and `ground_truth` of each response, as EasyR1 passes them.
        reward: settings of a recipe's `reward` section, set by `reward_function_kwargs`.
        prompt: settings of a recipe's `prompt` section.

    Returns:
        For each response: `overall` (the reward), each reward term, and `accuracy` (`acc@0.5`, which is not rewarded).

    Raises RecipeError for an invalid setting, and for `task_weights`, because EasyR1 does not pass the task.
    """
    rules = rules_of(reward, prompt)
    if rules.reward.task_weights:
        raise RecipeError(
            "reward.task_weights: EasyR1 does not pass the task of a row to the reward function; remove this setting"
        )
    if isinstance(reward_inputs, Mapping):
        return _score(reward_inputs, rules)
    return [_score(item, rules) for item in reward_inputs]


def _score(item: Response, rules: Rules) -> Score:
    terms = score_exported(item["response"], item["ground_truth"], rules)
    return {"overall": terms.reward, "accuracy": accuracy(terms.reading, terms.truth), **terms.values}
