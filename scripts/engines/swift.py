"""Tests ms-swift: GRPO on an export, with this project's reward as a plugin."""

import json
from pathlib import Path
from typing import Any

from scripts.engines.records import Comparison, Engine, Stage, at_most, same
from scripts.engines.trainers import (
    MAX_PIXELS,
    PLUGINS,
    STEPS,
    Paid,
    advantages,
    export,
    known_rows,
    learned,
    lines,
    paid_alike,
    start,
    told_apart,
)
from scripts.engines.weights import difference
from scripts.engines.workplace import Workplace

BATCH, GROUP, TOKENS = 8, 4, 160
SECONDS = 3600
SAVED = f"checkpoint-{STEPS}"
TOKEN = 32 * 32  # pixels per image token
REWARDS = ("cgc_miou", "cgc_format")
SETTINGS = (
    "--use_vllm", "false", "--tuner_type", "full", "--freeze_vit", "false", "--torch_dtype", "float32",
    "--fp16", "false", "--bf16", "false", "--gradient_checkpointing", "false",
    "--num_generations", str(GROUP), "--per_device_train_batch_size", str(BATCH), "--max_steps", str(STEPS),
    "--weight_decay", "0", "--temperature", "1.1", "--max_completion_length", str(TOKENS),
    "--learning_rate", "1e-4", "--lr_scheduler_type", "constant", "--warmup_ratio", "0", "--logging_steps", "1",
    "--save_steps", str(STEPS), "--log_completions", "true", "--report_to", "none", "--split_dataset_ratio", "0",
    "--add_version", "false", "--load_from_cache_file", "false",
)  # fmt: skip


def grpo(place: Workplace) -> list[Comparison]:
    """Run two steps, and check the rewards and the saved weights. As a control, repeat the run with all reward weights
    set to zero. The second run must not change the model.
    """
    model, data = start(place), _asked(place)
    out, unpaid = (_train(place, model, data, name, weight) for name, weight in (("out", "1"), ("unpaid", "0")))
    paid = _paid(out / "completions.jsonl", lines(data))
    return [
        same("steps logged", len([line for line in lines(out / "logging.jsonl") if "loss" in line]), STEPS),
        *paid_alike(place, paid, BATCH * STEPS),
        told_apart(paid, GROUP),
        advantages(paid, GROUP),
        *learned(out / SAVED, model),
        at_most("change in the model's weights if every reward weight is zero", difference(unpaid / SAVED, model), 0),
    ]


def _train(place: Workplace, model: Path, data: Path, name: str, weight: str) -> Path:
    out = place.folder / name
    place.run(
        "-m", "swift.cli.main", "rlhf", "--rlhf_type", "grpo",
        "--model", str(model), "--model_type", "qwen3_vl", "--template", "qwen3_vl", "--dataset", str(data),
        "--external_plugins", str(PLUGINS / "swift_reward.py"), "--reward_funcs", *REWARDS,
        "--reward_weights", *[weight] * len(REWARDS), *SETTINGS, "--output_dir", str(out),
        variables={"IMAGE_MAX_TOKEN_NUM": str(MAX_PIXELS // TOKEN), "USE_HF": "1"}, seconds=SECONDS,
    )  # fmt: skip
    return out


def _asked(place: Workplace) -> Path:
    """Write a file with the exported training rows that the model can answer."""
    file, rows = place.folder / "asked.jsonl", lines(export(place, "swift") / "train.jsonl")
    kept = [rows[number] for number in known_rows(place)]
    file.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    return file


def _paid(file: Path, rows: list[dict[str, Any]]) -> list[Paid]:
    """The logged completions of all steps, matched to `rows`. Completions that do not match a row are omitted.

    At the end, the trainer logs its last step again. This repetition is ignored.
    """
    found = []
    for step in lines(file)[:STEPS]:
        columns = (step[name] for name in ("prompt", "solution", "completion", *REWARDS, "advantages"))
        for prompt, solution, text, miou, form, gain in zip(*columns, strict=True):
            asked = (row for row in rows if row["solution"] == solution and row["messages"][0]["content"] in prompt)
            found += [Paid(row["id"], text, {"miou": miou, "format": form}, gain) for row in list(asked)[:1]]
    return found


ENGINE = Engine(
    name="swift",
    title="ms-swift",
    packages=("ms-swift", "torch", "transformers", "trl", "peft", "datasets"),
    requirements=("ms-swift==4.6.0", "trl==0.29.1", "datasets==4.8.4"),
    gigabytes=2.0,
    trainer=True,
    stages=(Stage("GRPO on an export, with the reward as its plugin", grpo),),
)
