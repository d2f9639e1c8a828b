"""Runs every command on mutated files. No command may print a traceback, hang for more than ten seconds, or use more
than one gigabyte of memory.

    python scripts/try_mutants.py --count 100000 --seed 0 --keep found/

Commands open the mutated files in forked processes; before the fork, every command runs once on valid files. After each
failure, a new process is forked. If there were failures, the script prints them and exits with status 1. With `--keep`,
it also saves the files that caused them.
"""

import gc
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.mutant_kinds import KINDS
from scripts.mutant_processes import verdicts
from scripts.mutations import Mutation
from scripts.verdict import Ending, ending

MATERIAL = Path(__file__).with_name("mutant_material.py")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Mutant:
    """The file to mutate, the mutation, and the command that opens it."""

    number: int
    kind: str
    command: str
    mutation: Mutation


def make_material(folder: Path) -> dict[str, str]:
    """Write valid files of every kind to a folder. Returns the values of the placeholders in commands and paths."""
    subprocess.run(
        [sys.executable, MATERIAL, str(folder)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    names: dict[str, str] = json.loads((folder / "names.json").read_text())
    return names


def warm_up(material: Path, folder: Path, names: Mapping[str, str]) -> None:
    """Run every command on valid files.

    From this call on, TRL cannot be imported, so recipes are read without TRL's check of their keys. Raises
    RuntimeError if a command fails, because a failure on a mutated file would then prove nothing.
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
    """Run a command in a folder, and return the outcome. The cache is in the same folder."""
    os.chdir(folder)
    os.environ["CGC_CACHE"] = str(folder / "cache")
    return ending(command)


def mutants(count: int, seed: int, kinds: Sequence[str]) -> Iterator[Mutant]:
    """Draw mutants. The same seed yields the same mutants."""
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        name = kinds[number % len(kinds)]
        yield Mutant(number, name, rng.choice(KINDS[name].commands), rng.choice(KINDS[name].mutations))


def copied(material: Path, folder: Path) -> None:
    """Empty a folder, and hard-link the files of the material into it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(material, folder, copy_function=os.link)


def worded(command: str, folder: Path, names: Mapping[str, str]) -> list[str]:
    """The words of a command. Each placeholder is replaced by a name, or by an argument from a file in the folder."""
    texts = {name: _argument(folder / f"{name}.txt") for name in ("override", "setting")}
    return [word.format(**texts, **names) for word in command.split(" ")]


def _argument(path: Path) -> str:
    text = path.read_bytes().decode(errors="replace").replace("\0", "")
    return text if "=" in text else f"{text}="


def spoil(path: Path, mutation: Mutation, rng: random.Random) -> None:
    """Mutate a file. If the path is a link to a valid file, that file does not change."""
    spoilt = mutation(path.read_bytes(), rng)
    path.unlink()
    path.write_bytes(spoilt)


def run_mutant(mutant: Mutant, *, seed: int, material: Path, folder: Path, names: Mapping[str, str]) -> str:
    """Make a mutant in a folder and run its command.

    Returns what went wrong, or "" if the command ended as it should.
    """
    copied(material, folder)
    path = folder / KINDS[mutant.kind].file.format(**names)
    spoil(path, mutant.mutation, random.Random(f"{seed}/{mutant.number}"))
    return in_folder(worded(mutant.command, folder, names), folder).fault


def try_mutants(
    count: int, seed: int, kinds: Sequence[str], keep: Path | None = None, say: Say = print
) -> Counter[str]:
    """Make mutants, run a command on each, and count the outcomes. Tracebacks are counted by location."""
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
@click.option("--kinds", default=",".join(KINDS), help="Comma-separated.", show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder in which to save the files of mutants that fail.")
def main(count: int, seed: int, kinds: str, keep: Path | None) -> None:
    """Run COUNT mutants and print their outcomes."""
    started = time.monotonic()
    outcomes = try_mutants(count, seed, kinds.split(","), keep and keep.resolve(), lambda line: print(line, flush=True))
    for verdict, number in outcomes.most_common():
        print(f"{number:>7}  {verdict}")
    print(f"{outcomes.total()} mutants in {time.monotonic() - started:.0f} s")
    sys.exit(int(outcomes["fine"] < outcomes.total()))


if __name__ == "__main__":
    main()
