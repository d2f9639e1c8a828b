"""Data parallelism: every process holds all weights, and gradients are averaged."""

from scripts.engines.records import Engine
from scripts.engines.shared import ALONE, Sharing, stages

TRAINING = ("torch", "transformers", "trl", "accelerate", "peft", "datasets")
ENGINE = Engine(
    name="ddp",
    title="DDP",
    packages=TRAINING,
    stages=(
        *stages(Sharing("cpu", 2), ("qwen3-vl-8b-lora", "qwen3-vl-8b-full", "tiny-cpu")),
        *stages(ALONE, ("qwen3-vl-8b-lora-1gpu",))[2:],
    ),
)
