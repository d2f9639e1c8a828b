"""Compares vLLM's answers with those of transformers, token by token. Both use the same weights."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from cgc_train.generate import visual_token_ids
from cgc_train.model import load_processor, load_trained
from cgc_train.recipe import ModelSettings

NEAR_TIE = 1e-3  # difference between the logits of the two likeliest tokens


@dataclass(frozen=True)
class Rollout:
    """A completion: its training step, its prompt with all image tokens, its images, its tokens, and their
    log-probabilities.
    """

    step: int
    held_out: bool
    prompt: list[int]
    images: list[str]
    completion: list[int]
    chances: list[float]


@dataclass(frozen=True)
class Scored:
    """The scores that a transformers model assigns to a rollout, with one value per token of the completion.

    Attributes:
        gap: logit of the most likely token minus the logit of the sampled token. Image tokens are excluded.
        chance: log-probability of the sampled token at the temperature of `Judge`. Image tokens are excluded.
        visual: total probability that all image tokens would have if they were not excluded.
    """

    gap: torch.Tensor
    chance: torch.Tensor
    visual: torch.Tensor


class Judge:
    """A transformers model that scores vLLM's answers."""

    def __init__(self, folder: Path, dtype: str = "float32", temperature: float = 1.0) -> None:
        self.folder = folder
        self.model = load_trained(folder, dtype=dtype, device="cpu")
        self.processor: Any = load_processor(ModelSettings(name=str(folder)))
        self.hidden = visual_token_ids(self.processor)
        self.temperature = temperature

    @torch.no_grad()
    def score(self, rollout: Rollout, images: Sequence[Image.Image] | None = None) -> Scored:
        """Score a rollout token by token. If `images` are given, they replace the images of the rollout."""
        shown = images or [opened(path) for path in rollout.images]
        ids = torch.tensor([rollout.prompt + rollout.completion])
        places = (ids == self.model.config.image_token_id).long()
        seen = self.processor.image_processor(images=list(shown), return_tensors="pt")
        logits = self.model(input_ids=ids, mm_token_type_ids=places, **seen).logits[0].float()
        logits = logits[len(rollout.prompt) - 1 : -1]
        taken = torch.tensor(rollout.completion)[:, None]
        visual = (logits / self.temperature).softmax(-1)[:, self.hidden].sum(-1)
        logits[:, self.hidden] = -torch.inf
        gap = logits.max(-1).values - logits.gather(1, taken)[:, 0]
        chance = (logits / self.temperature).log_softmax(-1).gather(1, taken)[:, 0]
        return Scored(gap, chance, visual)


def read(file: Path) -> list[Rollout]:
    """All rollouts in a file that `scripts.engines.vllm_worker` wrote."""
    return [
        rollout for line in file.read_text(encoding="utf-8").splitlines() for rollout in _rollouts(json.loads(line))
    ]


def _rollouts(call: dict[str, Any]) -> Iterator[Rollout]:
    rows = zip(call["prompts"], call["images"], call["completions"], call["chances"], strict=True)
    for prompt, images, completion, chances in rows:
        yield Rollout(call["step"], call["held_out"], prompt, images, list(completion), chances)


def opened(path: str) -> Image.Image:
    """An image of a run."""
    with Image.open(path) as file:
        return file.convert("RGB")


def others(rollout: Rollout) -> list[Image.Image]:
    """The images of a prompt in a different order: each image is replaced by the next one, and the last by the first.
    The new image is resized to the size of the old one.
    """
    shown = [opened(path) for path in rollout.images]
    return [after.resize(before.size) for before, after in zip(shown, [*shown[1:], shown[0]], strict=True)]
