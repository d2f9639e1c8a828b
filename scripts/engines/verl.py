"""verl: its dataset class on an export, this project's reward through its reward manager, and its own training."""

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

BATCH, GROUP, TOKENS = 2, 4, 160
# Its FSDP is listed for GPUs alone; what it does on them it does on the CPU.
ON_CPU = {"VERL_PLATFORM": "cpu", "VERL_USE_EXTERNAL_MODULES": "scripts.engines.verl_cpu", "VERL_ENGINE_DEVICE": "cuda"}
CAUSE = """Upstream: line `210` of `verl/single_controller/ray/base.py` always creates a pool of GPUs, regardless of
`trainer.device`, and line `241` fails if Ray has none. verl `0.8.0` has the same code in lines `207` and `238`; it was
read, not run. No upstream issue was found.

Tried: declaring a nonexistent GPU to Ray with `num_gpus` of `ray_init`. The workers start, and line `89` of
`verl/utils/distributed.py` needs NCCL: "ProcessGroupNCCL is only supported with GPUs, no GPUs found!".

Also tried: a platform for the CPU in `PlatformRegistry`, and, instead of vLLM, a rollout named `transformers` in
`RolloutReplicaRegistry`. Line `89` then requests gloo twice for the CPU, which torch refuses; FSDP supports only `cuda`
and `npu` (line `1143` of `verl/workers/engine/fsdp/transformer_impl.py`); and line `356` of
`verl/models/transformers/monkey_patch.py` imports a class that TRL has removed. With these three patched from outside,
the workers started, FSDP2 sharded the model, its weights reached the rollout, and responses were sampled. On a busy
machine no step finished within half an hour, so nothing was compared.

Also tried: its newer trainer, the default, which needs `transfer_queue`, a package missing from its requirements."""


def grpo(place: Workplace) -> list[Comparison]:
    """Two steps of verl's trainer."""
    data, model, actor = export(place, "verl"), start(place), "actor_rollout_ref.actor"
    place.run(
        "-m", "verl.trainer.main_ppo", "algorithm.adv_estimator=grpo", "trainer.use_v1=False", "trainer.device=cpu",
        f"hydra.run.dir={place.folder}",
        f"data.train_files={data / 'train.parquet'}", f"data.val_files={data / 'test.parquet'}",
        f"data.train_batch_size={BATCH}", "data.max_prompt_length=2048", "data.max_response_length=64",
        f"actor_rollout_ref.model.path={model}", "actor_rollout_ref.rollout.name=vllm",
        f"actor_rollout_ref.rollout.n={GROUP}", f"{actor}.ppo_mini_batch_size={BATCH}",
        f"{actor}.ppo_micro_batch_size_per_gpu={BATCH}",
        f"actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu={BATCH}", "trainer.n_gpus_per_node=1",
        "trainer.nnodes=1", f"trainer.total_training_steps={STEPS}", "trainer.logger=console",
        f"reward.custom_reward_function.path={PLUGINS / 'verl_reward.py'}", "ray_kwargs.ray_init.num_cpus=2",
        variables=RAY, seconds=900,
    )  # fmt: skip
    return not_reached()


def on_cpu(place: Workplace) -> list[Comparison]:
    """Two steps with what `scripts.engines.verl_cpu` adds; what each response earned, and what was saved."""
    saved, told = place.folder / "saved", place.folder / "told"
    _train(
        place, "+ray_kwargs.ray_init.num_gpus=1", "actor_rollout_ref.rollout.name=transformers",
        "actor_rollout_ref.actor.strategy=fsdp2",
        f"trainer.default_local_dir={saved}", f"trainer.rollout_data_dir={told}",
        variables=ON_CPU,
    )  # fmt: skip
    steps = sorted(told.glob("*.jsonl"), key=lambda file: int(file.stem))
    paid = [one for file in steps for one in _paid(file, _rows(place))]
    model = start(place)
    return [
        same("steps logged", len(steps), STEPS),
        *paid_alike(place, paid, BATCH * GROUP * STEPS),
        told_apart(paid, GROUP),
        *learned(saved / f"global_step_{STEPS}" / "actor" / "huggingface", model),
    ]


def _train(place: Workplace, *settings: str, variables: Mapping[str, str] | None = None) -> None:
    model, ours = start(place), "actor_rollout_ref"
    file = _asked(place)
    place.run(
        "-m", "verl.trainer.main_ppo", "algorithm.adv_estimator=grpo", "trainer.use_v1=False", "trainer.device=cpu",
        f"hydra.run.dir={place.folder}", f"data.train_files={file}", f"data.val_files={file}", "data.shuffle=False",
        f"data.train_batch_size={BATCH}", "data.max_prompt_length=2048", f"data.max_response_length={TOKENS}",
        "data.dataloader_num_workers=0", f"{ours}.model.path={model}", f"{ours}.model.use_remove_padding=False",
        f"+{ours}.model.override_config.attn_implementation=sdpa", f"{ours}.rollout.n={GROUP}",
        f"{ours}.rollout.tensor_model_parallel_size=1", f"{ours}.rollout.agent.num_workers=1",
        f"{ours}.rollout.log_prob_micro_batch_size_per_gpu={BATCH}", f"{ours}.actor.ppo_mini_batch_size={BATCH}",
        f"{ours}.actor.ppo_micro_batch_size_per_gpu={BATCH}", f"{ours}.actor.use_torch_compile=False",
        f"{ours}.actor.optim.lr=1e-4", f"{ours}.actor.checkpoint.save_contents=[model,optimizer,extra,hf_model]",
        "reward.num_workers=1", f"reward.custom_reward_function.path={PLUGINS / 'verl_reward.py'}",
        "trainer.n_gpus_per_node=1", "trainer.nnodes=1", f"trainer.total_training_steps={STEPS}",
        f"trainer.save_freq={STEPS}", "trainer.val_before_train=False", "trainer.logger=console",
        "ray_kwargs.ray_init.num_cpus=8", "+ray_kwargs.ray_init.include_dashboard=False", *settings,
        variables={**RAY, **(variables or {})}, seconds=3600,
    )  # fmt: skip


def _asked(place: Workplace) -> Path:
    """A file of the export's rows that the model has some answer to."""
    file = place.folder / "asked.parquet"
    pq.write_table(pq.read_table(export(place, "verl") / "train.parquet").take(known_rows(place)), file)
    return file


def _rows(place: Workplace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(_asked(place)).to_pylist()
    return rows


def _paid(file: Path, rows: list[dict[str, Any]]) -> list[Paid]:
    """Responses of a step that it wrote down, with the row that asked; those without a row are left out."""
    found = []
    for line in lines(file):
        asked = (row["extra_info"]["id"] for row in rows if _is_of(line, row))
        terms = {name: line[name] for name in TERMS}
        found += [Paid(row, line["output"], terms) for row in list(asked)[:1]]
    return found


def _is_of(line: Mapping[str, Any], row: dict[str, Any]) -> bool:
    """Was a response to this row? Its prompt is written down without special tokens."""
    pieces = row["prompt"][0]["content"].split("<image>")
    return line["gts"] == row["reward_model"]["ground_truth"] and all(
        piece.strip() in line["input"] for piece in pieces
    )


ENGINE = Engine(
    name="verl",
    title="verl",
    packages=("verl", "torch", "transformers", "tensordict", "ray", "datasets"),
    requirements=("verl==0.9.1", "qwen-vl-utils", "fastapi", "uvicorn", "cachetools"),
    gigabytes=2.0,
    trainer=True,
    stages=(
        Stage(
            "Its data set class and its reward manager on an export",
            partial(managed, trainer="verl", file="train.parquet"),
        ),
        Stage("GRPO, two steps", grpo, CAUSE),
        Stage("GRPO, two steps, with the CPU as its device and transformers in place of vLLM", on_cpu),
    ),
)
