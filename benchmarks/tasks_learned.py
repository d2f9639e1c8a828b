"""Measures whether a tiny model learns the tasks of the preset `full`. Compares it with a model trained on the preset
`paper`, and with trivial answers.

Usage: python benchmarks/tasks_learned.py --work FOLDER [--seed 1] [--quick] [--docs docs]

Photos are painted, and two releases of equal size are built from them: one with the preset `full`, one with `paper`. A
tiny random model first learns to list what the training photos show. Then one copy of the model is trained on each
release, with the same number of rows and steps. Finally, both models answer the test rows of `full`, which show photos
that were not used in training. The trivial answers are scored on the same rows. If you run the script again with the
same `--work`, it skips every step whose results are already there. The results do not apply to models of practical
size.
"""

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.painted_rows import (  # noqa: E402
    FOLDERS,
    PIXELS,
    Annotations,
    Row,
    listings,
    other_pictures,
    rows_of,
    with_completion,
)
from benchmarks.quick_training import Encoded, Schedule, answers, train  # noqa: E402
from benchmarks.tasks_compared import BLIND, by_task, compared, tables, write  # noqa: E402

ARMS = ("full", "paper")
MOST_TOKENS = 260


@dataclass(frozen=True)
class Protocol:
    """All settings that determine the outcome, apart from the seed."""

    photos: int
    samples: int  # rows of each release
    single: Schedule  # listing what one photo shows
    several: Schedule  # listing what one to three photos show
    arm: Schedule


FULL = Protocol(4800, 12000, Schedule(3000, 24, 4e-3), Schedule(2000, 16, 3e-3), Schedule(6400, 16, 3e-3))
QUICK = Protocol(80, 120, Schedule(4, 4, 4e-3), Schedule(2, 4, 3e-3), Schedule(2, 4, 3e-3))


def main() -> None:
    """Run the unfinished parts, and print the tables. With --docs, also write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for photos, releases, and models")
    parser.add_argument("--seed", type=int, default=1, help="seed for photos, releases, weights, and row order")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="quick test: run only a few steps per part (the results are meaningless)",
    )
    parser.add_argument(
        "--docs", type=Path, help=("folder in which to write tasks_learned.json and the table in learning.md")
    )
    parser.add_argument("--only", choices=["warm", *(f"{what}-{arm}" for what in ("release", "arm") for arm in ARMS)])
    options = parser.parse_args()
    protocol, work, seed = QUICK if options.quick else FULL, options.work.resolve(), options.seed
    prepare(protocol, work, seed)
    if options.only:
        run_part(options.only, protocol, work, seed)
        return
    at_once(["warm", *(f"release-{arm}" for arm in ARMS)], options)
    at_once([f"arm-{arm}" for arm in ARMS], options)
    outcome = measured(protocol, work, seed)
    print(tables(outcome))
    if options.docs:
        write(outcome, options.docs)


def prepare(protocol: Protocol, work: Path, seed: int) -> None:
    """Paint the photos. Nothing is downloaded, and all files stay in `work`."""
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CGC_CACHE": str(work / "cache")}
    work.mkdir(parents=True, exist_ok=True)
    paint_photos(protocol, work, seed)


def at_once(parts: Sequence[str], options: argparse.Namespace) -> None:
    """Run the parts at the same time, each in a separate process."""
    command = [sys.executable, __file__, "--work", str(options.work), "--seed", str(options.seed)]
    command += ["--quick"] if options.quick else []
    running = []
    for part in parts:
        with (options.work / f"{part}.log").open("w") as log:
            started = subprocess.Popen([*command, "--only", part], stdout=log, stderr=subprocess.STDOUT)
        running.append((part, started))
    if failed := [part for part, process in running if process.wait()]:
        raise SystemExit(f"{failed[0]} failed: see {options.work / f'{failed[0]}.log'}")


def run_part(part: str, protocol: Protocol, work: Path, seed: int) -> None:
    """Run one part, unless it is done."""
    what, _, arm = part.partition("-")
    if what == "release":
        build(arm, protocol, work, seed)
    elif what == "warm":
        warm_up(protocol, work, seed)
    else:
        train_arm(arm, protocol, work, seed)


def paint_photos(protocol: Protocol, work: Path, seed: int) -> None:
    """Paint photos with one to three large objects. The test file has a quarter as many photos as the training file."""
    from cgc_data.painter import paint

    if not (work / "photos").exists():
        paint("large", work / "photos", seed=seed, photos=protocol.photos)


def build(preset: str, protocol: Protocol, work: Path, seed: int) -> None:
    """Build the release of a preset."""
    from cgc_data.builder.release import build_release
    from cgc_data.config import parse_config

    if (work / preset / "manifest.json").is_file():
        return
    config = {
        "name": f"tasks-{preset}",
        "preset": preset,
        "sources": sources(work),
        "samples": protocol.samples,
        "seed": seed,
        "confusable": "labeled",
        "splits": {"near_duplicate": 0},
        "inter": {"max_images": 3},
        "intra": {"view_sizes": [256], "max_views": 2, "track_views": 3},
    }
    build_release(parse_config(config, "tasks"), work / preset)


def sources(work: Path) -> list[Row]:
    """The two painted annotation files, as `sources` of a configuration."""
    return [
        {
            "kind": "coco",
            "annotations": str(work / "photos" / "annotations" / f"instances_{name}.json"),
            "images": str(work / "photos" / "images" / FOLDERS[split]),
            "exhaustive": True,
            "split": split,
        }
        for name, split in (("train", "auto"), ("test", "test"))
    ]


def warm_up(protocol: Protocol, work: Path, seed: int) -> None:
    """Train a tiny random model to list what the training photos show: first for one photo at a time, then for up to
    three photos.
    """
    from cgc_train.tiny import tiny_processor, write_tiny

    if (work / "warm").exists():
        return
    if not (work / "tiny").exists():
        write_tiny(work / "tiny", seed=seed)
    model, processor = loaded(work / "tiny"), tiny_processor(pixels=(1024, PIXELS))
    photos = sorted(Annotations(work / "photos").of_file("train"))
    for name, most, stage in (("single", 1, protocol.single), ("several", 3, protocol.several)):
        rows = Encoded(processor, listings(photos, work, count=len(photos) * (2 * most - 1), most=most, seed=seed))
        train(model, rows, stage, seed=seed, name=name)
    model.save_pretrained(work / "warm")


def train_arm(arm: str, protocol: Protocol, work: Path, seed: int) -> None:
    """Train the warmed-up model on the training rows of a release. Both presets use the same number of rows."""
    from cgc_train.tiny import tiny_processor

    if (work / f"trained-{arm}").exists():
        return
    count = min(len(rows_of(work / preset, "train")) for preset in ARMS)
    rows = random.Random(seed).sample(rows_of(work / arm, "train"), count)
    annotations = Annotations(work / "photos")
    model = loaded(work / "warm")
    encoded = Encoded(tiny_processor(pixels=(1024, PIXELS)), [with_completion(row, annotations) for row in rows])
    train(model, encoded, protocol.arm, seed=seed, name=arm)
    model.save_pretrained(work / f"trained-{arm}")


def loaded(folder: Path) -> Any:
    """Load a model in float32, and limit torch to one thread. With models of this size, several threads slow each other
    down.
    """
    import torch
    from transformers import AutoModelForImageTextToText

    torch.set_num_threads(1)
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()


def measured(protocol: Protocol, work: Path, seed: int) -> Row:
    """Score all answers to the test rows of `full`, and compare the scores. Returns the JSON."""
    from cgc_data.metrics import FLOORS, floor_response, truth_of

    rows = rows_of(work / "full", "test")
    truths = [truth_of(row) for row in rows]
    given = {arm: answered(work / f"trained-{arm}", rows) for arm in ARMS}
    given[BLIND] = answered(work / "trained-full", other_pictures(rows, seed))
    given |= {floor: [floor_response(floor, truth) for truth in truths] for floor in FLOORS}
    trained = {arm: len(rows_of(work / arm, "train")) for arm in ARMS}
    return {
        "seed": seed,
        "protocol": asdict(protocol),
        "training rows": min(trained.values()),
        "tasks": {task: compared(places, truths, given) for task, places in by_task(truths).items()},
    }


def answered(model: Path, rows: Sequence[Row]) -> list[str]:
    """The greedy answer of a trained model to every row."""
    from cgc_train.tiny import tiny_processor

    return answers(loaded(model), Encoded(tiny_processor(pixels=(1024, PIXELS)), rows), max_new_tokens=MOST_TOKENS)


if __name__ == "__main__":
    main()
