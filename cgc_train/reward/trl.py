"""The reward for TRL. Each reward term has its own function, such as `miou_reward`, so TRL logs the mean of each term.

TRL applies the weights of the terms through its `reward_weights`. The functions share their work: each response is
parsed only once, and the statistics of each batch are logged only once.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from cgc_data.metrics import COLUMNS, Truth, truth_of
from cgc_train.protocols import Completion
from cgc_train.reward.batch import batch_statistics
from cgc_train.reward.settings import PromptSettings, RewardSettings
from cgc_train.reward.term import Term
from cgc_train.reward.terms import Terms, score

RewardFunction = Callable[..., list[float]]
LogExtra: TypeAlias = Callable[[str, list[str]], object]
LogMetric: TypeAlias = Callable[[str, float], object]

# Batches contain a few hundred responses; all functions see the same batch in turn.
REMEMBERED = 4096


def reward_functions(
    settings: RewardSettings | None = None,
    prompt: PromptSettings | None = None,
) -> list[RewardFunction]:
    """Build the reward functions for `GRPOTrainer(reward_funcs=...)`, in the order of `reward_weights`.

    The data set must have the columns in `cgc_data.metrics.COLUMNS`. For each batch, the functions add a
    column `id` with the row ids to TRL's completions file. They also log the statistics in `cgc_train.reward.LOGGED` as
    metrics.

    Args:
        settings: settings of the reward. The functions do not apply the weights of the terms, because TRL applies them.
        prompt: prompt settings, which state whether reasoning is required and how the chat template starts a response.
    """
    chosen, asked = settings or RewardSettings(), prompt or PromptSettings()

    @lru_cache(maxsize=REMEMBERED)
    def terms_of(response: str, truth: Truth) -> Terms:
        return score(response, truth, chosen, asked)

    def function(term: Term[RewardSettings]) -> RewardFunction:
        def reward(
            completions: Sequence[Completion],
            *,
            log_extra: LogExtra | None = None,
            log_metric: LogMetric | None = None,
            **columns: Sequence[object],
        ) -> list[float]:
            scores = [terms_of(*pair) for pair in _pairs(completions, columns)]
            if term is chosen.terms[0]:  # so that a batch is logged only once
                _log(scores, log_extra, log_metric)
            return [terms.values[term.name] for terms in scores]

        reward.__name__ = reward.__qualname__ = f"{term.name}_reward"
        return reward

    return [function(term) for term in chosen.terms]


def text_of(completion: Completion) -> str:
    """Extract the text of a completion, which is a string or a list of messages. From a list, only the last message is
    used. The content of a message is a string or a list of text parts.
    """
    if isinstance(completion, str):
        return completion
    content = completion[-1].get("content") if completion else None
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content or ())


def _log(scores: Sequence[Terms], log_extra: LogExtra | None, log_metric: LogMetric | None) -> None:
    """Pass the row ids and statistics of a batch to TRL if the TRL version accepts them."""
    if log_extra:
        log_extra("id", [entry.truth.id for entry in scores])
    if log_metric:
        for name, value in batch_statistics(scores).items():
            log_metric(name, value)


def _pairs(completions: Sequence[Completion], columns: Mapping[str, Sequence[object]]) -> list[tuple[str, Truth]]:
    rows: Any = [{name: columns[name][place] for name in COLUMNS} for place in range(len(completions))]
    return [(text_of(completion), truth_of(row)) for completion, row in zip(completions, rows, strict=True)]
