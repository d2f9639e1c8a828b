"""Responses of a model to prompts that a trainer's data set class has made, sampled by transformers in its place."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

TOKENS, LIKELIEST = 160, 50


class Sampler:
    """A model with its processor, float32, on the CPU; the same responses whenever it is made anew."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        self.processor: Any = AutoProcessor.from_pretrained(folder)
        self.model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()

    def inputs(self, text: str, images: Sequence[Any]) -> Any:
        """What the model is given: a prompt with its images, by the processor."""
        return self.processor(text=[text], images=list(images), return_tensors="pt")

    def respond(self, inputs: Any) -> torch.Tensor:
        """Ids of the tokens of a response, with the end token; shape (length,)."""
        with torch.no_grad():
            whole = self.model.generate(**inputs, do_sample=True, top_k=LIKELIEST, max_new_tokens=TOKENS)
        response: torch.Tensor = whole[0, inputs["input_ids"].shape[1] :]
        return response
