"""Tests bitsandbytes: a frozen base model in four bits, with trained adapters."""

from cgc_train.engines import TESTED
from scripts.engines.ddp import TRAINING, TWO
from scripts.engines.records import Engine
from scripts.engines.shared import by_reward

ENGINE = Engine(
    name="nf4",
    title="bitsandbytes NF4",
    packages=("bitsandbytes", *TRAINING),
    requirements=(f"bitsandbytes=={TESTED['bitsandbytes']}",),
    stages=by_reward(TWO, ("qwen3-vl-8b-qlora-24gb",)),
)
