"""Writes the recipes of an ablation study, and a script that runs all of them.

A switch, such as `no-source`, is a small set of settings that overrides the baseline recipe. For each switch, the study
contains a copy of the baseline recipe in which only these settings differ.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, TypedDict

from cgc_data.common.settings import merge_all, nearest, parse_override, read_settings
from cgc_data.metrics import METRICS
from cgc_data.tasks import CONTRASTS, DISTRACTORS
from cgc_train.errors import RecipeError, RunError
from cgc_train.recipe import Recipe, save_recipe
from cgc_train.reward.settings import TERMS

BASELINE = "baseline"


class EstimateJson(TypedDict):
    """A metric in held_out.json, 0-1."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Switch:
    """The `key=value` settings of a switch, and a description of their effect."""

    settings: tuple[str, ...]
    meaning: str


def _only(contrast: str) -> Switch:
    others = " or ".join(other.title for name, other in CONTRASTS.items() if name != contrast)
    return Switch((f"data.contrasts=[{contrast}]",), f"no contrast between {others}")


# All kinds of distractors except the hardest.
EASY = tuple(name for name, kind in DISTRACTORS.items() if kind.likeness < 1)
SWITCHES = {
    **{f"{name}-only": _only(name) for name in CONTRASTS},
    "decoupled-only": Switch((f"data.distractors=[{', '.join(EASY)}]",), "no hard distractors"),
    "no-distractors": Switch(
        ("data.distractor_images=false",),
        ("show only images that contain a target object, without distractor images"),
    ),
    "no-source": Switch(
        ("reward.source_aware=false",), ("boxes in the wrong image earn as much as boxes in the right image")
    ),
    "no-setwise": Switch(("reward.set_wise=false",), "no one-to-one matching, so extra boxes cost nothing"),
    **{f"no-{term.name}": Switch((f"reward.{term.name}=0",), term.ablated) for term in TERMS if term.ablated},
    "no-think": Switch(("prompt.think=false",), "do not ask for reasoning before the answer"),
    "no-kl": Switch(("grpo.beta=0",), "no reference model"),
    "resample": Switch(("groups.resample=2",), "replace groups of completions whose rewards are all equal"),
    "easy-first": Switch(("data.curriculum=easy_first",), "easy rows first"),
}
# TRL's losses, and GSPO, which TRL selects by another setting.
LOSSES = ("grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo", "gspo")


def switch(name: str) -> Switch:
    """Return the switch with this name, such as `no-source`, `loss:dr_grpo`, or `kl:0.04`. Raises RecipeError if the
    name is unknown.
    """
    family, colon, value = name.partition(":")
    if colon and family == "loss" and value in LOSSES:
        return _loss(value)
    if colon and family == "kl":
        return _kl(value)
    if name in SWITCHES:
        return SWITCHES[name]
    known = list(all_switches())
    raise RecipeError(f"no ablation {name!r}{nearest(name, known) or '; there are ' + ', '.join(known)}")


def all_switches() -> dict[str, Switch]:
    """Every switch by name. `kl` accepts any weight, so only one example is listed."""
    return SWITCHES | {f"loss:{loss}": _loss(loss) for loss in LOSSES} | {"kl:0.04": _kl("0.04")}


def _loss(name: str) -> Switch:
    if name == "gspo":  # the same clipping, applied to the ratio of complete sequences
        settings = ("grpo.importance_sampling_level=sequence", "grpo.loss_type=grpo")
        return Switch(settings, "one importance weight per completion")
    return Switch((f"grpo.loss_type={name}", "grpo.importance_sampling_level=token"), f"TRL's loss {name}")


def _kl(value: str) -> Switch:
    try:
        weight = float(value)
    except ValueError:
        weight = -1.0
    if not 0 <= weight < inf:
        raise RecipeError(f"'kl:{value}' is not a valid ablation; use a weight of at least 0, such as kl:0.04")
    return Switch((f"grpo.beta={weight}",), f"KL term with weight {value}")


def varied(recipe: Recipe, name: str) -> Recipe:
    """Apply a switch to a recipe. Raises RecipeError if the switch changes nothing or the new recipe is not valid."""
    overrides = merge_all([parse_override(text, RecipeError) for text in switch(name).settings])
    values = merge_all([recipe.model_dump(mode="json"), overrides, {"name": f"{recipe.name}-{_file_name(name)}"}])
    changed = read_settings(Recipe, values, f"ablation {name}", RecipeError)
    if _compared(changed) == _compared(recipe):
        raise RecipeError(
            f"ablation {name}: the recipe already has these settings, "
            "so the run would repeat the baseline; omit this ablation"
        )
    return changed


def _compared(recipe: Recipe) -> Mapping[str, object]:
    """The settings of a recipe except its name. Settings that switches change get TRL's default if they are unset."""
    values = recipe.model_dump(mode="json", exclude={"name"})
    values["grpo"] = {"loss_type": "dapo", "importance_sampling_level": "token", "beta": 0.0} | values["grpo"]
    values["grpo"]["beta"] = _number(values["grpo"]["beta"])
    return values


def _number(value: Any) -> Any:
    """Convert a value to a number if possible, because YAML reads `1e-3` as text."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return value


def write_ablation(recipe: Recipe, names: Sequence[str], folder: Path) -> list[Path]:
    """Write the baseline recipe, one recipe per switch, and `run.sh` to a new folder.

    Returns the paths of the recipes.

    Raises RecipeError if a switch is unknown or repeated, or if the folder is not empty.
    """
    if repeated := sorted({name for name in names if list(names).count(name) > 1}):
        raise RecipeError(f"ablation {repeated[0]!r} is listed twice; list it once")
    variants = {BASELINE: recipe} | {_file_name(name): varied(recipe, name) for name in names}
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RecipeError(f"{folder}: already exists and is not overwritten; choose another folder with --to")
    (folder / "recipes").mkdir(parents=True, exist_ok=True)
    paths = [folder / "recipes" / f"{name}.yaml" for name in variants]
    for path, variant in zip(paths, variants.values(), strict=True):
        save_recipe(variant, path)
    runner = folder / "run.sh"
    runner.write_text(_runner(recipe, list(variants)), encoding="utf-8")
    runner.chmod(0o755)
    return paths


def _file_name(name: str) -> str:
    return name.replace(":", "-")


def _runner(recipe: Recipe, names: Sequence[str]) -> str:
    launch = "cgc-train"
    if recipe.accelerate != "cpu":
        file = f'"$(cgc-train recipes --accelerate {recipe.accelerate})"'
        launch = f"accelerate launch --config_file {file} --num_processes {recipe.gpus} -m cgc_train"
    return RUNNER.format(launch=launch, names=" ".join(map(shlex.quote, names)))


def table(folder: Path) -> str:
    """Format the held-out metrics of all evaluated runs as a Markdown table. Values are percentages with 95 %
    confidence intervals.

    Raises RunError if no run has been evaluated.
    """
    found = {path.parent.name: path for path in sorted(folder.glob("runs/*/held_out.json"))}
    if not found:
        raise RunError(
            f"{folder}: none of its runs has been evaluated; run {folder / 'run.sh'} with recipes whose "
            "data.held_out_every is above 0"
        )
    names = sorted(found, key=lambda name: (name != BASELINE, name))
    metrics = {name: json.loads(found[name].read_text(encoding="utf-8"))["metrics"]["all"] for name in names}
    shown = [metric for metric in METRICS if any(_cell(values.get(metric)) for values in metrics.values())]
    lines = [["run", *shown], ["---", *["---"] * len(shown)]]
    lines += [[name, *(_cell(metrics[name].get(metric)) for metric in shown)] for name in names]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(estimate: EstimateJson | None) -> str:
    """Format a table cell as `62.5 [25.0, 75.0], n=8`. The interval is omitted if there are too few photos to compute
    it.
    """
    if estimate is None or estimate["value"] is None:
        return ""
    ends = [f"{100 * end:.1f}" for end in (estimate["low"], estimate["high"]) if end is not None]
    interval = f" [{', '.join(ends)}]" if ends else ""
    return f"{100 * estimate['value']:.1f}{interval}, n={estimate['n']}"


RUNNER = """#!/usr/bin/env bash
# Trains with every recipe of this ablation, one after another. Finished runs are skipped, and stopped runs are resumed.
# Run this script from the folder that the relative paths in the recipes start from.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"

# Check all recipes before training starts.
for name in {names}; do
  cgc-train check "$here/recipes/$name.yaml"
done

for name in {names}; do
  run="$here/runs/$name"
  if compgen -G "$run/model/*.safetensors" > /dev/null; then
    echo "$name: done"
  elif [ -e "$run" ]; then
    {launch} resume "$run"
  else
    {launch} grpo "$here/recipes/$name.yaml" --to "$run"
  fi
done
cgc-train ablate --table "$here"
"""
