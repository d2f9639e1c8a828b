"""LLaMA-Factory: supervised training on an export."""

import json
import re
from pathlib import Path
from typing import Any

import datasets
from transformers import AutoTokenizer

from cgc_train.tiny.tokenizer import IMAGE, VISION_END, VISION_START
from scripts.engines.records import Comparison, Engine, Stage, equal, same
from scripts.engines.trainers import MAX_PIXELS, STEPS, export, learned, lines, start
from scripts.engines.workplace import Workplace

# Its `qwen3_vl` template puts an empty thought before every answer and trains on it.
TEMPLATE = "qwen3_vl_nothink"
LAUNCH = "from llamafactory.train.tuner import run_exp; run_exp()"
SETTINGS = (
    "--stage", "sft", "--do_train", "true", "--finetuning_type", "full", "--template", TEMPLATE,
    "--image_max_pixels", str(MAX_PIXELS), "--cutoff_len", "4096", "--freeze_vision_tower", "false",
    "--freeze_multi_modal_projector", "false", "--per_device_train_batch_size", "2", "--max_steps", str(STEPS),
    "--logging_steps", "1", "--save_strategy", "no", "--learning_rate", "1e-3", "--bf16", "false",
    "--report_to", "none", "--use_cpu", "true", "--overwrite_cache", "true",
)  # fmt: skip
IGNORED = -100  # label of tokens excluded from training


def sft(place: Workplace) -> list[Comparison]:
    """Train for two steps. Compare the training tokens with the export, and the saved model with the initial model."""
    model, data, out, tokens = (
        start(place),
        export(place, "llamafactory"),
        place.folder / "out",
        place.folder / "tokens",
    )
    given = ("--model_name_or_path", str(model), "--dataset_dir", str(data), "--dataset", "cgc_train")
    place.run("-c", LAUNCH, *given, "--tokenized_path", str(tokens), "--output_dir", str(out), *SETTINGS)
    return [
        *_read_alike(lines(data / "train.jsonl"), tokens, model),
        same("steps logged", sum("loss" in line for line in _logged(out)), STEPS),
        *learned(out, model),
    ]


def _logged(out: Path) -> list[dict[str, Any]]:
    state = json.loads((out / "trainer_state.json").read_text(encoding="utf-8"))
    history: list[dict[str, Any]] = state["log_history"]
    return history


def _read_alike(rows: list[dict[str, Any]], tokens: Path, model: Path) -> list[Comparison]:
    """Convert the prompts and answers of the export to the model's chat format, and compare them with the trainer's
    tokenized rows.
    """
    tokenizer = AutoTokenizer.from_pretrained(model)
    read = list(datasets.load_from_disk(str(tokens))["train"])
    trained = [tokenizer.decode([label for label in row["labels"] if label != IGNORED]) for row in read]
    asked = [
        tokenizer.decode([t for t, kept in zip(r["input_ids"], r["labels"], strict=True) if kept == IGNORED])
        for r in read
    ]
    return [
        equal("prompts that contain all their images", [_once(text) for text in asked], [_prompt(row) for row in rows]),
        equal("answers used for training", trained, [f"{row['messages'][1]['content']}<|im_end|>\n" for row in rows]),
    ]


def _once(prompt: str) -> str:
    """A prompt with the tokens of each image collapsed into one."""
    return re.sub(f"({re.escape(IMAGE)})+", IMAGE, prompt)


def _prompt(row: dict[str, Any]) -> str:
    question = row["messages"][0]["content"].replace("<image>", f"{VISION_START}{IMAGE}{VISION_END}")
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


ENGINE = Engine(
    name="llamafactory",
    title="LLaMA-Factory",
    packages=("llamafactory", "torch", "transformers", "trl", "peft", "datasets"),
    requirements=("llamafactory==0.9.5",),
    gigabytes=2.0,
    trainer=True,
    stages=(Stage("SFT on an export", sft),),
)
