"""The project's reward function for EasyR1, which also logs every response with its reward."""

import json
from collections.abc import Sequence
from pathlib import Path

from cgc_train.plugins import easyr1_reward
from cgc_train.plugins.easyr1_reward import REWARD_NAME, REWARD_TYPE, Response, Score

__all__ = ["REWARD_NAME", "REWARD_TYPE", "compute_score"]


def compute_score(reward_inputs: Sequence[Response], *, told: str) -> list[Score]:
    """Score a batch, and append one line per response to the file `told`."""
    scores = easyr1_reward.compute_score(reward_inputs)
    assert isinstance(scores, list)
    with Path(told).open("a", encoding="utf-8") as file:
        for one, terms in zip(reward_inputs, scores, strict=True):
            line = {"answer": one["ground_truth"], "response": one["response"], "terms": terms}
            file.write(json.dumps(line) + "\n")
    return scores
