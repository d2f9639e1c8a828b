"""Compares, for each task, the scores of models with the scores of trivial answers. Computes means and differences with
intervals, and writes the tables of a page.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.painted_rows import Row
from scripts.markdown import write_between

BLIND = "blind"  # the model of `full`, given the images of other rows
METRICS = {"accuracy": "`acc@0.5`", "miou": "R_miou"}  # the first metric decides
BEGIN, END = "<!-- table: benchmarks/tasks_learned.py -->", "<!-- end of table -->"


def by_task(truths: Sequence[Any]) -> dict[str, list[int]]:
    """Indices of the rows of each task, in the order in which tasks are declared."""
    from cgc_data.tasks import TASKS

    found: dict[str, list[int]] = {task: [] for task in TASKS}
    for place, truth in enumerate(truths):
        found[truth.kind.id].append(place)
    return {task: places for task, places in found.items() if places}


def compared(places: Sequence[int], truths: Sequence[Any], given: dict[str, list[str]]) -> Row:
    """Mean scores of all models and trivial answers on the rows of a task. Also the lead, with intervals, of the model
    trained on `full` over three others: the model trained on `paper`, the best trivial answer, and the same model when
    it is shown the images of other rows.
    """
    from cgc_data.metrics import FLOORS, score_item

    asked = [truths[place] for place in places]
    photos = [truth.photos for truth in asked]
    outcome: Row = {"rows": len(places), "photo sets": len(set(photos))}
    scores = {
        who: [score_item(texts[place], truths[place], lenient=False) for place in places]
        for who, texts in given.items()
    }
    for metric in METRICS:
        values = {who: [float(getattr(score, metric)) for score in items] for who, items in scores.items()}
        means = {who: sum(column) / len(column) for who, column in values.items()}
        floor = max(FLOORS, key=lambda name: means[name])
        others = {"paper": "paper", "floor": floor, BLIND: BLIND}
        ahead = {name: difference(values["full"], values[other], photos) for name, other in others.items()}
        outcome[metric] = {"means": means, "floor": floor, "ahead of": ahead}
    return outcome


def difference(values: Sequence[float], others: Sequence[float], photos: Sequence[str]) -> list[float | None]:
    """Mean of the paired differences, and the bounds of its 95 % interval (bootstrapped over photo sets)."""
    from cgc_data.metrics import estimate

    found = estimate([a - b for a, b in zip(values, others, strict=True)], photos, resamples=5000)
    return [found.value, found.low, found.high]


def tables(outcome: Row) -> str:
    """One table per metric."""
    return "\n".join(f"{title}:\n\n{table(outcome, metric)}" for metric, title in METRICS.items())


def table(outcome: Row, metric: str) -> str:
    """One line per task: the mean scores, and the lead of the model trained on `full`."""
    lines = [
        "| task | new | rows | `full` | `paper` | best floor | blind | ahead of `paper` | ahead of the floor |",
        "|---|---|---:|---:|---:|---|---:|---|---|",
    ]
    for task, found in outcome["tasks"].items():
        means, floor = found[metric]["means"], found[metric]["floor"]
        ahead = [interval(*found[metric]["ahead of"][other]) for other in ("paper", "floor")]
        cells = [f"`{task}`", "yes" if is_new(task) else "", str(found["rows"]), f"{means['full']:.2f}"]
        cells += [f"{means['paper']:.2f}", f"{means[floor]:.2f} ({floor})", f"{means[BLIND]:.2f}", *ahead]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def interval(value: float, low: float | None, high: float | None) -> str:
    """A difference with its interval. The difference is bold if its whole interval is above zero."""
    if low is None or high is None:
        return f"{value:+.2f}"
    text = f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"
    return f"**{text}**" if low > 0 else text


def is_new(task: str) -> bool:
    """Whether the preset `paper` has no rows of the task."""
    from cgc_data.tasks import PRESETS

    return PRESETS["paper"].get(task) == 0


def write(outcome: Row, docs: Path) -> None:
    """Write the figures to tasks_learned.json, and the tables to learning.md."""
    (docs / "tasks_learned.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    write_between(docs / "learning.md", BEGIN, END, f"\n\n{tables(outcome)}\n")
