"""Selects the groups of completions to learn from, and draws new prompts to replace the other groups.

GRPO learns from reward differences within a group. A group whose rewards are all equal costs sampling time but is
useless for training. DAPO replaces such groups by sampling new prompts. MG-Thinker selects groups by the variance and
mean of their rewards.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean, pstdev
from typing import Any

import numpy as np

from cgc_train.protocols import Completion, TrainingRow
from cgc_train.recipe import GroupSettings
from cgc_train.reward.batch import EQUAL


@dataclass(frozen=True)
class Sampled:
    """A completion with its row, in a form that processes can exchange."""

    row: TrainingRow
    prompt_ids: list[int]
    completion_ids: list[int]
    completion: Completion
    logprobs: Any  # log probabilities from vLLM; None if transformers samples
    reward: float


def teaches(rewards: Sequence[float], settings: GroupSettings) -> bool:
    """Whether GRPO can learn from a group. The rewards must differ, and their standard deviation and mean must be
    within the limits in `settings`.
    """
    if max(rewards) - min(rewards) < EQUAL or pstdev(rewards) < settings.min_spread:
        return False
    return settings.min_mean <= fmean(rewards) <= (inf if settings.max_mean is None else settings.max_mean)


def idle_groups(rewards: Sequence[float], size: int, settings: GroupSettings) -> list[int]:
    """Indices of the groups that are useless for training. Each group has `size` rewards."""
    groups = [rewards[start : start + size] for start in range(0, len(rewards), size)]
    return [place for place, group in enumerate(groups) if not teaches(group, settings)]


def whole_groups(count: int, size: int, processes: int) -> int:
    """The smallest number of groups that is at least `count` and that gives every process the same number of
    completions.
    """
    return next(number for number in range(count, count + processes) if number * size % processes == 0)


def further_rows(
    asked: Collection[int], wanted: int, key: Sequence[int], count: int, grades: Sequence[int] | None = None
) -> list[int]:
    """Draw `wanted` of the `count` training rows, and return their indices. Rows in `asked` are not drawn again. `key`
    is the random seed.

    With `grades`, each drawn row has the same grade as some row in `asked`. The result is empty if fewer than `wanted`
    rows are available.
    """
    of = grades or [0] * count
    like = {of[place] for place in asked}
    left = [place for place in range(count) if place not in asked and of[place] in like]
    if len(left) < wanted:
        return []
    return [left[place] for place in np.random.default_rng(key).permutation(len(left))[:wanted].tolist()]


def replaced(
    batch: Sequence[Sampled], idle: Sequence[int], others: Sequence[Sampled], idle_others: Collection[int], size: int
) -> list[Sampled]:
    """Replace the useless groups of a batch, in order, with the useful groups of `others`."""
    teaching = [place for place in range(len(others) // size) if place not in idle_others]
    result = list(batch)
    for place, other in zip(idle, teaching, strict=False):  # the remaining idle groups stay
        result[place * size : (place + 1) * size] = others[other * size : (other + 1) * size]
    return result
