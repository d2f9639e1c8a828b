"""The reward for ms-swift 4.

To use it, pass `--external_plugins .../swift_reward.py --reward_funcs cgc_miou cgc_format`.

If ms-swift is installed, importing this module registers every reward term. Set the weights of the terms with
`--reward_weights`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from cgc_data.common.errors import MissingExtraError
from cgc_train.plugins.exported import REMEMBERED, Given, rules_of, score_exported
from cgc_train.protocols import Completion
from cgc_train.reward import TERMS, Rules, Terms, text_of

# Names in ms-swift's registry, with the reward term of each.
FUNCTIONS = {f"cgc_{term.name}": term.name for term in TERMS}
# Columns of an exported row that scoring uses.
FACTS = ("num_images", "query", "contrast", "task")


class Scorer:
    """Computes the reward terms of responses to exported rows.

    All reward functions share one scorer, so each response is parsed only once.
    """

    def __init__(self, rules: Rules) -> None:
        every = rules.model_copy(update={"reward": rules.reward.with_all_terms()})

        @lru_cache(maxsize=REMEMBERED)
        def terms(response: str, answer: str, *facts: object) -> Terms:
            known: dict[str, Any] = {name: fact for name, fact in zip(FACTS, facts, strict=True) if fact is not None}
            return score_exported(response, answer, every, **known)

        self._terms = terms

    def __call__(self, completions: Sequence[Completion], columns: Mapping[str, Sequence[object]]) -> list[Terms]:
        """Compute the reward terms of each completion. `columns` are the exported columns. Only `solution` is
        required.
        """
        none = [None] * len(completions)
        facts = [columns.get(name, none) for name in FACTS]
        rows = zip(map(text_of, completions), columns["solution"], *facts, strict=True)
        return [self._terms(*row) for row in rows]


class ExportedReward:
    """Mixin for ms-swift's `ORM` class. Each subclass computes one reward term."""

    scorer: Scorer
    term: str

    def __call__(self, completions: Sequence[Completion], **columns: Sequence[object]) -> list[float]:
        """Compute the value of the class's reward term for each completion. All columns must have the same length."""
        return [terms.values[self.term] for terms in self.scorer(completions, columns)]


def reward_classes(base: type, reward: Given = None, prompt: Given = None) -> dict[str, type]:
    """Build the reward classes for ms-swift's registry, keyed by name.

    Args:
        base: ms-swift's `ORM`, which defines the constructor of the classes.
        reward: settings of a recipe's `reward` section. The weights in this section have no effect, because ms-swift
            applies the weights from `--reward_weights`.
        prompt: settings of a recipe's `prompt` section.

    Raises RecipeError for an unknown or invalid setting.
    """
    scorer = Scorer(rules_of(reward, prompt))
    return {
        name: type(name, (ExportedReward, base), {"scorer": scorer, "term": term}) for name, term in FUNCTIONS.items()
    }


def register(reward: Given = None, prompt: Given = None) -> None:
    """Register the reward classes with ms-swift, and replace earlier registrations.

    Raises MissingExtraError if ms-swift is not installed, and RecipeError for an invalid setting.
    """
    try:
        rewards = import_module("swift.rewards")
    except ImportError as error:
        raise MissingExtraError(f"the plugin needs ms-swift 4 ({error}); run: pip install 'ms-swift>=4'") from None
    rewards.orms.update(reward_classes(rewards.ORM, reward, prompt))


if find_spec("swift"):
    register()
