"""Samples responses with transformers. The prompts come from a trainer's dataset class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

TOKENS, LIKELIEST = 160, 50


class Sampler:
    """A model with its processor, in float32 on the CPU. Creating an instance resets the random seed, so the same
    sequence of prompts always gets the same responses.
    """

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        self.processor: Any = AutoProcessor.from_pretrained(folder)
        self.model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()

    def inputs(self, text: str, images: Sequence[Any]) -> Any:
        """Convert a prompt and its images to model inputs with the processor."""
        return self.processor(text=[text], images=list(images), return_tensors="pt")

    def respond(self, inputs: Any) -> torch.Tensor:
        """Token ids of a response, including the end token; shape (length,)."""
        with torch.no_grad():
            whole = self.model.generate(**inputs, do_sample=True, top_k=LIKELIEST, max_new_tokens=TOKENS)
        response: torch.Tensor = whole[0, inputs["input_ids"].shape[1] :]
        return response
