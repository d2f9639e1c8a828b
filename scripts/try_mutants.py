"""Runs spoilt files through every command: no traceback, no hang over ten seconds, no process over one gigabyte.

    python scripts/try_mutants.py --count 100000 --seed 0 --keep found/

Mutants run in processes that are forked after every command has run once on good files, and a failure is followed
by a new one. What fails is printed, and its folder is kept; exit status 1.
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.mutations import Mutation, spoil_bytes, spoil_json, spoil_parquet, spoil_zip
from scripts.verdict import Ending, ending

SECONDS, BYTES = 10, 2**30  # of processor time, so that a busy machine hangs nobody
WAITING = 600  # seconds on the clock
EACH = 200  # mutants of a process
MATERIAL = Path(__file__).with_name("mutant_material.py")
Say = Callable[[str], None]
Job = TypeVar("Job")


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
QUICK = (
    "cgc-data stats release", "cgc-data stats release --json",
    "cgc-data export release --format verl --to out", "cgc-data export release --format llamafactory --to out",
    "cgc-train reward release --predictions answers.jsonl",
    "cgc-bench score contrast --annotations release --predictions answers.jsonl",
)  # fmt: skip
SLOW = (  # draw pictures, or derive every row again
    "cgc-data validate release",
    "cgc-data preview release --to out",
    "cgc-data remove release --image-id {id} --out out",
)
RELEASE = QUICK * 4 + SLOW
KINDS: dict[str, Kind] = {
    "annotations": Kind(
        "mine.json",
        (spoil_bytes, spoil_json, spoil_json),
        (f"{BUILD} --coco mine.json:photos", "cgc-data validate release"),
    ),
    "lvis": Kind("lvis.json", (spoil_bytes, spoil_json, spoil_json), (f"{BUILD} --lvis lvis.json:photos",)),
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
    "overrides": Kind("override.txt", (spoil_bytes,), (f"{BUILD} --coco mine.json:photos {{override}}",)),
    "settings": Kind(
        "setting.txt", (spoil_bytes,), ("cgc-train reward release --predictions answers.jsonl {setting}",)
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
        "{samples}",
        (spoil_bytes, spoil_json, spoil_json),
        (
            "cgc-bench score contrast --annotations release --predictions runs",
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
class Mutant:
    """Which file is spoilt, how, and the command that opens it."""

    number: int
    kind: str
    command: str
    mutation: Mutation


def make_material(folder: Path) -> dict[str, str]:
    """Good files of every kind below a folder; returns the names that stand in commands and paths."""
    subprocess.run(
        [sys.executable, MATERIAL, str(folder)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    names: dict[str, str] = json.loads((folder / "names.json").read_text())
    return names


def warm_up(material: Path, folder: Path, names: Mapping[str, str]) -> None:
    """Run every command on good files, but for TRL: recipes are then read without its check of their keys.

    Raises RuntimeError if one is refused, because its mutants would then try nothing.
    """
    sys.modules["trl"] = None  # type: ignore[assignment]
    for command in dict.fromkeys(command for kind in KINDS.values() for command in kind.commands):
        copied(material, folder)
        words = worded(command, folder, names)
        end = in_folder(words, folder)
        if end.status not in (0, None) or end.fault:
            raise RuntimeError(f"{' '.join(words)} fails on good files: {end}")
    gc.collect()
    gc.freeze()


def in_folder(command: Sequence[str], folder: Path) -> Ending:
    """How a command ends that runs inside a folder, with a cache there."""
    os.chdir(folder)
    os.environ["CGC_CACHE"] = str(folder / "cache")
    return ending(command)


def verdicts(jobs: Iterable[Job], run: Callable[[Job], str]) -> Iterator[tuple[Job, str]]:
    """Each job with what is wrong with how it ended, "" if nothing is; they run in forked processes."""
    waiting = iter(jobs)
    while chunk := list(islice(waiting, EACH)):
        while chunk:
            done = 0
            for verdict in _in_process(chunk, run):
                yield chunk[done], verdict
                done += 1
            chunk = chunk[done:]


def _in_process(jobs: Sequence[Job], run: Callable[[Job], str]) -> Iterator[str]:
    """Verdicts on jobs that run in one process, the first ones if it does not live to do all; of one job at least."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.close(reading)
        _work(jobs, run, writing)
    os.close(writing)
    found = 0
    with os.fdopen(reading, encoding="utf-8") as pipe:
        for line in pipe:
            yield json.loads(line)
            found += 1
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        yield "hang" if number in (signal.SIGALRM, signal.SIGPROF) else f"killed by signal {number}"
    elif not found:
        yield f"ended the process with status {os.waitstatus_to_exitcode(status)}"


def _work(jobs: Sequence[Job], run: Callable[[Job], str], writing: int) -> None:
    """Run jobs up to the first that fails, whose files are left as they are, and write the verdicts into the pipe."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for job in jobs:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(WAITING)
        try:
            verdict = run(job)
        except BaseException:
            verdict = "script: " + traceback.format_exc()[-300:]
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        verdict = f"memory: {most >> 20} MB" if most > BYTES else verdict
        os.write(writing, json.dumps(verdict[:2000]).encode() + b"\n")
        if verdict:
            break
    os._exit(0)


def mutants(count: int, seed: int, kinds: Sequence[str]) -> Iterator[Mutant]:
    """The same for the same seed."""
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        name = kinds[number % len(kinds)]
        yield Mutant(number, name, rng.choice(KINDS[name].commands), rng.choice(KINDS[name].mutations))


def copied(material: Path, folder: Path) -> None:
    """The material in a folder, which is emptied first; the files are links."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(material, folder, copy_function=os.link)


def worded(command: str, folder: Path, names: Mapping[str, str]) -> list[str]:
    """The words of a command, with the names and arguments that are in a folder."""
    texts = {name: _argument(folder / f"{name}.txt") for name in ("override", "setting")}
    return [word.format(**texts, **names) for word in command.split(" ")]


def _argument(path: Path) -> str:
    text = path.read_bytes().decode(errors="replace").replace("\0", "")
    return text if "=" in text else f"{text}="


def spoil(path: Path, mutation: Mutation, rng: random.Random) -> None:
    """Spoil a file, which may be a link to a good one."""
    spoilt = mutation(path.read_bytes(), rng)
    path.unlink()
    path.write_bytes(spoilt)


def run_mutant(mutant: Mutant, *, seed: int, material: Path, folder: Path, names: Mapping[str, str]) -> str:
    """Make a mutant in a folder and run its command; returns what is wrong with how it ends."""
    copied(material, folder)
    path = folder / KINDS[mutant.kind].file.format(**names)
    spoil(path, mutant.mutation, random.Random(f"{seed}/{mutant.number}"))
    return in_folder(worded(mutant.command, folder, names), folder).fault


def try_mutants(
    count: int, seed: int, kinds: Sequence[str], keep: Path | None = None, say: Say = print
) -> Counter[str]:
    """Run mutants; returns how many there were by outcome, tracebacks by where they are."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        material, folder = Path(scratch) / "material", Path(scratch) / "mutant"
        material.mkdir()
        names = make_material(material)
        warm_up(material, folder, names)
        run = partial(run_mutant, seed=seed, material=material, folder=folder, names=names)
        for mutant, fault in verdicts(mutants(count, seed, kinds), run):
            outcomes[fault or "fine"] += 1
            if fault:
                say(f"{mutant.number} {mutant.kind}: {mutant.command!r}: {fault}")
                if keep:
                    shutil.copytree(folder, keep / f"{seed}-{mutant.number}", dirs_exist_ok=True)
            if mutant.number and mutant.number % 500 == 0:
                say(f"{mutant.number} done, {outcomes.total() - outcomes['fine']} failed")
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
