"""Runs every command that opens a release on hostile releases. All commands run in one process."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.verdict import ending

OUTPUT = "output-"  # prefix of every path that a command can write
COMMANDS = (
    "cgc-data remove {release} --image-id 1 --out {to}removed",
    "cgc-data validate {release}",
    "cgc-data preview {release} --to {to}preview",
    "cgc-data stats {release}",
    "cgc-data push {release} org/name --tag v1.0.0",
    "cgc-data export {release} --format swift --to {to}swift",
    "cgc-data export {release} --format verl --to {to}verl",
    "cgc-data export {release} --format easyr1 --to {to}easyr1",
    "cgc-data export {release} --format llamafactory --to {to}llamafactory",
    "cgc-train check {recipe} data.release={release} model.name={model} --to {to}checked",
    "cgc-train sft {recipe} data.release={release} --to {to}sft",
    "cgc-train grpo {recipe} data.release={release} --to {to}grpo",
    "cgc-train difficulty {recipe} data.release={release} --to {to}difficulty",
    "cgc-train reward {release} --predictions {answers} --out {to}terms",
    "cgc-train view {to}run --release {release} --to {to}view",
    "cgc-bench score contrast --annotations {release} --predictions {answers}",
    "cgc-bench floors contrast --annotations {release}",
    "cgc-bench prepare contrast --from {release}",
)


def write_material(folder: Path) -> None:
    """Write a tiny model, a copy of it without weights, and a recipe that names the copy. With this recipe, commands
    that need weights stop after they have read the data.
    """
    from cgc_train.recipe import load_recipe, save_recipe
    from cgc_train.tiny import write_tiny

    write_tiny(folder / "model")
    shutil.copytree(folder / "model", folder / "no-weights", ignore=shutil.ignore_patterns("*.safetensors"))
    save_recipe(load_recipe("tiny-cpu", [f"model.name={folder / 'no-weights'}"]), folder / "recipe.yaml")


def every_command(listed: Path, material: Path, out: Path) -> Iterator[str]:
    """Run all commands on every listed release. Yields a message for each command that does not end as it should."""
    for number, hostile in enumerate(json.loads(listed.read_text(encoding="utf-8"))):
        to = out / str(number) / OUTPUT
        names = {"release": hostile["release"], "answers": hostile["answers"], "to": str(to)}
        _prepare(out / str(number), Path(hostile["answers"]), material)
        for command in COMMANDS:
            words = [_filled(word, material, names) for word in command.split()]
            ended = ending(words)
            if ended.fault:
                yield f"{' '.join(words)}: {ended.fault}"
            elif hostile["refused"] and ended.status != 2:
                yield f"{' '.join(words)}: not refused, but status {ended.status}"


def _prepare(folder: Path, answers: Path, material: Path) -> None:
    """Set a separate cache folder, and create a training run with the given answers as its held-out answers."""
    from cgc_train.recipe import load_recipe
    from cgc_train.run import create_run, held_out_path

    folder.mkdir(parents=True)
    os.environ["CGC_CACHE"] = str(folder / f"{OUTPUT}cache")
    run = create_run(folder / f"{OUTPUT}run", load_recipe(str(material / "recipe.yaml")))
    (run.folder / "metrics.jsonl").write_text(json.dumps({"step": 1, "kind": "held_out", "miou": 0.5}) + "\n")
    held_out_path(run.folder, 1).parent.mkdir(exist_ok=True)
    shutil.copy(answers, held_out_path(run.folder, 1))


def _filled(word: str, material: Path, names: dict[str, str]) -> str:
    return word.format(recipe=material / "recipe.yaml", model=material / "model", **names)


def run_all(listed: Path, material: Path, out: Path) -> int:
    """Print the faults. Returns 1 if there are any, and 0 otherwise."""
    faults = list(every_command(listed, material, out))
    print("\n".join(faults), file=sys.stderr)
    return int(bool(faults))
