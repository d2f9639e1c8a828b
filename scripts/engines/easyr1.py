"""EasyR1: its data set class on an export, and this project's reward through its reward manager."""

import os
from functools import partial

from scripts.engines.records import Engine, Stage
from scripts.engines.trainers import managed

# It is on no package index. A machine without a way to GitHub names a copy of the repository.
COMMIT = "b44b311b669bf1fd1aa2fc36f2251482ba33cb16"
SOURCE = os.environ.get("EASYR1_REPOSITORY", "https://github.com/hiyouga/EasyR1")

ENGINE = Engine(
    name="easyr1",
    title="EasyR1",
    packages=("verl", "torch", "transformers", "tensordict", "ray", "datasets"),
    # Its package is called verl. It asks for vLLM and flash-attn, which data and reward do without.
    alone=(f"verl @ git+{SOURCE}@{COMMIT}",),
    requirements=(
        "transformers==4.57.6", "datasets==4.8.4", "tensordict", "ray[default]", "codetiming", "omegaconf",
        "qwen-vl-utils", "mathruler", "pylatexenc", "torchdata",
    ),
    gigabytes=2.0,
    stages=(
        Stage(
            "Its data set class and its reward manager on an export",
            partial(managed, trainer="easyr1", file="train.jsonl", old=True),
        ),
    ),
)  # fmt: skip
