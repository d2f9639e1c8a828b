"""Make the warmed-up tiny model of `cgc-train tiny --warm`: the model of `full` of benchmarks/tasks_learned.py.

Usage: python scripts/make_warm_start.py --work FOLDER [--seed 1] [--quick] [--to cgc_train/tiny/warm]
Parts that FOLDER has are not made again, so this takes a moment after that benchmark, and its time without it.
Weights are kept in float16, and the tokenizer with them, since that of a later version may number its tokens anew.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.tasks_learned import FULL, PIXELS, QUICK, loaded, prepare, run_part  # noqa: E402


def main() -> None:
    """Make what is missing, then write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="as of benchmarks/tasks_learned.py")
    parser.add_argument("--seed", type=int, default=1, help="the same")
    parser.add_argument("--quick", action="store_true", help="the same: a model that has learned nothing")
    parser.add_argument("--to", type=Path, default=ROOT / "cgc_train" / "tiny" / "warm", help="replaced")
    options = parser.parse_args()
    protocol, work = QUICK if options.quick else FULL, options.work.resolve()
    prepare(protocol, work, options.seed)
    for part in ("release-full", "release-paper", "warm", "arm-full"):
        run_part(part, protocol, work, options.seed)
    write(work / "trained-full", options.to)


def write(model: Path, target: Path) -> None:
    """A trained model with its processor, in half the bytes."""
    from cgc_train.tiny import tiny_processor

    for old in target.glob("*"):
        old.unlink()
    loaded(model).half().save_pretrained(target)
    tiny_processor(pixels=(1024, PIXELS)).save_pretrained(target)


if __name__ == "__main__":
    main()
