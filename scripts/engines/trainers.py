"""Makes inputs for third-party trainers, and compares the results of the trainers with those of this project.

These trainers look up the special tokens of Qwen3-VL by id, so the tiny model that they train has the same ids.
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

STEPS, ASKED = 2, 16
WARM = load_recipe("tiny-cpu")  # the recipe of the warm-up
MAX_PIXELS = WARM.data.max_pixels
EXACT, LEARNED = 1e-6, 1e-5  # tolerance for rewards in single precision, and for weights
OF_ADVANTAGES = 1e-3
DEVIATION = 1e-4  # all trainers add this to the deviation of a group's rewards
RAY = {
    "RAY_ADDRESS": "local",  # a Ray cluster that ends with the process
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_agent_register_timeout_ms": "600000",
    "RAY_enable_worker_prestart": "false",  # each process imports torch
    "RAY_prestart_worker_first_driver": "false",
}
PLUGINS = ROOT / "cgc_train" / "plugins"
TERMS = ("miou", "format")


@dataclass(frozen=True)
class Paid:
    """A response to a row, with the reward terms that a trainer received for the response. If the trainer logged the
    advantage of the response, it is included.
    """

    row: str
    response: str
    terms: Mapping[str, float]
    advantage: float = 0.0

    @property
    def reward(self) -> float:
        """The sum of the terms."""
        return sum(self.terms[name] for name in TERMS)


def start(place: Workplace) -> Path:
    """The warmed-up model, extended to the vocabulary size of the full-size Qwen3-VL. It is made only once."""
    folder = HOME / "material" / "real"
    once(folder, lambda: widen(place.material.warm, folder, MAX_PIXELS))
    return folder


def export(place: Workplace, form: str) -> Path:
    """The folder where `cgc-data export` wrote the release in the format `form`."""
    folder = place.folder / "exported"
    if not folder.exists():
        python("cgc_data", "export", str(place.material.release), "--format", form, "--to", str(folder))
    return folder


def known_rows(place: Workplace) -> list[int]:
    """0-based indices of the training rows whose tasks were part of the warm-up. The model cannot answer rows of other
    tasks.
    """
    tasks = WARM.data.tasks
    rows = open_release(place.material.release).rows(split="train", images=False)
    return [number for number, row in enumerate(rows) if f"{row['contrast']}/{row['task']}" in tasks]


def lines(file: Path) -> list[dict[str, Any]]:
    """The objects in a JSON Lines file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def paid_alike(place: Workplace, paid: Sequence[Paid], expected: int) -> list[Comparison]:
    """Compare a trainer's rewards with those of `cgc-train reward` for the same responses."""
    here = _rewards(place, paid)
    apart = [abs(one.terms[name] - other[name]) for one, other in zip(paid, here, strict=True) for name in TERMS]
    earning = sum(one.reward > 0 for one in paid)
    return [
        same("scored responses that belong to an exported row", len(paid), expected),
        at_most(
            "difference from the reward terms that `cgc-train reward` computes", max(apart, default=float("inf")), EXACT
        ),
        at_least("responses with a reward above zero", earning, 1, f"of {len(paid)}"),
    ]


def not_reached() -> list[Comparison]:
    """The skipped comparisons of a trainer that needs a GPU. Without a GPU, the trainer stops before it saves the
    weights.
    """
    return [skipped("saved weights", "without a GPU, training stops before this comparison")]


def told_apart(paid: Sequence[Paid], size: int) -> Comparison:
    """Count the groups in which responses earned different rewards. A group is `size` consecutive responses. If all
    rewards in a group are equal, the group does not change the weights.
    """
    groups = _groups(paid, size)
    apart = sum(max(rewards) - min(rewards) > EXACT for rewards in groups)
    return at_least("groups in which the responses earn different rewards", apart, 1, f"of {len(groups)}")


def advantages(paid: Sequence[Paid], size: int) -> Comparison:
    """Compare the logged advantages with normalized rewards.

    To normalize a reward, subtract the mean of its group, and divide by the group's standard deviation plus
    `DEVIATION`.
    """
    expected = [one for rewards in _groups(paid, size) for one in _as_advantages(rewards)]
    apart = [abs(one.advantage - other) for one, other in zip(paid, expected, strict=True)]
    return at_most("difference between advantages and rewards normalized by group", max(apart), OF_ADVANTAGES)


def _groups(paid: Sequence[Paid], size: int) -> list[list[float]]:
    return [[one.reward for one in paid[start : start + size]] for start in range(0, len(paid), size)]


def _as_advantages(rewards: list[float]) -> list[float]:
    mean, deviation = fmean(rewards), stdev(rewards) + DEVIATION
    return [(reward - mean) / deviation for reward in rewards]


def learned(saved: Path, before: Path) -> list[Comparison]:
    """Compare a trainer's saved model with the initial model."""
    return [
        at_least("weight change during training", difference(saved, before), LEARNED),
        same(
            "weights that stock transformers loads",
            count_loaded(saved),
            len(tensors(before)),
            "as many as before training",
        ),
    ]


def _rewards(place: Workplace, paid: Sequence[Paid]) -> list[dict[str, Any]]:
    """The output of `cgc-train reward` for each response."""
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
    """Read an export with a trainer's dataset class. Sample responses to some rows, and score these responses with the
    trainer's reward manager.

    `old` states whether the trainer uses transformers 4.
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
        same("rows that the trainer's dataset class reads", read[0]["rows"], len(rows), "all exported rows"),
        equal("images per row", [one["images"] for one in read], [rows[one["row"]] for one in read]),
        *paid_alike(place, [Paid(one["row"], one["response"], one["terms"]) for one in read], ASKED),
        at_most("difference between the reward used for training and the sum of its terms", max(apart), EXACT),
    ]
