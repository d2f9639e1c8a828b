"""Tests on a CPU whether GRPO with the real reward teaches a tiny random model to distinguish images.

Usage: python benchmarks/learning.py [--seeds 0 1 2] [--work FOLDER] [--jobs 2] [--quick] [--docs docs]

The script paints photos and builds a release from them. Because a randomly initialized model cannot recognize any
object, the model is first trained with SFT on traces (reasoning texts) that name what each image shows. This training
ends when R_miou on held-out rows reaches a fixed threshold. Four experiments (arms) then start from the trained model,
each with the same number of steps: GRPO, GRPO with the solutions permuted among the rows, SFT, and GRPO with a reward
that ignores the image index. The model of every arm answers the same held-out rows, which show photos that were not
used in training. If you run the script again with the same `--work`, it skips every step whose results are already
there. The results do not apply to models of practical size.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.learning_page import ARMS, report

SAMPLES = 8  # samples per held-out row, at the training temperature


@dataclass(frozen=True)
class Scale:
    """The size of an experiment. The tests run a short experiment, `QUICK`."""

    photos: int
    samples: int
    skill: float  # held-out R_miou at which the warm-up ends
    warm_up_steps: int  # maximum number of steps
    steps: int
    held_out_rows: int
    arms: tuple[str, ...]


FULL = Scale(3000, 6000, 0.4, 1800, 300, 160, tuple(ARMS))
QUICK = Scale(300, 600, 0.05, 60, 4, 24, ("grpo", "permuted"))


def main() -> None:
    """Run the unfinished parts of every seed, up to `--jobs` seeds at a time. Then write learning.json, the table, and
    the curve.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, help="folder for the runs; default: a temporary folder")
    parser.add_argument("--jobs", type=int, default=2, help="number of seeds to run at a time")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="quick test: run only a few steps per part (the results are meaningless)",
    )
    parser.add_argument(
        "--docs", type=Path, help=("folder in which to write the table in learning.md and the curve in pictures/")
    )
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        if options.only is not None:
            run_seed(options.only, scale, work)
            return
        prepare(scale, work)
        run_seeds(options.seeds, options, work)
        outcome = {seed: read_seed(seed, scale, work) for seed in options.seeds}
        kept = {"scale": asdict(scale), "seeds": outcome}
        (work / "learning.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
        report(outcome, scale.arms, options.docs)


def run_seeds(seeds: Sequence[int], options: Any, work: Path) -> None:
    """Run each seed in a separate process, on one core."""
    quick = ["--quick"] if options.quick else []
    # threads only slow each other down at this size; nothing is downloaded
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CGC_CACHE": str(work / "cache")}
    waiting, running = list(seeds), []
    while waiting or running:
        while waiting and len(running) < options.jobs:
            seed = waiting.pop(0)
            command = [sys.executable, __file__, "--work", str(work), "--only", str(seed), *quick]
            log = (work / f"seed-{seed}.log").open("w")
            running.append((seed, subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)))
        seed, process = running.pop(0)
        if process.wait():
            raise SystemExit(f"seed {seed} failed: see {work / f'seed-{seed}.log'}")


def prepare(scale: Scale, work: Path) -> None:
    """Paint the photos and build the release, unless they exist."""
    build(work, work / "release", scale.photos, {"samples": scale.samples})


def build(work: Path, release: Path, photos: int, changes: dict[str, Any]) -> None:
    """Build a release from photos painted in `work`, unless it exists. `changes` override the default settings."""
    from cgc_data.builder.release import build_release
    from cgc_data.common.settings import merge
    from cgc_data.config import parse_config
    from cgc_data.painter import paint

    if (release / "manifest.json").is_file():
        return
    if not (work / "photos").exists():
        paint("single", work / "photos", photos=photos)
    config = {
        "name": "learning",
        "sources": [
            {
                "kind": "coco",
                "annotations": str(work / "photos" / "annotations" / f"instances_{file}.json"),
                "images": str(work / "photos" / "images" / name),
                "exhaustive": True,
                "split": split,
            }
            for file, name, split in (("train", "train2017", "auto"), ("test", "val2017", "test"))
        ],
        "preset": "paper",
        "confusable": "labeled",
        "limits": {"min_side": 16},
        "splits": {"near_duplicate": 0, "validation": 0.12},
        "inter": {"max_images": 2, "hard": 0, "decoupled_similarity": 0.6},
        "intra": {"max_views": 2, "view_sizes": [128]},
        "tasks": {"inter/locate": 0.48, "inter/locate_all": 0.32, "intra/same_object": 0.2, "intra/locate_all": 0},
    }
    build_release(parse_config(merge(config, changes), "learning"), release)


def recipe(scale: Scale, work: Path, seed: int, model: Path, *settings: str) -> Any:
    """The recipe of an arm. `settings` are KEY=VALUE overrides, as on the command line."""
    from cgc_train.recipe import load_recipe

    values = {
        "name": "learning",
        "accelerate": "cpu",
        "model": {"name": str(model), "dtype": "float32", "freeze_vision": False},
        "data": {
            "release": str(work / "release"),
            "max_pixels": 4096,
            "seed": seed,
            "held_out_rows": scale.held_out_rows,
            "held_out_every": max(scale.steps // 4, 1),
        },
        "sft": {
            "learning_rate": 3e-3,
            "lr_scheduler_type": "constant_with_warmup",
            "warmup_steps": 100,
            "weight_decay": 0.0,
            "adam_beta2": 0.98,
            "per_device_train_batch_size": 32,
            "per_device_eval_batch_size": 50,
            "max_steps": scale.warm_up_steps,
            "logging_steps": 20,
        },
        "grpo": {
            "learning_rate": 6e-4,
            "lr_scheduler_type": "constant",
            "adam_beta2": 0.98,
            "beta": 0.0,
            "num_generations": 8,
            "per_device_train_batch_size": 64,
            "per_device_eval_batch_size": 50,
            "gradient_accumulation_steps": 1,
            "gradient_checkpointing": False,
            "max_completion_length": 72,
            "max_steps": scale.steps,
            "save_strategy": "no",
            "logging_steps": 5,
            "log_completions": True,
            "num_completions_to_print": 0,
        },
    }
    path = work / f"recipe-{seed}-{os.getpid()}.yaml"
    path.write_text(json.dumps(values), encoding="utf-8")
    loaded = load_recipe(str(path), list(settings))
    path.unlink()
    return loaded


def run_seed(seed: int, scale: Scale, work: Path) -> None:
    """Warm up a model, train every arm from the warmed-up model, and sample answers."""
    import torch

    from cgc_train.data import training_set
    from cgc_train.grpo import run_grpo
    from cgc_train.run import image_folder, open_run
    from cgc_train.sft import run_sft
    from cgc_train.tiny import write_tiny

    torch.set_num_threads(1)
    folder = work / f"seed-{seed}"
    tiny, warm = folder / "tiny", folder / "warm"
    if not tiny.exists():
        write_tiny(tiny, seed=seed)
    plain = recipe(scale, work, seed, tiny, f"data.held_out_every={min(60, scale.warm_up_steps)}")
    named = naming(training_set(plain, image_folder=image_folder(), completions=True), work)
    if not done(warm):
        run_sft(plain, warm, until=scale.skill, rows=named)
    start = open_run(warm).model_folder
    rows = training_set(plain, image_folder=image_folder())
    for arm in scale.arms:
        target = folder / arm
        if done(target):
            continue
        if arm == "sft":
            settings = (f"sft.max_steps={scale.steps}", "sft.per_device_train_batch_size=8", "sft.learning_rate=6e-4")
            run_sft(recipe(scale, work, seed, start, *settings), target, rows=named)
        else:
            settings = ("reward.source_aware=false",) if arm == "no-source" else ()
            chosen = permuted(rows, seed) if arm == "permuted" else rows
            run_grpo(recipe(scale, work, seed, start, *settings), target, rows=chosen)
    for arm in ("warm", *scale.arms):
        if not (folder / arm / "sampled.json").is_file():
            sample(open_run(folder / arm))


def sample(run: Any) -> None:
    """Sample answers with the training settings, and write their mean reward. This mean is an estimate of the expected
    reward, which GRPO maximizes.
    """
    from cgc_data.metrics import score_item, truth_of
    from cgc_train.data import held_out_set
    from cgc_train.generate import generate
    from cgc_train.model import load_processor, load_trained
    from cgc_train.run import image_folder

    model, processor = load_trained(run.model_folder), load_processor(run.recipe.model, run.recipe.data.max_pixels)
    rows = held_out_set(run.recipe, image_folder())
    answers = generate(
        model, processor, rows["prompt"], rows["images"], max_new_tokens=72, temperature=1.0, samples=SAMPLES,
        batch_size=20,
    )  # fmt: skip
    scores = [
        score_item(text, truth_of(row), lenient=False)
        for row, drawn in zip(rows, answers, strict=True)
        for text in drawn
    ]
    reward = sum(score.miou + score.valid for score in scores) / len(scores)
    (run.folder / "sampled.json").write_text(json.dumps({"reward": reward, "answers": len(scores)}), encoding="utf-8")


def done(folder: Path) -> bool:
    """Whether a run is finished. If not, rename its folder, so that the run can start again."""
    if any((folder / "model").glob("*.safetensors")):
        return True
    if folder.exists():
        folder.rename(folder.with_name(f"{folder.name}-broken-{os.getpid()}"))
    return False


def naming(rows: Any, work: Path) -> Any:
    """The rows, each with a trace (reasoning text) that names the kind of object in each image. The kinds come from the
    painted annotations.
    """
    from cgc_data.answer import Object, format_response

    shown = kinds_shown(work)

    def completion(row: dict[str, Any]) -> dict[str, Any]:
        names = [shown[view["file_name"]] for view in row["views"]]
        trace = " ".join(f"Image {number} shows {name}." for number, name in enumerate(names, 1))
        objects = [Object(o["img_idx"], tuple(o["bbox_2d"]), o["label"]) for o in row["objects"]]
        text = format_response(objects, trace)
        return {"completion": [{"role": "assistant", "content": [{"type": "text", "text": text}]}]}

    return rows.map(completion)


def kinds_shown(work: Path) -> dict[str, str]:
    """The kind of object in each painted photo, by file name. Each photo shows only one kind."""
    from cgc_data.vocabulary import readable

    names: dict[str, str] = {}
    for path in sorted((work / "photos" / "annotations").glob("*.json")):
        content = json.loads(path.read_bytes())
        kinds = {category["id"]: readable(category["name"]).singular for category in content["categories"]}
        files = {image["id"]: image["file_name"] for image in content["images"]}
        names |= {
            files[annotation["image_id"]]: kinds[annotation["category_id"]] for annotation in content["annotations"]
        }
    return names


def permuted(rows: Any, seed: int) -> Any:
    """The same prompts and images, with the solutions randomly reassigned to the rows."""
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    solutions = ["task", "contrast", "query", "objects", "views", "evidence", "pair_id", "difficulty", "answer"]
    other = rows.select(order).select_columns(solutions)
    from datasets import concatenate_datasets

    return concatenate_datasets([rows.remove_columns(solutions), other], axis=1)


def read_seed(seed: int, scale: Scale, work: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Metrics of every arm on the held-out rows, by step."""
    from cgc_train.run import open_run

    folder, curves = work / f"seed-{seed}", {}
    for arm in scale.arms:
        lines = [line for line in open_run(folder / arm).metrics() if line.get("kind") == "held_out"]
        points = {str(line["step"]): {**line, "reward": line["miou"] + line["format"]} for line in lines}
        for step, run in ((0, "warm"), (scale.steps, arm)):
            points[str(step)]["sampled reward"] = json.loads((folder / run / "sampled.json").read_bytes())["reward"]
        curves[arm] = points
    return curves


if __name__ == "__main__":
    main()
