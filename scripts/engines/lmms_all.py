"""Runs the group `cgc_all` with three model types of lmms-eval. All three must receive the same prompts, with the same
images in the same order.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from cgc_bench.transfer.items import TASKS
from cgc_bench.transfer.prepare import prepare_transfer
from scripts.engines import vllm_cpu
from scripts.engines.lmms_vllm import environment
from scripts.engines.records import Comparison, Stage, at_least, equal, same
from scripts.engines.workplace import Workplace
from tests.cgc_bench.official_files import mig_folder, prepare, vlm2_folder
from tests.cgc_bench.transfer_rows import repository

LIMIT, TOKENS = 2, 4  # number of questions per task; maximum number of tokens per answer
ENGINE_ARGUMENTS = "max_model_len=4096,dtype=float32,enforce_eager=True,gpu_memory_utilization=0.3"
MODELS = ("qwen3_vl", "vllm", "openai")


def every_task(place: Workplace) -> list[Comparison]:
    """Run the group on stand-in benchmark files, once with each model type. Compare the requests that the models
    received.
    """
    settings = prepared(place.folder, place.material.release)
    sent = {model: asked(place, model, settings) for model in MODELS}
    reference, *others = MODELS
    requests, items = sent[reference]
    images = sum(kind == "image" for request in requests for kind, _ in json.loads(request))
    return [
        at_least("requests", len(requests), 2, f"with {images} images"),
        same("items in lmms-eval's samples files (one per request)", len(items), len(requests)),
        *(
            equal(
                f"prompts and images that the model {model} received, compared with {reference}",
                sent[model][0],
                requests,
            )
            for model in others
        ),
        *(
            equal(f"items that the model {model} answered, compared with {reference}", sent[model][1], items)
            for model in others
        ),
    ]


def prepared(folder: Path, release: Path) -> dict[str, str]:
    """Prepare stand-in files for every benchmark, and return the environment variables for commands that use them."""
    settings = {
        "CGC_CACHE": str(folder / "cache"),
        "HF_DATASETS_CACHE": str(folder / "datasets"),
        "HF_HUB_OFFLINE": "1",
        "CGC_BENCH_RELEASE": str(release),
        "CGC_BENCH_MAX_PIXELS": "9216",
        "CGC_BENCH_PROFILE": "lmms-eval-default",  # by default, two tasks use lmms-eval's own prompts for each model
    }
    with environment(settings):
        root, annotations = mig_folder(folder)
        prepare("mig", source=root, annotations=annotations)
        prepare("vlm2", source=vlm2_folder(folder))
        for task in TASKS:
            prepare_transfer(task, source=repository(folder, task))
    return settings


def asked(place: Workplace, model: str, settings: dict[str, str]) -> tuple[list[str], set[tuple[str, int]]]:
    """Run the group with a model. Returns the sorted requests that the model received, and the items in lmms-eval's
    samples files as (task, number).
    """
    sent, out = place.folder / f"{model}.jsonl", place.folder / model
    place.run(
        "-m", "scripts.engines.lmms_sent", str(sent), model, "--tasks", "cgc_all", "--limit", str(LIMIT),
        "--gen_kwargs", f"max_new_tokens={TOKENS}", "--output_path", str(out), "--log_samples",
        *arguments(place, model),
        seconds=vllm_cpu.SECONDS, variables={**vllm_cpu.VARIABLES, **settings},
    )  # fmt: skip
    return sorted(sent.read_text(encoding="utf-8").splitlines()), items_of(out)


def arguments(place: Workplace, model: str) -> Sequence[str]:
    """The command-line arguments for one model."""
    if model == "vllm":
        return "--model_args", f"model={place.material.warm},{ENGINE_ARGUMENTS}", "--batch_size", "16"
    if model == "qwen3_vl":
        return "--model_args", f"pretrained={place.material.warm},device_map=cpu", "--device", "cpu"
    return ()


def items_of(out: Path) -> set[tuple[str, int]]:
    """Task and number of every item in the samples files."""
    found = set()
    for file in out.rglob("*_samples_*.jsonl"):
        task = file.stem.partition("_samples_")[2]
        found |= {(task, json.loads(line)["doc_id"]) for line in file.read_text(encoding="utf-8").splitlines()}
    return found


ENGINE = vllm_cpu.engine(
    "lmms-models",
    "cgc_all by three models of lmms-eval",
    Stage("qwen3_vl, vllm, and openai", every_task),
    also=("lmms_eval",),
)
