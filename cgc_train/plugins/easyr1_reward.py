"""The reward function of EasyR1: `worker.reward.reward_function=.../easyr1_reward.py:compute_score`.

EasyR1 hands on the `answer` of an exported row and nothing else: any image number above 0 counts as in range.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from cgc_train.errors import RecipeError
from cgc_train.plugins.exported import Given, rules_of, score_exported
from cgc_train.reward import Rules

# Read by EasyR1: the name is printed, and `batch` has the function called with a list.
REWARD_NAME = "cgc"
REWARD_TYPE = "batch"

Score = dict[str, float]


class Response(TypedDict):
    """A response and the answer of its row, as EasyR1 hands them over."""

    response: str
    ground_truth: str


def compute_score(
    reward_inputs: Sequence[Response] | Response,
    *,
    reward: Given = None,
    prompt: Given = None,
) -> list[Score] | Score:
    """Score a batch, or one response where `reward_type=sequential`.

    Args:
        reward_inputs: `response` and `ground_truth` of each response, as EasyR1 hands them over.
        reward: as the section of that name of a recipe; set by `reward_function_kwargs`.
        prompt: as the section of that name of a recipe.

    Returns:
        For each response `overall` (the reward), each of its terms, and `accuracy` (`acc@0.5`, not rewarded).

    Raises RecipeError for a setting that is not valid, and for `task_weights`, since EasyR1 does not tell the task.
    """
    rules = rules_of(reward, prompt)
    if rules.reward.task_weights:
        raise RecipeError("reward function: EasyR1 does not hand on the task; leave reward.task_weights out")
    if isinstance(reward_inputs, Mapping):
        return _score(reward_inputs, rules)
    return [_score(item, rules) for item in reward_inputs]


def _score(item: Response, rules: Rules) -> Score:
    terms = score_exported(item["response"], item["ground_truth"], rules)
    return {"overall": terms.reward, "accuracy": terms.item.accuracy, **terms.values}
