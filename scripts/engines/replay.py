"""Replays completions, so that a prompt gets the same completions regardless of how many processes share the batch.

Sampling is seeded per process. Therefore, a run on several processes can be compared with a run on one process only if
completions are replayed.
"""

from typing import Any

from cgc_train.trainer import GroundingTrainer


def replayed(trainer: GroundingTrainer, prompt_ids: list[list[int]]) -> Any:
    """Return one completion for each entry of `prompt_ids`, and None instead of log-probabilities.

    Well-formed and malformed answers alternate. The length of a well-formed answer depends on the prompt.
    """
    tokenizer = trainer.processing_class.tokenizer

    def completion(place: int, ids: list[int]) -> list[int]:
        seen = "seen " * (1 + sum(ids) % 7)
        text = "nothing " if place % 2 else f"<think>{seen}</think><answer>[]</answer>"
        return [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]

    return [completion(place, ids) for place, ids in enumerate(prompt_ids)], None


def replay_after_sampling() -> None:
    """Patch the trainer so that it samples as usual, but learns from replayed completions.

    Held-out rows are answered as usual.
    """
    sample = GroundingTrainer._generate_single_turn

    def generate(self: GroundingTrainer, prompt_ids: list[list[int]], *rest: Any) -> Any:
        sampled = sample(self, prompt_ids, *rest)
        return replayed(self, prompt_ids) if self.model.training else sampled

    GroundingTrainer._generate_single_turn = generate
