"""Groups that teach: which groups of completions are learned from, and which prompts replace the others.

GRPO learns from differences within a group, so a group whose rewards are all equal costs its sampling and teaches
nothing. DAPO samples further prompts in its place; MG-Thinker learns from groups by their variance and mean.
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
    """A completion with the row it answers, as processes exchange it."""

    row: TrainingRow
    prompt_ids: list[int]
    completion_ids: list[int]
    completion: Completion
    logprobs: Any  # of vLLM; None where transformers samples
    reward: float


def teaches(rewards: Sequence[float], settings: GroupSettings) -> bool:
    """Whether the rewards of a group differ, and their deviation and mean are such that the recipe learns from them."""
    if max(rewards) - min(rewards) < EQUAL or pstdev(rewards) < settings.min_spread:
        return False
    return settings.min_mean <= fmean(rewards) <= (inf if settings.max_mean is None else settings.max_mean)


def idle_groups(rewards: Sequence[float], size: int, settings: GroupSettings) -> list[int]:
    """Places of the groups, of `size` rewards each, that teach nothing."""
    groups = [rewards[start : start + size] for start in range(0, len(rewards), size)]
    return [place for place, group in enumerate(groups) if not teaches(group, settings)]


def whole_groups(count: int, size: int, processes: int) -> int:
    """The least number of groups, at least `count`, whose completions divide evenly among the processes."""
    return next(number for number in range(count, count + processes) if number * size % processes == 0)


def further_rows(
    asked: Collection[int], wanted: int, key: Sequence[int], count: int, grades: Sequence[int] | None = None
) -> list[int]:
    """Places of `wanted` of `count` rows that were not asked yet, drawn by `key`; none where too few are left.

    With `grades`, only rows of the grades that were asked are drawn.
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
    """The batch with its idle groups replaced, in order, by those of `others` that teach."""
    teaching = [place for place in range(len(others) // size) if place not in idle_others]
    result = list(batch)
    for place, other in zip(idle, teaching, strict=False):  # those that are still idle stay
        result[place * size : (place + 1) * size] = others[other * size : (other + 1) * size]
    return result
