"""Make the warmed-up tiny model that `cgc-train tiny --warm` writes.

Usage: python scripts/make_warm_start.py --work FOLDER [--seed 1] [--quick] [--to cgc_train/tiny/warm]
Photos are painted, and a tiny random model learns to list what they show, as in benchmarks/tasks_learned.py, whose
FOLDER can be reused. It is then trained on rows of these photos as configured in examples/painted.yaml. Finished parts
are skipped. Weights are stored in float16 with the tokenizer, because later versions may number tokens differently.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.quick_training import Encoded, Schedule, train  # noqa: E402
from benchmarks.tasks_learned import (  # noqa: E402
    FULL,
    PIXELS,
    QUICK,
    Annotations,
    loaded,
    prepare,
    rows_of,
    sources,
    warm_up,
    with_completion,
)

SAMPLES, STEPS = 3000, Schedule(400, 16, 3e-3)
QUICK_SAMPLES, QUICK_STEPS = 60, Schedule(2, 4, 3e-3)
RELEASE, MODEL = "simple", "start"


def main() -> None:
    """Run the missing parts, then write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for photos, release, and models")
    parser.add_argument("--seed", type=int, default=1, help="seed of photos, release, weights, and row order")
    parser.add_argument("--quick", action="store_true", help="a few steps: the model learns nothing")
    parser.add_argument("--to", type=Path, default=ROOT / "cgc_train" / "tiny" / "warm", help="replaced")
    options = parser.parse_args()
    protocol, work, seed = QUICK if options.quick else FULL, options.work.resolve(), options.seed
    samples, steps = (QUICK_SAMPLES, QUICK_STEPS) if options.quick else (SAMPLES, STEPS)
    prepare(protocol, work, seed)
    build(work, samples, seed)
    warm_up(protocol, work, seed)
    finish(work, steps, seed)
    write(work / MODEL, options.to)


def build(work: Path, samples: int, seed: int) -> None:
    """A release like that of the demo, with other photos."""
    from cgc_data.builder.release import build_release
    from cgc_data.config import load_config

    if not (work / RELEASE / "manifest.json").is_file():
        over = {"sources": sources(work), "samples": samples, "seed": seed, "splits": {"validation": 0.05}}
        build_release(load_config(ROOT / "examples" / "painted.yaml", over), work / RELEASE)


def finish(work: Path, steps: Schedule, seed: int) -> None:
    """Train the model that lists what it sees to answer questions."""
    from cgc_train.tiny import tiny_processor

    if (work / MODEL).exists():
        return
    annotations, model = Annotations(work / "photos"), loaded(work / "warm")
    rows = [with_completion(row, annotations) for row in rows_of(work / RELEASE, "train")]
    train(model, Encoded(tiny_processor(pixels=(1024, PIXELS)), rows), steps, seed=seed, name=MODEL)
    model.save_pretrained(work / MODEL)


def write(model: Path, target: Path) -> None:
    """Write a trained model with its processor in half the bytes."""
    from cgc_train.tiny import tiny_processor

    for old in target.glob("*"):
        old.unlink()
    loaded(model).half().save_pretrained(target)
    tiny_processor(pixels=(1024, PIXELS)).save_pretrained(target)
    (target / "model.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
