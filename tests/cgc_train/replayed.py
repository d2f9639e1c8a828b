"""Runs a recipe with completions that are replayed: the same for a prompt, however many processes share the batch.

Usage: python -m tests.cgc_train.replayed RECIPE RUN
"""

import sys
from pathlib import Path
from typing import Any

from cgc_train.grpo import run_grpo
from cgc_train.recipe import load_recipe
from cgc_train.trainer import GroundingTrainer
from scripts.engines.replay import replayed


def replay(self: GroundingTrainer, prompt_ids: list[list[int]], *_: Any) -> Any:
    """Replayed completions, without sampling first."""
    return replayed(self, prompt_ids)


if __name__ == "__main__":
    GroundingTrainer._generate_single_turn = replay
    run_grpo(load_recipe(sys.argv[1], []), Path(sys.argv[2]))
