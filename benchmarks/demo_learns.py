"""Measures how much the model from `make demo` improves on held-out rows when it is trained with GRPO and the tiny-cpu
recipe. Three seeds are used.

Usage: python benchmarks/demo_learns.py --work FOLDER [--seeds 0 1 2] [--rebuilt NAME=FOLDER] [--quick] [--docs docs]

As in `make demo`, photos are painted, a release is built from examples/painted.yaml, and GRPO starts from the warmed-up
tiny model. Before and after training, the model answers each held-out row eight times at the training temperature. For
each metric, the change from before to after is computed per row and averaged over the rows. Its confidence interval is
bootstrapped over photo sets. The warmed-up model is also called the warm start. If you rebuilt the warm start, pass
`--rebuilt NAME=FOLDER` with the folder of your copy and any name for it. Your copy then answers the same rows, and its
metrics are compared with those of the packaged warm start. If you run the script again with the same `--work`, it skips
every step whose results are already there.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import markdown  # noqa: E402

Figures: TypeAlias = dict[str, Any]
PHOTOS, ROWS, SAMPLES = 800, 160, 8
# Means over the samples of a row, except for `greedy`: R_miou of the greedy answer. A metric that is not defined for
# the row is missing.
SHOWN = ("miou", "greedy", "source", "false_empty", "hallucinated", "valid")
NAMES = ("R_miou", "R_miou, greedy", "right images", "`false_empty`", "hallucination", "format")
TITLES = dict(zip(SHOWN, NAMES, strict=True))
QUICK = ("grpo.max_steps=2", "data.held_out_rows=4")
BEGIN, END = "<!-- table: benchmarks/demo_learns.py -->", "<!-- end of table -->"


def main() -> None:
    """Train with every seed, measure the results, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the photos, the release, and the runs")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds for the row order and for sampling answers"
    )
    parser.add_argument("--rebuilt", nargs="*", default=[], metavar="NAME=FOLDER", help="rebuilt warm starts")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="quick test: run only two steps per part (the results are meaningless)",
    )
    parser.add_argument(
        "--docs", type=Path, help=("folder in which to write demo_learns.json and the table in learning.md")
    )
    parser.add_argument("--set", nargs="*", default=[], help="settings that override the recipe")
    options = parser.parse_args()
    others = [
        (name, str(Path(folder).resolve())) for name, _, folder in (given.partition("=") for given in options.rebuilt)
    ]
    work, docs = options.work.resolve(), options.docs and options.docs.resolve()
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CGC_CACHE": str(work / "cache")}
    made(work)
    rows = 8 if options.quick else ROWS
    settings = [*(QUICK if options.quick else ()), *options.set]
    before = sampled(work / "demo" / "tiny", work, rows)
    outcome = {
        "seeds": {str(seed): learned(seed, work, rows, before, settings) for seed in options.seeds},
        "rebuilt": {name: rebuilt(name, Path(folder), work, rows, before) for name, folder in others},
    }
    print(tables(outcome))
    if docs:
        write(outcome, docs)


def made(work: Path) -> None:
    """Make the photos, the release, and the warmed-up model, as `make demo` does."""
    from cgc_data.builder.release import build_release
    from cgc_data.config import load_config
    from cgc_data.painter import paint
    from cgc_train.tiny import write_warm

    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)  # paths in the configuration are relative to where `make` runs
    if not Path("demo/photos").exists():
        paint("single", Path("demo/photos"), photos=PHOTOS)
    if not Path("demo/painted/manifest.json").is_file():
        build_release(load_config(ROOT / "examples" / "painted.yaml", {}), Path("demo/painted"))
    if not Path("demo/tiny").exists():
        write_warm(Path("demo/tiny"))


def learned(seed: int, work: Path, rows: int, before: Figures, settings: Sequence[str]) -> Figures:
    """Run GRPO with a seed. Returns the metrics before and after training, the changes between them, and the CPU
    seconds of training.
    """
    from cgc_train.grpo import run_grpo
    from cgc_train.recipe import load_recipe

    folder = work / f"run-{seed}"
    if not (folder / "seconds.json").is_file():
        recipe = load_recipe("tiny-cpu", [f"data.seed={seed}", f"grpo.seed={seed}", *settings])
        wall, busy = time.monotonic(), time.process_time()
        run_grpo(recipe, folder)
        spent = {"wall": round(time.monotonic() - wall), "processor": round(time.process_time() - busy)}
        (folder / "seconds.json").write_text(json.dumps(spent), encoding="utf-8")
    after = sampled(folder / "model", work, rows)
    spent = json.loads((folder / "seconds.json").read_bytes())
    return {"seconds": spent["processor"]} | differences(before, after)


def rebuilt(name: str, model: Path, work: Path, rows: int, before: Figures) -> Figures:
    """Compare a rebuilt warm start with the packaged one."""
    copy = work / "rebuilt" / name
    if not copy.exists():
        shutil.copytree(model, copy)
    return differences(before, sampled(copy, work, rows))


def differences(before: Figures, after: Figures) -> Figures:
    """Every metric before and after training, with its change."""
    photos = after["photos"]
    return {"rows": len(photos), "photo sets": len(set(photos))} | {
        name: compared(before[name], after[name], photos) for name in SHOWN
    }


def compared(before: Sequence[float | None], after: Sequence[float | None], photos: Sequence[str]) -> Figures:
    """Means of a metric before and after training, and the mean difference with its 95 % interval.

    The hallucination metric is undefined for an unreadable answer. Both means skip every row that lacks a value from
    before or after training.
    """
    from cgc_data.metrics import estimate

    pairs = [(old, new, photo) for old, new, photo in zip(before, after, photos, strict=True) if None not in (old, new)]
    rise = estimate([new - old for old, new, _ in pairs], [photo for *_, photo in pairs], resamples=5000)  # type: ignore[operator]
    means = [sum(column) / max(len(pairs), 1) for column in ([p[0] for p in pairs], [p[1] for p in pairs])]  # type: ignore[arg-type]
    return {"before": means[0], "after": means[1], "rise": [rise.value, rise.low, rise.high], "rows": len(pairs)}


def sampled(model: Path, work: Path, count: int) -> Figures:
    """For each held-out row, the mean of every metric over its sampled answers. It is cached in `work`."""
    from cgc_data.metrics import score_item, truth_of
    from cgc_train.data import held_out_set
    from cgc_train.generate import generate
    from cgc_train.model import load_processor, load_trained
    from cgc_train.recipe import load_recipe
    from cgc_train.run import image_folder

    path = work / f"sampled-{model.parent.name}-{model.name}-{count}.json"
    if path.is_file():
        return dict(json.loads(path.read_bytes()))
    recipe = load_recipe("tiny-cpu", [f"data.held_out_rows={count}"])
    rows = held_out_set(recipe, image_folder())
    truths, loaded = [truth_of(row) for row in rows], load_trained(model)
    processor, most = load_processor(recipe.model, recipe.data.max_pixels), recipe.grpo["max_completion_length"]

    def scored(temperature: float, samples: int) -> list[list[Any]]:
        answers = generate(
            loaded, processor, rows["prompt"], rows["images"],
            max_new_tokens=most, temperature=temperature, samples=samples, batch_size=32,
        )  # fmt: skip
        return [
            [score_item(text, truth, lenient=False) for text in drawn]
            for truth, drawn in zip(truths, answers, strict=True)
        ]

    drawn, greedy = scored(1.0, SAMPLES), scored(0.0, 1)
    found: Figures = {
        name: [mean([getattr(score, name) for score in row]) for row in drawn] for name in SHOWN if name != "greedy"
    }
    found |= {"greedy": [score.miou for (score,) in greedy], "photos": [truth.photos for truth in truths]}
    path.write_text(json.dumps(found), encoding="utf-8")
    return found


def mean(values: Sequence[float | bool | None]) -> float | None:
    """The mean of the values, ignoring None; None if no value is left."""
    kept = [float(value) for value in values if value is not None]
    return sum(kept) / len(kept) if kept else None


def tables(outcome: Figures) -> str:
    """Two tables: the results of each seed, and each rebuilt warm start compared with the packaged one."""
    return f"{table(outcome['seeds'], 'seed')}\n{table(outcome['rebuilt'], 'warm start')}"


def table(outcome: Figures, first: str) -> str:
    """One line per seed or rebuilt warm start: each metric before and after, and its change."""
    timed = all("seconds" in found for found in outcome.values())
    head = [first, *(["seconds"] if timed else []), *TITLES.values()]
    rows = [
        [name, *([str(found["seconds"])] if timed else []), *(shown(found[metric]) for metric in SHOWN)]
        for name, found in outcome.items()
    ]
    return markdown.table(head, rows)


def shown(found: Figures) -> str:
    """Format a metric and its change, as in "0.30 → 0.38, +0.08 [+0.05, +0.11]"."""
    rise, low, high = found["rise"]
    if low is None:
        return f"{found['before']:.2f} → {found['after']:.2f}"
    return f"{found['before']:.2f} → {found['after']:.2f}, {rise:+.2f} [{low:+.2f}, {high:+.2f}]"


def write(outcome: Figures, docs: Path) -> None:
    """Write the figures to demo_learns.json, and the tables to learning.md."""
    (docs / "demo_learns.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    markdown.write_between(docs / "learning.md", BEGIN, END, f"\n\n{tables(outcome)}\n")


if __name__ == "__main__":
    main()
