"""The whole story on the CPU, from annotations to a page that shows what a model learned: `make demo`.

Usage: python -m scripts.demo [--to demo]
It builds a release from the embedded sample, validates it, and draws its gallery; then it trains a tiny model by GRPO
on painted photos, and evaluates it before and after. Each stage is shown as one line with its time. Stages that are
done are skipped when you run it again.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.demo.stages import Stage, StageError, run_stages

BIN = Path(sys.executable).parent
PYTHON = sys.executable


def main() -> int:
    """Run the stages that are not done, and print where the page is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path("demo"), help="folder for everything that is written")
    folder: Path = parser.parse_args().to
    os.environ |= {"HF_HUB_OFFLINE": "1", "CGC_BENCH_RELEASE": str((folder / "painted").resolve())}
    try:
        run_stages(stages(folder), folder)
    except StageError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; run it again to continue", file=sys.stderr)
        return 130
    print(folder / "index.html")
    return 0


def stages(folder: Path) -> list[Stage]:
    """The stages in order; paths are relative to where the demo is started."""
    data, train = str(BIN / "cgc-data"), str(BIN / "cgc-train")
    release, painted, run = f"{folder}/release", f"{folder}/painted", f"{folder}/run"
    grpo = [train, "grpo", "tiny-cpu", "--to", run]
    return [
        Stage("build", "build a release from the embedded sample",
              [data, "build", "--samples", "240", "--out", release], "release"),
        Stage("validate", "derive every row again from its sources",
              [data, "validate", release, "--json", f"{folder}/validate.json"], "validate.json"),
        Stage("gallery", "draw the gallery",
              [data, "preview", release, "--to", f"{folder}/gallery", "--per-task", "8"], "gallery"),
        Stage("load", "load a row as users do",
              [PYTHON, "scripts/load_one_row.py", release], "logs/load.log"),
        Stage("paint", "paint photos of one kind of object each",
              [data, "paint", "single", "--photos", "800", "--to", f"{folder}/photos"], "photos"),
        Stage("painted", "build a release from them",
              [data, "build", "examples/painted.yaml", "--out", painted], "painted"),
        Stage("tiny", "write the warmed-up tiny model",
              [train, "tiny", "--warm", f"{folder}/tiny"], "tiny"),
        Stage("check", "check the recipe",
              [train, "check", "tiny-cpu"], "logs/check.log"),
        Stage("grpo", "train it by GRPO", grpo, "run", lambda target: resumed(train, target)),
        Stage("view", "draw the run",
              [train, "view", run, "--to", f"{folder}/run-view"], "run-view"),
        Stage("evaluate", "evaluate it before and after with lmms-eval",
              [PYTHON, "-m", "scripts.demo.evaluate", str(folder)], "answers"),
        Stage("page", "write the page",
              [PYTHON, "-m", "scripts.demo.page", str(folder)], "index.html"),
    ]  # fmt: skip


def resumed(train: str, run: Path) -> Sequence[str] | None:
    """The command that continues an interrupted run, if it has a checkpoint."""
    return [train, "resume", str(run)] if any(run.glob("checkpoint-*")) else None


if __name__ == "__main__":
    sys.exit(main())
