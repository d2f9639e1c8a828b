"""The rule-based reward: source-aware set-wise IoU plus format, and what is logged beside it. Needs no torch."""

from cgc_train.reward.batch import LOGGED, batch_statistics, zero_variance
from cgc_train.reward.gold import gold_check
from cgc_train.reward.settings import PromptSettings, RewardSettings, Rules
from cgc_train.reward.terms import Terms, any_box_term, format_term, miou_term, score
from cgc_train.reward.trl import reward_functions, text_of

__all__ = [
    "LOGGED",
    "PromptSettings",
    "RewardSettings",
    "Rules",
    "Terms",
    "any_box_term",
    "batch_statistics",
    "format_term",
    "gold_check",
    "miou_term",
    "reward_functions",
    "score",
    "text_of",
    "zero_variance",
]
