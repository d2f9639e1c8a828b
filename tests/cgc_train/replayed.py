"""Runs a recipe with completions that are replayed: the same for a prompt, however many processes share the batch.

Usage: python -m tests.cgc_train.replayed RECIPE RUN
Sampling is seeded per process, so only replayed completions let one process be compared with two.
"""

import sys
from pathlib import Path
from typing import Any

from cgc_train.grpo import run_grpo
from cgc_train.recipe import load_recipe
from cgc_train.trainer import GroundingTrainer


def replay(
    self: GroundingTrainer, prompt_ids: list[list[int]], images: Any, fields: Any, generations: int, *_: Any
) -> Any:
    """For each prompt a well-formed answer, of a length of its own, beside one without form."""
    tokenizer = self.processing_class.tokenizer

    def completion(place: int, ids: list[int]) -> list[int]:
        seen = "seen " * (1 + sum(ids) % 7)
        text = "nothing " if place % 2 else f"<think>{seen}</think><answer>[]</answer>"
        return [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]

    return [completion(place, ids) for place, ids in enumerate(prompt_ids)], None


if __name__ == "__main__":
    GroundingTrainer._generate_single_turn = replay
    run_grpo(load_recipe(sys.argv[1], []), Path(sys.argv[2]))
