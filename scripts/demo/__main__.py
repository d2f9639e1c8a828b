"""`make demo`: runs everything on the CPU, from annotations to a page that shows what a model learned.

Usage: python -m scripts.demo

Builds a release from the embedded sample, validates it, and draws its gallery. Then trains a tiny model with GRPO on
painted photos, and evaluates the model before and after training. Everything is written to `demo/`. Each stage prints
its title and the time that it took. If you run the demo again, finished stages are skipped.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.demo.stages import Stage, StageError, run_stages

BIN = Path(sys.executable).parent
PYTHON = sys.executable
FOLDER = Path("demo")  # the recipe tiny-cpu and examples/painted.yaml contain paths in this folder


def main() -> int:
    """Run the unfinished stages, and print the path of the page."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "CGC_BENCH_RELEASE": str((FOLDER / "painted").resolve())}
    try:
        run_stages(stages(FOLDER), FOLDER)
    except StageError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; run it again to resume", file=sys.stderr)
        return 130
    print(FOLDER / "index.html")
    return 0


def stages(folder: Path) -> list[Stage]:
    """The stages, in order. Paths are relative to the working directory."""
    data, train = str(BIN / "cgc-data"), str(BIN / "cgc-train")
    release, painted, run = f"{folder}/release", f"{folder}/painted", f"{folder}/run"
    grpo = [train, "grpo", "tiny-cpu", "--to", run]
    return [
        Stage("build", "build a release from the embedded sample",
              [data, "build", "--samples", "240", "--seed", "1", "--out", release], "release"),
        Stage("validate", "check every row against its sources",
              [data, "validate", release, "--json", f"{folder}/validate.json"], "validate.json"),
        Stage("gallery", "draw the gallery",
              [data, "preview", release, "--to", f"{folder}/gallery", "--per-task", "8"], "gallery"),
        Stage("load", "load a row with `datasets`, as users do",
              [PYTHON, "scripts/load_one_row.py", release], "logs/load.log"),
        Stage("paint", "paint photos that each show one kind of object",
              [data, "paint", "single", "--photos", "800", "--to", f"{folder}/photos"], "photos"),
        Stage("painted", "build a release from these photos",
              [data, "build", "examples/painted.yaml", "--out", painted], "painted"),
        Stage("tiny", "write the warmed-up tiny model",
              [train, "tiny", "--warm", f"{folder}/tiny"], "tiny"),
        Stage("check", "check the recipe",
              [train, "check", "tiny-cpu"], "logs/check.log"),
        Stage("grpo", "train the tiny model with GRPO", grpo, "run", lambda target: resumed(train, target)),
        Stage("view", "write a page about the training run",
              [train, "view", run, "--to", f"{folder}/run-view"], "run-view"),
        Stage("evaluate", "evaluate before and after training, with lmms-eval",
              [PYTHON, "-m", "scripts.demo.evaluate", str(folder)], "answers"),
        Stage("page", "write the page",
              [PYTHON, "-m", "scripts.demo.page", str(folder)], "index.html"),
    ]  # fmt: skip


def resumed(train: str, run: Path) -> Sequence[str] | None:
    """The command that resumes an interrupted training run, or None if the run has no checkpoint."""
    return [train, "resume", str(run)] if any(run.glob("checkpoint-*")) else None


if __name__ == "__main__":
    sys.exit(main())
