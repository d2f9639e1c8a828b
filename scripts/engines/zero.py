"""DeepSpeed's ZeRO-2 and ZeRO-3: optimizer and gradients, and with 3 also weights, are divided among the processes."""

from scripts.engines.ddp import TRAINING
from scripts.engines.records import Engine
from scripts.engines.shared import Sharing, by_reward, warm_ups

RECIPES = ("qwen3-vl-8b-full", "qwen3-vl-8b-lora")


def _engine(stage: int) -> Engine:
    name = f"zero{stage}"
    return Engine(
        name=name,
        title=f"DeepSpeed ZeRO-{stage}",
        packages=("deepspeed", *TRAINING),
        requirements=("deepspeed==0.19.8",),
        stages=(
            *by_reward(Sharing(name, 1), RECIPES[:1]),
            *warm_ups(Sharing(name, 2)),
            *by_reward(Sharing(name, 2), RECIPES),
        ),
    )


ZERO2, ZERO3 = _engine(2), _engine(3)
