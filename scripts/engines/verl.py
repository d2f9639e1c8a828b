"""Tests verl: its dataset class on an export, its reward manager with this project's reward, and its trainer."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from scripts.engines.records import Comparison, Engine, Stage, same
from scripts.engines.trainers import (
    PLUGINS,
    RAY,
    STEPS,
    TERMS,
    Paid,
    export,
    known_rows,
    learned,
    lines,
    managed,
    not_reached,
    paid_alike,
    start,
    told_apart,
)
from scripts.engines.workplace import Workplace

BATCH, GROUP, TOKENS = 3, 4, 160  # steps of training on a stub; TOKENS is the value in `scripts.engines.sampler`
PROMPT = 256  # tokens
# Its FSDP is registered only for GPUs, but does the same on a CPU.
ON_CPU = {"VERL_PLATFORM": "cpu", "VERL_USE_EXTERNAL_MODULES": "scripts.engines.verl_cpu", "VERL_ENGINE_DEVICE": "cuda"}
CAUSE = """Upstream: line `210` of `verl/single_controller/ray/base.py` always creates a pool of GPUs, regardless of
`trainer.device`, and line `240` fails if Ray has none. No upstream issue was found.

Tried: version `0.8.0` (see [below](#verl-an-older-version)), and a stub for the GPU (see the next stage). The stub
registers the CPU as a platform in `PlatformRegistry`. Instead of vLLM, it registers a rollout named `transformers` in
`RolloutReplicaRegistry`. It also declares a nonexistent GPU to Ray. Three other faults cannot be fixed by
registration, so the stub works around them at run time. Line `89` of `verl/utils/distributed.py` requests gloo twice
for the CPU, which torch refuses. FSDP supports only `cuda` and `npu` (line `1143` of
`verl/workers/engine/fsdp/transformer_impl.py`). Line `356` of `verl/models/transformers/monkey_patch.py` imports a
class that TRL has removed. If the CPU is not registered
as a platform, line `89` of `distributed.py` requests NCCL instead of gloo, and fails with "ProcessGroupNCCL is only
supported with GPUs, no GPUs found!".

Also tried: verl's newer trainer, which is the default. It needs `transfer_queue`, which verl
installs only with an extra such as `verl-core`.

The next stage avoids another fault: verl fails on a batch if all of its sequences have the same length
([this verl issue](https://github.com/verl-project/verl/issues/6073) describes the fault). Therefore, the next stage
uses micro-batches of four sampled responses with different lengths."""
OLDER_CAUSE = """Upstream: lines `207` and `237` of `verl/single_controller/ray/base.py` fail for the same reason as
lines `210` and `240` of the newer [verl](#verl)."""


def grpo(place: Workplace, *settings: str) -> list[Comparison]:
    """Run two steps of verl's unmodified trainer."""
    data, model, actor = export(place, "verl"), start(place), "actor_rollout_ref.actor"
    place.run(
        "-m", "verl.trainer.main_ppo", "algorithm.adv_estimator=grpo", *settings, "trainer.device=cpu",
        f"hydra.run.dir={place.folder}",
        f"data.train_files={data / 'train.parquet'}", f"data.val_files={data / 'test.parquet'}",
        "data.train_batch_size=4", "data.max_prompt_length=2048", "data.max_response_length=64",
        f"actor_rollout_ref.model.path={model}", "actor_rollout_ref.rollout.name=vllm",
        "actor_rollout_ref.rollout.n=4", f"{actor}.ppo_mini_batch_size=4", f"{actor}.ppo_micro_batch_size_per_gpu=4",
        "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=4", "trainer.n_gpus_per_node=1",
        "trainer.nnodes=1", f"trainer.total_training_steps={STEPS}", "trainer.logger=console",
        f"reward.custom_reward_function.path={PLUGINS / 'verl_reward.py'}", "ray_kwargs.ray_init.num_cpus=2",
        variables=RAY, seconds=900,
    )  # fmt: skip
    return not_reached()


def on_stub(place: Workplace) -> list[Comparison]:
    """Run two steps of verl's trainer with `scripts.engines.verl_cpu`. Check the rewards of the responses and the saved
    weights.
    """
    saved, told, file = place.folder / "saved", place.folder / "told", _asked(place)
    _train(place, file, f"trainer.default_local_dir={saved}", f"trainer.rollout_data_dir={told}")
    steps, rows = sorted(told.glob("*.jsonl"), key=lambda step: int(step.stem)), pq.read_table(file).to_pylist()
    paid = sorted((one for step in steps for one in _paid(step, rows)), key=lambda one: one.row)
    return [
        same("steps logged", len(steps), STEPS),
        *paid_alike(place, paid, BATCH * GROUP * STEPS),
        told_apart(paid, GROUP),
        *learned(saved / f"global_step_{STEPS}" / "actor" / "huggingface", start(place)),
    ]


def _train(place: Workplace, file: Path, *settings: str) -> None:
    model = "actor_rollout_ref"
    place.run(
        "-m", "verl.trainer.main_ppo", "algorithm.adv_estimator=grpo", "trainer.use_v1=False", "trainer.device=cpu",
        f"hydra.run.dir={place.folder}", f"data.train_files={file}", f"data.val_files={file}", "data.shuffle=False",
        f"data.train_batch_size={BATCH}", f"data.max_prompt_length={PROMPT}", f"data.max_response_length={TOKENS}",
        "data.filter_overlong_prompts=True", "data.filter_overlong_prompts_workers=1", "data.dataloader_num_workers=0",
        f"{model}.model.path={start(place)}", f"{model}.model.use_remove_padding=False",
        f"+{model}.model.override_config.attn_implementation=sdpa", f"{model}.rollout.name=transformers",
        f"{model}.rollout.n={GROUP}", f"{model}.rollout.tensor_model_parallel_size=1",
        f"{model}.rollout.agent.num_workers=1", f"{model}.rollout.log_prob_micro_batch_size_per_gpu={GROUP}",
        f"{model}.actor.strategy=fsdp2", f"{model}.actor.fsdp_config.dtype=float32",
        f"{model}.actor.fsdp_config.use_torch_compile=False",
        f"{model}.actor.ppo_mini_batch_size={BATCH}", f"{model}.actor.ppo_micro_batch_size_per_gpu={GROUP}",
        f"{model}.actor.use_torch_compile=False", f"{model}.actor.optim.lr=1e-4",
        f"{model}.actor.checkpoint.save_contents=[model,optimizer,extra,hf_model]", "reward.num_workers=1",
        f"reward.custom_reward_function.path={PLUGINS / 'verl_reward.py'}", "trainer.n_gpus_per_node=1",
        "trainer.nnodes=1", f"trainer.total_training_steps={STEPS}", f"trainer.save_freq={STEPS}",
        "trainer.val_before_train=False", "trainer.logger=console", "ray_kwargs.ray_init.num_cpus=6",
        "+ray_kwargs.ray_init.num_gpus=1", "+ray_kwargs.ray_init.include_dashboard=False", *settings,
        variables={**RAY, **ON_CPU}, seconds=3600,
    )  # fmt: skip


def _asked(place: Workplace) -> Path:
    """Write a file with the exported training rows that the model can answer."""
    file = place.folder / "asked.parquet"
    pq.write_table(pq.read_table(export(place, "verl") / "train.parquet").take(known_rows(place)), file)
    return file


def _paid(file: Path, rows: list[dict[str, Any]]) -> list[Paid]:
    """The responses that verl logged for a step. Responses that do not match a row are omitted."""
    return [
        Paid(row["extra_info"]["id"], line["output"], {name: line[name] for name in TERMS})
        for line in lines(file)
        for row in [row for row in rows if is_for(line, row)][:1]
    ]


def is_for(line: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a logged response answers this row. Responses and rows are matched by prompt and ground truth. The match
    ignores image tokens, because verl does not log them.
    """
    pieces = row["prompt"][0]["content"].split("<image>")
    right = line["gts"] == row["reward_model"]["ground_truth"]
    return right and all(piece.strip() in line["input"] for piece in pieces)


OTHERS = ("qwen-vl-utils", "fastapi", "uvicorn", "cachetools")  # packages that verl imports but does not require
PACKAGES = ("verl", "torch", "transformers", "tensordict", "ray", "datasets")


def _with_older_trainer(place: Workplace) -> list[Comparison]:
    return grpo(place, "trainer.use_v1=False")


ENGINE = Engine(
    name="verl",
    title="verl",
    packages=PACKAGES,
    requirements=("verl==0.9.1", *OTHERS),
    gigabytes=2.0,
    trainer=True,
    stages=(
        Stage("Dataset class and reward manager on an export", partial(managed, trainer="verl", file="train.parquet")),
        Stage("GRPO, two steps", _with_older_trainer, CAUSE),
        Stage("GRPO, two steps, with a stub instead of the GPU, and with transformers instead of vLLM", on_stub),
    ),
)
OLDER = Engine(
    name="verl-older",
    title="verl, an older version",
    packages=PACKAGES,
    alone=("verl==0.8.0",),  # verl requires a numpy below 2, which does not work with the project's pyarrow
    requirements=(
        "tensordict==0.10.0", "torchdata", "hydra-core", "codetiming", "pylatexenc", "dill", "ray[default]",
        "tensorboard", *OTHERS,
    ),
    gigabytes=2.0,
    trainer=True,
    stages=(Stage("GRPO, two steps", grpo, OLDER_CAUSE),),
)  # fmt: skip
