"""Tests EasyR1: its dataset class on an export, its reward manager with this project's reward, and its trainer."""

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
SOURCE = os.environ.get("EASYR1_REPOSITORY", "https://github.com/hiyouga/EasyR1")
COMMIT, OLDER_COMMIT = "b44b311b669bf1fd1aa2fc36f2251482ba33cb16", "v0.3.2"

CAUSE = """Upstream: importing EasyR1's trainer also imports vLLM, in line `24` of
`verl/workers/rollout/vllm_rollout_spmd.py`. EasyR1 can sample only with vLLM, and it requires the packages `vllm` and
`flash-attn`. Also, `verl/workers/fsdp_workers.py` needs NCCL in line `83` and flash-attn in line `215`, and no setting
changes this. The environment for EasyR1 does not contain vLLM's CPU build: this project runs that build with a
newer version of transformers, and EasyR1 supports only versions below `5.0.0`. No upstream issue was found.

Tried: EasyR1's release `0.3.2` (see [below](#easyr1-an-older-version)), and stubs for the GPU and vLLM (see the next
stage).
The stubs replace functions of `torch.cuda`. They use gloo instead of NCCL, PyTorch's attention instead of
flash-attn, and CPU device meshes instead of GPU device meshes. A stub module named `vllm` samples with transformers."""
OLDER_CAUSE = """Upstream: this version fails at the same line as the newer [EasyR1](#easyr1)."""
BATCH, GROUP, TOKENS = 2, 4, 160  # steps of training on a stub; TOKENS is the value in `scripts.engines.sampler`
PROMPT = 256  # tokens


def grpo(place: Workplace) -> list[Comparison]:
    """Run two steps of EasyR1's unmodified trainer."""
    data = export(place, "easyr1")
    place.run(
        "-m", "verl.trainer.main", f"data.train_files={data / 'train.jsonl'}", f"data.val_files={data / 'test.jsonl'}",
        "data.prompt_key=problem", f"data.image_dir={data}", "data.format_prompt=null",
        f"worker.actor.model.model_path={_model(place)}", f"trainer.max_steps={STEPS}", "trainer.logger=[console]",
        f"worker.reward.reward_function={PLUGINS / 'easyr1_reward.py'}:compute_score", "trainer.n_gpus_per_node=1",
        variables=RAY, seconds=900,
    )  # fmt: skip
    return not_reached()


def on_stub(place: Workplace) -> list[Comparison]:
    """Run two steps with `scripts.engines.easyr1_cpu`. Check the rewards of the responses and the saved weights."""
    told = place.folder / "told.jsonl"
    rows, few = _asked(place, "asked"), _asked(place, "few", 2)
    _train(place, rows, few, told)
    paid = _paid(told, lines(rows))
    return [
        *paid_alike(place, paid, BATCH * GROUP * STEPS),
        told_apart(paid, GROUP),
        *learned(_whole(place), start(place)),
    ]


def _train(place: Workplace, rows: Path, few: Path, told: Path) -> None:
    actor, reward = "worker.actor", "worker.reward"
    place.run(
        "-m", "scripts.engines.easyr1_cpu", f"data.train_files={rows}", f"data.val_files={few}",
        "data.prompt_key=problem", f"data.image_dir={place.folder / 'exported'}", "data.format_prompt=null",
        "data.min_pixels=1024", f"data.max_pixels={MAX_PIXELS}", f"data.max_prompt_length={PROMPT}",
        f"data.max_response_length={TOKENS}", f"data.rollout_batch_size={BATCH}",
        "data.filter_overlong_prompts_workers=1", "algorithm.disable_kl=true",
        f"{actor}.model.model_path={_model(place)}", f"{actor}.global_batch_size={BATCH}",
        f"{actor}.micro_batch_size_per_device_for_update={BATCH}",
        f"{actor}.micro_batch_size_per_device_for_experience={BATCH}", f"{actor}.padding_free=false",
        f"{actor}.dynamic_batching=false", f"{actor}.use_torch_compile=false", f"{actor}.optim.lr=1e-4",
        f"{actor}.fsdp.mp_param_dtype=fp32", f"{actor}.fsdp.enable_rank0_init=false",
        f"worker.rollout.n={GROUP}", "worker.rollout.val_override_config.n=1",
        "worker.rollout.tensor_parallel_size=1",
        f"{reward}.reward_function={Path(easyr1_noted.__file__)}:compute_score",
        f"{reward}.reward_function_kwargs.told={told}", "trainer.n_gpus_per_node=1", f"trainer.max_steps={STEPS}",
        f"trainer.save_freq={STEPS}", "trainer.val_before_train=false",
        f"trainer.save_checkpoint_path={place.folder / 'saved'}", "trainer.logger=[console]",
        variables=RAY, seconds=3600,
    )  # fmt: skip


def _paid(told: Path, rows: list[dict[str, Any]]) -> list[Paid]:
    """The responses sampled during training, with their rows.

    The log lists these responses before those sampled during validation.
    """
    asked = {row["answer"]: row["id"] for row in rows}
    answered = lines(told)[: BATCH * GROUP * STEPS]
    paid = [Paid(asked[one["answer"]], one["response"], one["terms"]) for one in answered]
    return sorted(paid, key=lambda one: one.row)


def _whole(place: Workplace) -> Path:
    """Copy the initial model, replace the copy's weights with those that EasyR1 saved, and return the copy's folder."""
    (file,) = (place.folder / "saved" / f"global_step_{STEPS}" / "actor").glob("model_world_size_1_*.pt")
    folder = copytree(start(place), place.folder / "whole")
    weights = {name: weight.float().clone() for name, weight in torch.load(file).items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def _model(place: Workplace) -> Path:
    folder = place.folder / "model"
    return folder if folder.is_dir() else as_older(start(place), folder)


def _asked(place: Workplace, name: str, most: int | None = None) -> Path:
    """Write a file with at most `most` of the export's training rows, all from tasks that the model can answer."""
    file, rows = place.folder / f"{name}.jsonl", lines(export(place, "easyr1") / "train.jsonl")
    file.write_text("".join(json.dumps(rows[number]) + "\n" for number in known_rows(place)[:most]), encoding="utf-8")
    return file


def _engine(name: str, title: str, commit: str, *stages: Stage) -> Engine:
    return Engine(
        name=name,
        title=title,
        packages=("verl", "torch", "transformers", "tensordict", "ray", "datasets"),
        # Its package is called verl. It requires vLLM and flash-attn, which data and reward do not need.
        # omegaconf 2.4 rejects the type of one of its settings.
        alone=(f"verl @ git+{SOURCE}@{commit}",),
        requirements=(
            "transformers==4.57.6", "datasets==4.8.4", "tensordict", "ray[default]", "codetiming", "omegaconf<2.4",
            "qwen-vl-utils", "mathruler", "pylatexenc", "torchdata",
        ),
        gigabytes=2.0,
        trainer=True,
        stages=stages,
    )  # fmt: skip


ENGINE = _engine(
    "easyr1",
    "EasyR1",
    COMMIT,
    Stage(
        "Dataset class and reward manager on an export",
        partial(managed, trainer="easyr1", file="train.jsonl", old=True),
    ),
    Stage("GRPO, two steps", grpo, CAUSE),
    Stage("GRPO, two steps, with stubs for the GPU and vLLM", on_stub),
)
OLDER = _engine("easyr1-older", "EasyR1, an older version", OLDER_COMMIT, Stage("GRPO, two steps", grpo, OLDER_CAUSE))
