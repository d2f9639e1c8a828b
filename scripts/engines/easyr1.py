"""EasyR1: its data set class on an export, this project's reward through its reward manager, and its own training."""

import os
from functools import partial

from scripts.engines.older import as_older
from scripts.engines.records import Comparison, Engine, Stage
from scripts.engines.trainers import PLUGINS, RAY, STEPS, export, managed, not_reached, start
from scripts.engines.workplace import Workplace

# It is on no package index. A machine without a way to GitHub names a copy of the repository.
COMMIT = "b44b311b669bf1fd1aa2fc36f2251482ba33cb16"
SOURCE = os.environ.get("EASYR1_REPOSITORY", "https://github.com/hiyouga/EasyR1")

CAUSE = """Upstream: `verl/workers/rollout/vllm_rollout_spmd.py`, line `24`, imports vLLM when its trainer is imported,
and there is no other rollout; its requirements name `vllm` and `flash-attn`. Then `verl/workers/fsdp_workers.py` asks
for NCCL in line `83` and for flash-attn in line `215`, with no setting for either. vLLM's build for a CPU was not put
into this environment, since here it runs with a later transformers than EasyR1 takes (below `5.0.0`). No issue upstream
was found.

Tried: its release `0.3.2`, which ends with the same error in the same line. Not tried: a stub of the GPU and of vLLM,
which has to stand in for all of these."""


def grpo(place: Workplace) -> list[Comparison]:
    """Two steps of its own training."""
    data, folder = export(place, "easyr1"), place.folder / "model"
    model = folder if folder.is_dir() else as_older(start(place), folder)
    place.run(
        "-m", "verl.trainer.main", f"data.train_files={data / 'train.jsonl'}", f"data.val_files={data / 'test.jsonl'}",
        "data.prompt_key=problem", f"data.image_dir={data}", "data.format_prompt=null",
        f"worker.actor.model.model_path={model}", f"trainer.max_steps={STEPS}", "trainer.logger=[console]",
        f"worker.reward.reward_function={PLUGINS / 'easyr1_reward.py'}:compute_score", "trainer.n_gpus_per_node=1",
        variables=RAY, seconds=900,
    )  # fmt: skip
    return not_reached()


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
    trainer=True,
    stages=(
        Stage(
            "Its data set class and its reward manager on an export",
            partial(managed, trainer="easyr1", file="train.jsonl", old=True),
        ),
        Stage("GRPO, two steps", grpo, CAUSE),
    ),
)  # fmt: skip
