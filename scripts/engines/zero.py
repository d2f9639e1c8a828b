"""DeepSpeed ZeRO-2 and ZeRO-3. Optimizer states and gradients are sharded across processes. With ZeRO-3, the weights
are sharded too.
"""

from functools import partial

from cgc_train.engines import TESTED
from scripts.engines.ddp import TRAINING
from scripts.engines.records import Engine, Stage
from scripts.engines.shared import Sharing, by_reward, machines, warm_ups

RECIPES = ("qwen3-vl-8b-full", "qwen3-vl-8b-lora")


def _engine(stage: int, *more: Stage) -> Engine:
    name = f"zero{stage}"
    return Engine(
        name=name,
        title=f"DeepSpeed ZeRO-{stage}",
        packages=("deepspeed", *TRAINING),
        requirements=(f"deepspeed=={TESTED['deepspeed']}",),
        shared="deepspeed",
        stages=(
            *by_reward(Sharing(name, 1), RECIPES[:1]),
            *warm_ups(Sharing(name, 2)),
            *by_reward(Sharing(name, 2), RECIPES),
            *more,
        ),
    )


TWO_MACHINES = Stage(
    "GRPO with qwen3-vl-8b-full, two simulated machines with one process each",
    partial(machines, file="zero3-2x8", recipe=RECIPES[0]),
)
ZERO2, ZERO3 = _engine(2), _engine(3, TWO_MACHINES)
