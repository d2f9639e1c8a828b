"""EasyR1: its dataset class on an export, this project's reward through its reward manager, and its own training."""

import os
from functools import partial

from scripts.engines.older import as_older
from scripts.engines.records import Comparison, Engine, Stage
from scripts.engines.trainers import PLUGINS, RAY, STEPS, export, managed, not_reached, start
from scripts.engines.workplace import Workplace

# Not on any package index. On a machine without access to GitHub, set this to a local copy of the repository.
COMMIT = "b44b311b669bf1fd1aa2fc36f2251482ba33cb16"
SOURCE = os.environ.get("EASYR1_REPOSITORY", "https://github.com/hiyouga/EasyR1")

CAUSE = """Upstream: line `24` of `verl/workers/rollout/vllm_rollout_spmd.py` imports vLLM when its trainer is imported,
and there is no other rollout; its requirements list `vllm` and `flash-attn`. Also, `verl/workers/fsdp_workers.py`
needs NCCL in line `83` and flash-attn in line `215`, with no setting for either. vLLM's CPU build was not installed in
this environment, because here it runs with a newer transformers than EasyR1 supports (below `5.0.0`). No upstream issue
was found.

Tried: its release `0.3.2`, which fails with the same error in the same line. Not tried: a stub for the GPU and for
vLLM, which would have to replace all of these."""


def grpo(place: Workplace) -> list[Comparison]:
    """Two steps of EasyR1's trainer."""
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
    # Its package is called verl. It requires vLLM and flash-attn, which data and reward do not need.
    alone=(f"verl @ git+{SOURCE}@{COMMIT}",),
    requirements=(
        "transformers==4.57.6", "datasets==4.8.4", "tensordict", "ray[default]", "codetiming", "omegaconf",
        "qwen-vl-utils", "mathruler", "pylatexenc", "torchdata",
    ),
    gigabytes=2.0,
    trainer=True,
    stages=(
        Stage(
            "Dataset class and reward manager on an export",
            partial(managed, trainer="easyr1", file="train.jsonl", old=True),
        ),
        Stage("GRPO, two steps", grpo, CAUSE),
    ),
)  # fmt: skip
