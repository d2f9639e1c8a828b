"""Runs lmms-eval's `vllm` model on `cgc_contrast`, and compares its answers with those of transformers."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cgc_bench.lmms.discovery import tasks_folder
from cgc_bench.lmms.tasks import documents, images, messages
from cgc_train.generate import generate
from cgc_train.model import load_processor, load_trained
from cgc_train.recipe import ModelSettings
from scripts.engines import vllm_cpu
from scripts.engines.records import Comparison, Stage, at_least, same
from scripts.engines.workplace import HOME, Workplace

TASKS = ("cgc_contrast_inter", "cgc_contrast_intra")
LIMIT, TOKENS = 12, 256  # questions per task; tokens per answer, because the tasks' 1024 would take too long here
MODEL = "max_model_len=2048,dtype=float32,enforce_eager=True,gpu_memory_utilization=0.3"
THE_SAME = 0.9  # share of answers: two implementations can diverge at a near-tie


def contrast(place: Workplace) -> list[Comparison]:
    """Let the warmed-up model answer the first questions of each task twice: in lmms-eval with vLLM, and with
    transformers. Compare the answers.
    """
    out = place.folder / "out"
    settings = {"CGC_BENCH_RELEASE": str(place.material.release), "CGC_BENCH_MAX_PIXELS": "9216"}
    settings["CGC_CACHE"] = str(HOME / "cache")
    place.run(
        "-m", "lmms_eval", "--model", "vllm", "--model_args", f"model={place.material.warm},{MODEL}",
        "--tasks", ",".join(TASKS), "--batch_size", "16", "--limit", str(LIMIT), "--output_path", str(out),
        "--gen_kwargs", f"max_new_tokens={TOKENS}", "--log_samples", "--verbosity", "DEBUG",
        seconds=vllm_cpu.SECONDS, variables={**vllm_cpu.VARIABLES, **settings},
    )  # fmt: skip
    with environment(settings):
        pairs = [pair for task in TASKS for pair in _pairs(place, out, task)]
        there = sum(min(LIMIT, len(_documents(task))) for task in TASKS)
    metrics = _metrics(out)
    return [
        same("questions that were asked and answered", len(pairs), there),
        same("tasks with all metrics", sum(_whole(metrics[task]) for task in TASKS), len(TASKS)),
        at_least(
            "share of answers that are identical to those of transformers",
            _share(pairs),
            THE_SAME,
            f"of {len(pairs)}",
        ),
    ]


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside the context, and restore the old values when the context ends."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _pairs(place: Workplace, out: Path, task: str) -> list[tuple[str, str]]:
    """For each of a task's first questions: the answer from lmms-eval and the answer from transformers."""
    (file,) = out.rglob(f"*_samples_{task}.jsonl")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    said = {line["doc_id"]: line["cgc_response"] for line in lines}
    docs = _documents(task)
    asked = [docs[place] for place in sorted(said)]
    model = load_trained(place.material.warm, device="cpu")
    processor = load_processor(ModelSettings(name=str(place.material.warm)))
    limits = {"max_new_tokens": TOKENS, "batch_size": 8}
    written = generate(model, processor, [messages(d) for d in asked], [images(d) for d in asked], **limits)  # type: ignore[arg-type, misc]
    return [(said[place], text) for place, (text,) in zip(sorted(said), written, strict=True)]


def _documents(task: str) -> Any:
    return documents(json.loads((tasks_folder() / "requests.json").read_text(encoding="utf-8"))[task])


def _metrics(out: Path) -> dict[str, dict[str, Any]]:
    (file,) = out.rglob("*_results.json")
    found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["results"]
    return found


def _whole(values: Mapping[str, Any]) -> bool:
    return {"acc@0.5,none", "miou,none", "leakage,none", "unreadable,none"} <= values.keys()


def _share(pairs: list[tuple[str, str]]) -> float:
    return sum(one.strip() == other.strip() for one, other in pairs) / max(1, len(pairs))


ENGINE = vllm_cpu.engine(
    "lmms-vllm",
    "vLLM under lmms-eval",
    Stage("The vllm model of lmms-eval on cgc_contrast", contrast),
    also=("lmms_eval",),
)
