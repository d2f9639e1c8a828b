"""Runs spoilt files through every command: no traceback, no hang over ten seconds, no process over one gigabyte.

    python scripts/try_mutants.py --count 100000 --seed 0 --keep found/

Each mutant runs in a process of its own, forked after all is imported. What fails is printed by kind, and its folder is
kept; exit status 1.
"""

import gc
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.mutations import Mutation, spoil_bytes, spoil_json, spoil_parquet, spoil_zip
from scripts.verdict import ending

SECONDS, BYTES = 10, 2**30  # of processor time, so that a busy machine hangs nobody
WAITING = 60  # seconds on the clock
MATERIAL = Path(__file__).with_name("mutant_material.py")
Say = Callable[[str], None]

# Imported before forking, so that a mutant costs no import.
MODULES = (
    "cgc_data.builder.release", "cgc_data.builder.remove", "cgc_data.export", "cgc_data.look", "cgc_data.look.gallery",
    "cgc_data.look.stats", "cgc_data.validate", "cgc_data.hub.gate", "cgc_data.plan.inter", "cgc_data.plan.window_sets",
    "cgc_data.plan.same_object", "cgc_data.validate.formats.coco", "cgc_data.cli.build", "cgc_data.cli.stats",
    "cgc_data.cli.validate", "cgc_data.cli.preview", "cgc_data.cli.export", "cgc_data.cli.remove",
    "cgc_train.cli.reward", "cgc_train.cli.ablate", "cgc_train.cli.view", "cgc_train.reward.predictions",
    "cgc_train.recipe", "cgc_train.ablate", "cgc_train.view", "cgc_train.data.find",
    "cgc_bench.cli.score", "cgc_bench.cli.report", "cgc_bench.cli.compare", "cgc_bench.cli.floors",
    "cgc_bench.scoring.samples", "cgc_bench.scoring.tables", "cgc_bench.report", "cgc_bench.mig.benchmark",
    "cgc_bench.contrast.benchmark", "cgc_bench.vlm2.video",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """What is spoilt, in which ways, and the commands that open it; "{}" stands for the file."""

    file: str  # relative to the material; "" for an argument
    mutations: tuple[Mutation, ...]
    commands: tuple[str, ...]


BUILD = (
    "cgc-data build --exhaustive preset=paper confusable=labelled samples=6"
    " tasks.intra/locate_all=0 tasks.intra/same_object=0 --workers 1 --out out --dry-run"
)
RELEASE = (
    "cgc-data stats release", "cgc-data stats release --json", "cgc-data validate release",
    "cgc-data preview release --to out", "cgc-data export release --format verl --to out",
    "cgc-data export release --format llamafactory --to out", "cgc-data remove release --image-id {id} --out out",
    "cgc-train reward release --predictions answers.jsonl",
    "cgc-bench score contrast --annotations release --predictions answers.jsonl",
)  # fmt: skip
KINDS: dict[str, Kind] = {
    "annotations": Kind(
        "mine.json",
        (spoil_bytes, spoil_json, spoil_json),
        (f"{BUILD} --coco mine.json:photos", f"{BUILD} --lvis mine.json:photos", "cgc-data validate release"),
    ),
    "yaml": Kind(
        "config.yaml",
        (spoil_bytes,),
        (
            "cgc-data build config.yaml --coco mine.json:photos --exhaustive --workers 1 --out out --dry-run",
            "cgc-train ablate recipe.yaml --over no-kl --to out",
        ),
    ),
    "recipe": Kind(
        "recipe.yaml",
        (spoil_bytes,),
        (
            "cgc-train ablate recipe.yaml --over no-kl --to out",
            "cgc-train reward release --recipe recipe.yaml --predictions answers.jsonl",
        ),
    ),
    "overrides": Kind(
        "override.txt",
        (spoil_bytes,),
        (
            f"{BUILD} --coco mine.json:photos {{override}}",
            "cgc-train reward release --predictions answers.jsonl {override}",
        ),
    ),
    "exclusions": Kind(
        "exclude.json", (spoil_bytes, spoil_json), (f"{BUILD} --coco mine.json:photos --exclude exclude.json",)
    ),
    "manifests": Kind("release/manifest.json", (spoil_bytes, spoil_json, spoil_json, spoil_json), RELEASE),
    "shards": Kind("release/{shard}", (spoil_bytes, spoil_parquet, spoil_parquet), RELEASE),
    "rejects": Kind(
        "release/rejected.parquet", (spoil_bytes, spoil_parquet), ("cgc-data remove release --image-id {id} --out out",)
    ),
    "predictions": Kind(
        "answers.jsonl",
        (spoil_bytes, spoil_json),
        (
            "cgc-train reward release --predictions answers.jsonl",
            "cgc-bench score contrast --annotations release --predictions answers.jsonl",
        ),
    ),
    "benchmarks": Kind(
        "mig.json",
        (spoil_bytes, spoil_json),
        (
            "cgc-bench score mig --annotations mig.json --predictions mig.jsonl",
            "cgc-bench floors mig --annotations mig.json",
        ),
    ),
    "samples files": Kind(
        "runs/m/1_samples_cgc_mig_region.jsonl",
        (spoil_bytes, spoil_json, spoil_json),
        (
            "cgc-bench score mig --annotations mig.json --predictions runs",
            "cgc-bench report runs --to out",
            "cgc-bench compare runs runs --to out",
        ),
    ),
    "runs": Kind("run/metrics.jsonl", (spoil_bytes, spoil_json), ("cgc-train view run --to out",)),
    "run recipes": Kind("run/recipe.yaml", (spoil_bytes,), ("cgc-train view run --to out",)),
    "held-out answers": Kind(
        "run/held_out/step-000001.jsonl", (spoil_bytes, spoil_json), ("cgc-train view run --to out",)
    ),
    "zips": Kind("photos.zip", (spoil_bytes, spoil_zip), (f"{BUILD} --coco mine.json:photos.zip",)),
    "photos": Kind("photos/{photo}", (spoil_bytes,), (f"{BUILD} --coco mine.json:photos", "cgc-data validate release")),
}


@dataclass(frozen=True)
class Outcome:
    """How a mutant ended: "fine", or the kind of the failure and where it is."""

    verdict: str
    seconds: float


def make_material(folder: Path) -> dict[str, str]:
    """Good files of every kind below a folder; returns the names that stand in commands and paths."""
    subprocess.run(
        [sys.executable, MATERIAL, str(folder)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    names: dict[str, str] = json.loads((folder / "names.json").read_text())
    return names


def warm_up() -> None:
    """Import what the commands need, but for TRL: recipes are then read without its check of their keys."""
    sys.modules["trl"] = None  # type: ignore[assignment]
    for module in MODULES:
        import_module(module)
    gc.freeze()


def run_mutant(command: Sequence[str], folder: Path) -> Outcome:
    """Run a command in a forked process inside a folder, and judge how it ends."""
    started = time.monotonic()
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.close(reading)
        _child(command, folder, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
        found = pipe.read()
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - started
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Outcome("hang" if number in (signal.SIGALRM, signal.SIGPROF) else f"killed by signal {number}", seconds)
    if usage.ru_maxrss * 1024 > BYTES:
        return Outcome(f"memory: {usage.ru_maxrss // 1024} MB", seconds)
    return Outcome(found or "fine", seconds)


def _child(command: Sequence[str], folder: Path, writing: int) -> None:
    """Run the command, write what is wrong into the pipe, and end."""
    verdict = ""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(WAITING)
        os.chdir(folder)
        os.environ["CGC_CACHE"] = str(folder / "cache")
        verdict = ending(command).fault
    except BaseException:
        verdict = "script: " + traceback.format_exc()[-300:]
    finally:
        os.write(writing, verdict.encode(errors="backslashreplace")[:4000])
        os._exit(0)


def mutants(count: int, seed: int, kinds: Sequence[str]) -> Iterator[tuple[int, str, str, Mutation]]:
    """Number, kind, command, and mutation of each mutant; the same for the same seed."""
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        name = kinds[number % len(kinds)]
        yield number, name, rng.choice(KINDS[name].commands), rng.choice(KINDS[name].mutations)


def prepared(
    material: Path, folder: Path, kind: Kind, names: dict[str, str], mutation: Mutation, rng: random.Random
) -> str:
    """A copy of the material in which one file is spoilt; returns the spoilt override."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(material, folder, copy_function=os.link)
    path = folder / kind.file.format(**names)
    spoilt = mutation(path.read_bytes(), rng)
    path.unlink()
    path.write_bytes(spoilt)
    text = (folder / "override.txt").read_bytes().decode(errors="replace").replace("\0", "")
    return text if "=" in text else f"{text}="


def try_mutants(
    count: int, seed: int, kinds: Sequence[str], keep: Path | None = None, say: Say = print
) -> Counter[str]:
    """Run mutants; returns how many there were by outcome, tracebacks by where they are."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        material = Path(scratch) / "material"
        material.mkdir()
        names = make_material(material)
        warm_up()
        for number, name, command, mutation in mutants(count, seed, kinds):
            folder = Path(scratch) / "mutant"
            override = prepared(material, folder, KINDS[name], names, mutation, random.Random(f"{seed}/{number}"))
            words = [word.format(override=override, **names) for word in command.split(" ")]
            outcome = run_mutant(words, folder)
            outcomes[outcome.verdict] += 1
            if outcome.verdict != "fine":
                say(f"{number} {name}: {' '.join(words)!r}: {outcome.verdict}")
                if keep:
                    shutil.copytree(folder, keep / f"{seed}-{number}", dirs_exist_ok=True)
            if number and number % 1000 == 0:
                say(f"{number} done, {outcomes.total() - outcomes['fine']} failed")
    return outcomes


@click.command()
@click.option("--count", default=100_000, show_default=True, help="Number of mutants.")
@click.option("--seed", default=0, show_default=True)
@click.option("--kinds", default=",".join(KINDS), help="With commas between them.", show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the files of mutants that fail.")
def main(count: int, seed: int, kinds: str, keep: Path | None) -> None:
    """Run COUNT mutants and print how they ended."""
    started = time.monotonic()
    outcomes = try_mutants(count, seed, kinds.split(","), keep, lambda line: print(line, flush=True))
    for verdict, number in outcomes.most_common():
        print(f"{number:>7}  {verdict}")
    print(f"{outcomes.total()} mutants in {time.monotonic() - started:.0f} s")
    sys.exit(int(outcomes["fine"] < outcomes.total()))


if __name__ == "__main__":
    main()
