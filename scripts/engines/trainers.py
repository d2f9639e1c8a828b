"""What trainers of others are given, and how what they did is held against this project's own.

They know the real model's special tokens by number, so their tiny model has those.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from cgc_data.release.read import open_release
from cgc_train.plugins.exported import without_end
from cgc_train.recipe import load_recipe
from scripts.engines.material import once, python
from scripts.engines.older import as_older
from scripts.engines.records import Comparison, at_least, at_most, equal, same, skipped
from scripts.engines.weights import count_loaded, difference, tensors
from scripts.engines.widen import widen
from scripts.engines.workplace import HOME, ROOT, Workplace

STEPS, MAX_PIXELS, ASKED = 2, 9216, 16
EXACT, LEARNED = 1e-6, 1e-5  # of a reward in single precision; of weights
OF_ADVANTAGES = 1e-3
DEVIATION = 1e-4  # is added to the deviation of a group's rewards by all of them
RAY = {"RAY_ADDRESS": "local", "RAY_USAGE_STATS_ENABLED": "0"}  # a cluster of its own, which ends with it
PLUGINS = ROOT / "cgc_train" / "plugins"
TERMS = ("miou", "format")


@dataclass(frozen=True)
class Paid:
    """A response to a row, the terms of the reward that a trainer was given for it, and its advantage, if told."""

    row: str
    response: str
    terms: Mapping[str, float]
    advantage: float = 0.0

    @property
    def reward(self) -> float:
        """The sum of the terms."""
        return sum(self.terms[name] for name in TERMS)


def start(place: Workplace) -> Path:
    """The warm model with the real model's vocabulary; made once."""
    folder = HOME / "material" / "real"
    once(folder, lambda: widen(place.material.warm, folder, MAX_PIXELS))
    return folder


def export(place: Workplace, form: str) -> Path:
    """The release as `cgc-data export` writes it for a trainer."""
    folder = place.folder / "exported"
    if not folder.exists():
        python("cgc_data", "export", str(place.material.release), "--format", form, "--to", str(folder))
    return folder


def known_rows(place: Workplace) -> list[int]:
    """Numbers of the training rows, from 0, whose tasks the warm-up had; the model answers no others in any form."""
    tasks = load_recipe("tiny-cpu").data.tasks
    rows = open_release(place.material.release).rows(split="train", images=False)
    return [number for number, row in enumerate(rows) if f"{row['contrast']}/{row['task']}" in tasks]


def lines(file: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def paid_alike(place: Workplace, paid: Sequence[Paid], expected: int) -> list[Comparison]:
    """Hold what a trainer was given for its responses against `cgc-train reward` for the same ones."""
    here = _rewards(place, paid)
    apart = [abs(one.terms[name] - other[name]) for one, other in zip(paid, here, strict=True) for name in TERMS]
    earning = sum(one.reward > 0 for one in paid)
    return [
        same("responses that were paid, each to a row of the export", len(paid), expected),
        at_most("terms of the reward, against `cgc-train reward`", max(apart, default=float("inf")), EXACT),
        at_least("responses that earn something", earning, 1, f"of {len(paid)}"),
    ]


def not_reached() -> list[Comparison]:
    """What is left of a training that ends before it has saved anything, on any machine without a graphics card."""
    return [skipped("weights that it saved", "it has not come so far on any machine without a graphics card")]


def told_apart(paid: Sequence[Paid], size: int) -> Comparison:
    """Groups, one after another, in which one response earns more than another; the others teach nothing."""
    groups = _groups(paid, size)
    apart = sum(max(rewards) - min(rewards) > EXACT for rewards in groups)
    return at_least("groups whose responses earn different rewards", apart, 1, f"of {len(groups)}")


def advantages(paid: Sequence[Paid], size: int) -> Comparison:
    """Advantages, against the rewards of each group less their mean, as shares of their deviation."""
    expected = [one for rewards in _groups(paid, size) for one in _as_advantages(rewards)]
    apart = [abs(one.advantage - other) for one, other in zip(paid, expected, strict=True)]
    return at_most("advantages, against rewards as shares of their group's deviation", max(apart), OF_ADVANTAGES)


def _groups(paid: Sequence[Paid], size: int) -> list[list[float]]:
    return [[one.reward for one in paid[start : start + size]] for start in range(0, len(paid), size)]


def _as_advantages(rewards: list[float]) -> list[float]:
    mean, deviation = fmean(rewards), stdev(rewards) + DEVIATION
    return [(reward - mean) / deviation for reward in rewards]


def learned(saved: Path, before: Path) -> list[Comparison]:
    """A model that a trainer saved, against the one it began with."""
    return [
        at_least("change of weights by training", difference(saved, before), LEARNED),
        same("weights that stock transformers loads", count_loaded(saved), len(tensors(before)), "as at the start"),
    ]


def _rewards(place: Workplace, paid: Sequence[Paid]) -> list[dict[str, Any]]:
    """What `cgc-train reward` writes of each response."""
    seen: Counter[str] = Counter()
    file, out = place.folder / "predictions.jsonl", place.folder / "rewards.jsonl"
    with file.open("w", encoding="utf-8") as written:
        for one in paid:
            seen[one.row] += 1
            entry = {"id": one.row, "sample": seen[one.row], "response": without_end(one.response)}
            written.write(json.dumps(entry) + "\n")
    out.unlink(missing_ok=True)
    python("cgc_train", "reward", str(place.material.release), "--predictions", str(file), "--out", str(out))
    return lines(out)


def managed(place: Workplace, trainer: str, file: str, old: bool = False) -> list[Comparison]:
    """Have a trainer's data set class read an export, and its reward manager pay sampled responses to some rows.

    `old`: it has transformers 4.
    """
    data, out = export(place, trainer) / file, place.folder / "paid.jsonl"
    plugin = PLUGINS / f"{trainer}_reward.py"
    model = as_older(start(place), place.folder / "model") if old else start(place)
    asked = [str(number) for number in known_rows(place)[:ASKED]]
    place.run("-m", f"scripts.engines.{trainer}_worker", str(model), str(data), str(plugin), str(out), *asked)
    there, read = open_release(place.material.release), lines(out)
    rows = {row["id"]: len(row["views"]) for row in there.rows(split="train", images=False)}
    apart = [abs(one["score"] - sum(one["terms"][name] for name in TERMS)) for one in read]
    return [
        same("rows that its data set class reads", read[0]["rows"], len(rows), "all of the export"),
        equal("images of the rows", [one["images"] for one in read], [rows[one["row"]] for one in read]),
        *paid_alike(place, [Paid(one["row"], one["response"], one["terms"]) for one in read], ASKED),
        at_most("what it trains on, against the sum of the terms", max(apart), EXACT),
    ]
