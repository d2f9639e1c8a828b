"""Compares two rewards for GRPO with five seeds: a source-aware reward, which checks the image index, and a reward that
ignores the image index. Also compares two training methods, GRPO and SFT, with three seeds, on rows that differ from
those of the warm-up.

Usage: python benchmarks/learning_extended.py --work FOLDER [--list] [--part PART ...] [--quick] [--docs docs]

The first part builds the releases. Each of the remaining parts runs a warm-up or an arm (a way of training) with one
seed. Each part runs on one core and writes its outcome to FOLDER. Without --part, all unfinished parts run one after
another, and the tables are printed. The protocol is fixed in this file, and no setting depends on an outcome. The
results do not apply to models of practical size.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.learning import Scale, build, done, naming, recipe  # noqa: E402
from benchmarks.paired_arms import Scores, comparison, comparison_table  # noqa: E402
from scripts.markdown import write_between  # noqa: E402

if TYPE_CHECKING:
    from cgc_train.run import Run

# The last two metrics are shown with the others so that empty answers do not look good.
METRICS = ("leakage", "hallucination", "miou", "false_empty", "unreadable")
INTER = {"inter/locate": 0.6, "inter/locate_all": 0.4, "intra/same_object": 0, "intra/locate_all": 0}
RELEASES: dict[str, dict[str, Any]] = {
    "source": {},  # as in benchmarks/learning.py
    "start": {"tasks": INTER, "absent": 0},
    "images": {"tasks": INTER, "absent": 0, "inter": {"min_images": 3, "max_images": 4}, "limits": {"max_objects": 4}},
    "absent": {"tasks": INTER, "absent": 0.15},
}
SETTINGS = {
    "images": "rows with three or four images, after a warm-up with two images per row",
    "absent": "`absent` rows, after a warm-up without `absent` rows",
}
# The difference is the second arm of a comparison minus the first.
ARMS = {
    "source": {"no-source": "image index ignored", "grpo": "source-aware"},
    **{name: {"sft": "SFT", "grpo": "GRPO"} for name in SETTINGS},
}
WARM_UP, STARTS = "warm-up", ("source", "start")  # releases on which the models are warmed up
TITLES = {"source": "GRPO with source awareness, compared with GRPO that ignores the image index"} | {
    name: f"GRPO compared with SFT on {text}" for name, text in SETTINGS.items()
}
BEGIN, END = "<!-- table: benchmarks/learning_extended.py -->", "<!-- end of extended table -->"


@dataclass(frozen=True)
class Protocol:
    """All settings that determine the outcome."""

    photos: int
    rows: int  # rows of each release
    source_seeds: tuple[int, ...]
    seeds: tuple[int, ...]  # seeds of each setting
    skill: float  # held-out R_miou at which a warm-up ends
    warm_up_steps: int  # at most
    source_steps: int  # steps of either arm
    grpo_steps: int
    sft_steps: int  # ten SFT steps per GRPO step take about as much processor time
    held_out_rows: int

    def scale(self, steps: int) -> Scale:
        """The protocol, in the form that benchmarks/learning.py expects."""
        return Scale(self.photos, self.rows, self.skill, self.warm_up_steps, steps, self.held_out_rows, ())

    def steps(self, name: str, arm: str) -> int:
        """Number of training steps of an arm."""
        if name == "source":
            return self.source_steps
        return self.sft_steps if arm == "sft" else self.grpo_steps

    def seeds_of(self, name: str) -> tuple[int, ...]:
        """Seeds of the comparison or of the warm-up with this name."""
        return self.source_seeds if name == "source" else self.seeds

    @property
    def parts(self) -> list[str]:
        """Names of the parts, as in "source/grpo/0". Each part comes after the parts whose results it needs."""
        warm = [f"{name}/{WARM_UP}/{seed}" for name in STARTS for seed in self.seeds_of(name)]
        arms = [f"{name}/{arm}/{seed}" for name in ARMS for seed in self.seeds_of(name) for arm in ARMS[name]]
        return ["releases", *warm, *arms]


FULL = Protocol(3000, 6000, (0, 1, 2, 3, 4), (0, 1, 2), 0.4, 1200, 200, 150, 1500, 320)
QUICK = Protocol(200, 120, (0,), (0,), 0.05, 6, 1, 1, 1, 12)


def main() -> None:
    """Run the parts that `--part` names. Without `--part`, run all unfinished parts, and then report the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for photos, releases, models, and outcomes")
    parser.add_argument("--part", nargs="+", help="run only these parts, in this process")
    parser.add_argument("--list", action="store_true", help="list the parts, and show which ones are finished")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="quick test: run only a few steps per part (the results are meaningless)",
    )
    parser.add_argument(
        "--docs", type=Path, help=("folder in which to write learning_extended.json and the tables in learning.md")
    )
    options = parser.parse_args()
    protocol = QUICK if options.quick else FULL
    if options.part:
        for part in options.part:
            run_part(part, protocol, options.work)
        return
    missing = [part for part in protocol.parts if not outcome_file(part, options.work).is_file()]
    if options.list:
        print("\n".join(f"{part}: {'to do' if part in missing else 'done'}" for part in protocol.parts))
        return
    for part in missing:
        run_apart(part, options.work, options.quick)
    report(read(protocol, options.work), options.docs)


def run_apart(part: str, work: Path, quick: bool) -> None:
    """Run a part in a separate process, on one core."""
    log = log_file(part, work)
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, __file__, "--work", str(work), "--part", part, *(["--quick"] if quick else [])]
    with log.open("w") as opened:
        if subprocess.run(command, env=environment, stdout=opened, stderr=subprocess.STDOUT, check=False).returncode:
            raise SystemExit(f"{part} failed: see {log}")


def outcome_file(part: str, work: Path) -> Path:
    """Outcome file of a part. The file exists once the part is finished."""
    return work / "outcomes" / f"{part.replace('/', '.')}.json"


def log_file(part: str, work: Path) -> Path:
    """Log file with the output of a part that runs in a separate process."""
    return work / "logs" / f"{part.replace('/', '.')}.log"


def run_part(part: str, protocol: Protocol, work: Path) -> None:
    """Run a part and write its outcome: the processor seconds and, if the part is an arm, its scores before and after
    training.
    """
    import torch

    if part not in protocol.parts:
        raise SystemExit(f"there is no part {part!r}; choose from {', '.join(protocol.parts)}")
    os.environ["CGC_CACHE"] = str(work.resolve() / "cache")
    torch.set_num_threads(1)
    before = time.process_time()
    outcome: dict[str, Any] = {}
    if part == "releases":
        for release, changes in RELEASES.items():
            build(work, release_of(release, work), protocol.photos, {"samples": protocol.rows} | changes)
    else:
        name, arm, seed = part.split("/")
        if arm == WARM_UP:
            warm_up(name, int(seed), protocol, work)
        else:
            run = trained(name, arm, int(seed), protocol, work)
            steps = run.held_out_steps()
            outcome = {"start": scores(run, steps[0]), "end": scores(run, steps[-1])}
    file = outcome_file(part, work)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"seconds": round(time.process_time() - before), **outcome}), encoding="utf-8")


def release_of(name: str, work: Path) -> Path:
    """The folder of the release with this name.

    The release `source` is in the folder that benchmarks/learning.py uses.
    """
    return work / ("release" if name == "source" else f"release-{name}")


def warm_up(release: str, seed: int, protocol: Protocol, work: Path) -> Path:
    """The model from which the arms start. SFT trains it on traces (reasoning texts) that name what each image shows,
    until R_miou on held-out rows reaches `protocol.skill`.
    """
    from cgc_train.data import training_set
    from cgc_train.run import image_folder, open_run
    from cgc_train.sft import run_sft
    from cgc_train.tiny import write_tiny

    folder = work / f"seed-{seed}"
    tiny, warm = folder / "tiny", folder / ("warm" if release == "source" else f"warm-{release}")
    if not tiny.exists():
        write_tiny(tiny, seed=seed)
    if not done(warm):
        every = f"data.held_out_every={min(60, protocol.warm_up_steps)}"
        asked = f"data.release={release_of(release, work)}"
        chosen = recipe(protocol.scale(1), work, seed, tiny, every, asked, "data.held_out_rows=160")
        rows = naming(training_set(chosen, image_folder=image_folder(), completions=True), work)
        run_sft(chosen, warm, until=protocol.skill, rows=rows)
    return open_run(warm).model_folder


def trained(name: str, arm: str, seed: int, protocol: Protocol, work: Path) -> "Run":
    """Train an arm, starting from the model that was warmed up with the same seed. If the arm is already trained, open
    its run.
    """
    from cgc_train.data import training_set
    from cgc_train.grpo import run_grpo
    from cgc_train.run import image_folder, open_run
    from cgc_train.sft import run_sft

    folder = work / f"seed-{seed}" / (arm if name == "source" else f"{name}-{arm}")
    if done(folder):
        return open_run(folder)
    start = warm_up("source" if name == "source" else "start", seed, protocol, work)
    steps = protocol.steps(name, arm)
    chosen = recipe(protocol.scale(steps), work, seed, start, *settings_of(name, arm, steps, work))
    if arm != "sft":
        return run_grpo(chosen, folder)
    rows = training_set(chosen, image_folder=image_folder(), completions=True)
    return run_sft(chosen, folder, rows=naming(rows, work))


def settings_of(name: str, arm: str, steps: int, work: Path) -> list[str]:
    """The overrides that an arm applies to the recipe of benchmarks/learning.py."""
    settings = [f"data.release={release_of(name, work)}", f"data.held_out_every={steps}"]
    settings += ["grpo.max_completion_length=112"] if name == "images" else []
    settings += ["reward.source_aware=false"] if arm == "no-source" else []
    return [*settings, f"sft.max_steps={steps}", "sft.per_device_train_batch_size=8", "sft.learning_rate=6e-4"]


def scores(run: "Run", step: int) -> dict[str, Any]:
    """The value of each metric for every held-out row at a step of a run, and the photos of each row."""
    from cgc_data.metrics import item_columns, score_item
    from cgc_train.data import find_release
    from cgc_train.reward.predictions import find_asked

    answers = {row["id"]: row["response"] for row in run.held_out(step)}
    truths = find_asked(find_release(run.recipe.data), list(answers)).truths
    found = {key: score_item(text, truths[key], lenient=False) for key, text in sorted(answers.items())}
    columns = item_columns(list(found.values()))
    values: Scores = {
        metric: {
            key: None if value is None else float(value) for key, value in zip(found, columns[metric], strict=True)
        }
        for metric in METRICS
    }
    return {"values": values, "photos": {key: score.truth.photos for key, score in found.items()}}


def read(protocol: Protocol, work: Path) -> dict[str, Any]:
    """The protocol, the processor seconds of every part, and every comparison of two arms."""
    parts = {part: json.loads(outcome_file(part, work).read_bytes()) for part in protocol.parts}
    found = {
        name: [{arm: parts[f"{name}/{arm}/{seed}"] for arm in ARMS[name]} for seed in protocol.seeds_of(name)]
        for name in ARMS
    }
    return {
        "protocol": asdict(protocol),
        "seconds": {part: content["seconds"] for part, content in parts.items()},
        "comparisons": {
            name: {
                "seeds": list(protocol.seeds_of(name)),
                "seconds": {arm: [runs[arm]["seconds"] for runs in found[name]] for arm in ARMS[name]},
                "metrics": {metric: comparison(found[name], metric) for metric in METRICS},
            }
            for name in ARMS
        },
    }


def tables(outcome: dict[str, Any]) -> str:
    """One table per comparison."""
    found = outcome["comparisons"]
    return "\n".join(f"{title}:\n\n{comparison_table(found[name], ARMS[name])}" for name, title in TITLES.items())


def report(outcome: dict[str, Any], docs: Path | None) -> None:
    """Print the tables. With `docs`, write the tables and the figures into that folder."""
    text = tables(outcome)
    print(text)
    if docs is not None:
        (docs / "learning_extended.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
        write_between(docs / "learning.md", BEGIN, END, f"\n\n{text}\n")


if __name__ == "__main__":
    main()
