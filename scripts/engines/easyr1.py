"""EasyR1: its dataset class on an export, this project's reward through its reward manager, and its own training."""

import json
import os
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any

import torch
from safetensors.torch import save_file

from scripts.engines import easyr1_noted
from scripts.engines.older import as_older
from scripts.engines.records import Comparison, Engine, Stage
from scripts.engines.trainers import (
    MAX_PIXELS,
    PLUGINS,
    RAY,
    STEPS,
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
BATCH, GROUP, TOKENS = 2, 4, 160


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


def on_cpu(place: Workplace) -> list[Comparison]:
    """Two steps with what `scripts.engines.easyr1_cpu` puts in; what each response earned, and what was saved."""
    told = place.folder / "told.jsonl"
    _train(
        place, "scripts.engines.easyr1_cpu", "worker.actor.fsdp.enable_rank0_init=false",
        f"worker.reward.reward_function={Path(easyr1_noted.__file__)}:compute_score",
        f"worker.reward.reward_function_kwargs.told={told}",
    )  # fmt: skip
    paid = _paid(told, lines(place.folder / "asked.jsonl"))
    return [
        *paid_alike(place, paid, BATCH * GROUP * STEPS),
        told_apart(paid, GROUP),
        *learned(_whole(place), start(place)),
    ]


def _paid(told: Path, rows: list[dict[str, Any]]) -> list[Paid]:
    """Responses of training, by the rows that asked; it answers questions of its validation after them."""
    asked = {row["answer"]: row["id"] for row in rows}
    answered = lines(told)[: BATCH * GROUP * STEPS]
    return sorted(
        (Paid(asked[one["answer"]], one["response"], one["terms"]) for one in answered), key=lambda one: one.row
    )


def _whole(place: Workplace) -> Path:
    """A folder of the model with the weights that it saved."""
    (file,) = (place.folder / "saved" / f"global_step_{STEPS}" / "actor").glob("model_world_size_1_*.pt")
    folder = copytree(start(place), place.folder / "whole")
    weights = {name: weight.float().clone() for name, weight in torch.load(file).items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def _train(place: Workplace, module: str, *settings: str) -> None:
    data, actor = export(place, "easyr1"), "worker.actor"
    files = [_asked(place, data, name, most) for name, most in (("asked", None), ("few", 2))]
    place.run(
        "-m", module, f"data.train_files={files[0]}", f"data.val_files={files[1]}", "data.prompt_key=problem",
        f"data.image_dir={data}", "data.format_prompt=null", "data.min_pixels=1024", f"data.max_pixels={MAX_PIXELS}",
        "data.max_prompt_length=2048", f"data.max_response_length={TOKENS}", f"data.rollout_batch_size={BATCH}",
        "data.filter_overlong_prompts_workers=1", "algorithm.disable_kl=true",
        f"{actor}.model.model_path={_model(place)}",
        f"{actor}.global_batch_size={BATCH}", f"{actor}.micro_batch_size_per_device_for_update={BATCH}",
        f"{actor}.micro_batch_size_per_device_for_experience={BATCH}", f"{actor}.padding_free=false",
        f"{actor}.dynamic_batching=false", f"{actor}.use_torch_compile=false", f"{actor}.optim.lr=1e-4",
        f"worker.rollout.n={GROUP}", "worker.rollout.tensor_parallel_size=1",
        f"worker.reward.reward_function={PLUGINS / 'easyr1_reward.py'}:compute_score", "trainer.n_gpus_per_node=1",
        f"trainer.max_steps={STEPS}", f"trainer.save_freq={STEPS}", "trainer.val_before_train=false",
        f"trainer.save_checkpoint_path={place.folder / 'saved'}", "trainer.logger=[console]", *settings,
        variables=RAY, seconds=3600,
    )  # fmt: skip


def _model(place: Workplace) -> Path:
    folder = place.folder / "model"
    return folder if folder.is_dir() else as_older(start(place), folder)


def _asked(place: Workplace, data: Path, name: str, most: int | None = None) -> Path:
    """A file of the export's rows that the model has some answer to."""
    file, rows = place.folder / f"{name}.jsonl", lines(data / "train.jsonl")
    file.write_text("".join(json.dumps(rows[number]) + "\n" for number in known_rows(place)[:most]), encoding="utf-8")
    return file


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
        Stage("GRPO, two steps, with the CPU for its GPU and transformers for vLLM", on_cpu),
    ),
)  # fmt: skip
