"""PyTorch FSDP2: weights, gradients, and optimizer states are sharded across processes."""

from scripts.engines.ddp import TRAINING
from scripts.engines.records import Engine
from scripts.engines.shared import Sharing, by_reward, warm_ups

TWO = Sharing("fsdp2", 2, ("--as-gpus",))
ENGINE = Engine(
    name="fsdp2",
    title="FSDP2",
    packages=TRAINING,
    stages=(*warm_ups(TWO), *by_reward(TWO, ("qwen3-vl-8b-full", "qwen3-vl-8b-lora"))),
)
