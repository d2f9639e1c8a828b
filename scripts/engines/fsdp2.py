"""PyTorch's FSDP2: weights, gradients, and optimizer are divided among the processes."""

from scripts.engines.ddp import TRAINING
from scripts.engines.records import Engine
from scripts.engines.shared import Sharing, stages

ENGINE = Engine(
    name="fsdp2",
    title="FSDP2",
    packages=TRAINING,
    stages=stages(Sharing("fsdp2", 2, ("--as-gpus",)), ("qwen3-vl-8b-full", "qwen3-vl-8b-lora")),
)
