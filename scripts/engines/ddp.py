"""Data parallelism: every process has all weights, and gradients are averaged over the processes."""

from scripts.engines.records import Engine
from scripts.engines.shared import Sharing, by_reward, warm_ups

TRAINING = ("torch", "transformers", "trl", "accelerate", "peft", "datasets")
TWO = Sharing("cpu", 2)
ENGINE = Engine(
    name="ddp",
    title="DDP",
    packages=TRAINING,
    stages=(
        *warm_ups(TWO),
        *by_reward(TWO, ("qwen3-vl-8b-lora", "tiny-cpu")),
    ),
)
