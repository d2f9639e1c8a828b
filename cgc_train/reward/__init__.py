"""The rule-based reward (source-aware set-wise IoU plus format), and statistics that are logged with the reward.

This package does not need torch.
"""

from cgc_train.reward.batch import LOGGED, batch_statistics, zero_variance
from cgc_train.reward.gold import gold_check
from cgc_train.reward.settings import TERMS, PromptSettings, RewardSettings, Rules
from cgc_train.reward.term import Answered, Term
from cgc_train.reward.terms import Terms, score
from cgc_train.reward.trl import reward_functions, text_of

__all__ = [
    "LOGGED",
    "TERMS",
    "Answered",
    "PromptSettings",
    "RewardSettings",
    "Rules",
    "Term",
    "Terms",
    "batch_statistics",
    "gold_check",
    "reward_functions",
    "score",
    "text_of",
    "zero_variance",
]
