"""A release's held-out split as a benchmark of this package, with the project's metrics; tasks are the contrasts.

`official` reads an answer with or without reasoning before it, `strict` asks for both tags, as training does.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgc_bench.contrast.items import Item, read_items
from cgc_bench.results import ItemResult
from cgc_data.answer import read_answer
from cgc_data.metrics import FLOORS, METRICS, ItemScore, floor_response, score_item, summarise
from cgc_data.metrics.summary import direction_pairs, expected_same_place

TASKS = ("inter", "intra")
# What is right first; then every way of being wrong, never one without those that silence would improve.
DIAGNOSTICS = tuple(name for name in METRICS if name not in ("acc@0.5", "miou", "source_acc"))


@dataclass(frozen=True)
class ContrastResult(ItemResult):
    """A result with the whole score, for what is defined over several items."""

    score: ItemScore | None = None


def score(item: Item, response: str, *, protocol: str = "official") -> ContrastResult:
    """Score one response; never raises, whatever the text."""
    require_think = protocol == "strict"
    scored = score_item(response, item.truth, require_think=require_think)
    shown = read_answer(response, item.truth.num_images, require_think=require_think).objects
    return ContrastResult(
        task=item.task,
        index=item.index,
        response=response,
        values=_values(scored),
        cluster=item.cluster,
        boxes=[(entry.img_idx, *entry.bbox_2d) for entry in shown],
        truth=[(entry.img_idx, *entry.bbox_2d) for entry in item.truth.objects],
        note=_note(scored),
        score=scored,
    )


def _values(scored: ItemScore) -> dict[str, float | None]:
    found: dict[str, float | bool | None] = {
        "acc@0.5": scored.accuracy,
        "acc@0.5_lenient": scored.lenient,
        "miou": scored.miou,
        "source_acc": scored.source,
        "leakage": scored.leaked,
        "leakage_same_place": scored.leaked_same_place,
        "hallucination": scored.hallucinated,
        "false_empty": scored.false_empty,
        "unreadable": scored.unreadable,
        "format": scored.valid,
        "pixel_scale": scored.pixel_scale,
    }
    return {name: None if value is None else float(value) for name, value in found.items()}


def _note(scored: ItemScore) -> str:
    notes = {
        "unreadable": scored.unreadable,
        "pixel scale": scored.pixel_scale,
        "box in an image without the target": scored.leaked,
        "box where nothing is": scored.hallucinated,
        "[] where objects are": scored.false_empty,
    }
    return ", ".join(name for name, applies in notes.items() if applies)


def table(results: Sequence[ContrastResult]) -> dict[str, Any]:
    """Every metric of `METRICS` in percent: `{"n", "macro", "tasks": {contrast: {"n", metric: value}}}`."""
    groups: dict[str, list[ItemScore]] = defaultdict(list)
    for result in results:
        if result.score is not None:
            groups[result.task].append(result.score)
    tasks = {task: _row(groups[task]) for task in TASKS if task in groups}
    return {"n": len(results), "macro": {name: _macro(tasks, name) for name in METRICS}, "tasks": tasks}


def _row(scores: Sequence[ItemScore]) -> dict[str, Any]:
    found = {name: estimate.value for name, estimate in summarise(scores, resamples=0).items()}
    return {"n": len(scores), **{name: None if value is None else 100 * value for name, value in found.items()}}


def _macro(tasks: Mapping[str, Mapping[str, Any]], name: str) -> float | None:
    values = [row[name] for row in tasks.values() if row[name] is not None]
    return sum(values) / len(values) if values else None


def units(results: Sequence[ContrastResult]) -> list[ItemResult]:
    """The items with what chance would leak, and one result more a pair of directions, which has `constancy` alone."""
    scores = [result.score for result in results if result.score is not None]
    chance = expected_same_place(scores, 0)
    items: list[ItemResult] = [
        ItemResult(r.task, r.index, r.response, {**r.values, "leakage_same_place_expected": value}, r.cluster)
        for r, value in zip(results, chance, strict=True)
    ]
    return [*items, *(_pair(first, second) for first, second in direction_pairs(scores))]


def _pair(first: ItemScore, second: ItemScore) -> ItemResult:
    both = float(first.accuracy == 1 and second.accuracy == 1)
    return ItemResult(first.truth.contrast, first.truth.pair_id, "", {"constancy": both}, first.truth.photos)


class Contrast:
    """See `cgc_bench.results.Benchmark`."""

    name = "contrast"
    title = "Held-out contrasts"
    protocols = ("official", "strict")
    postprocesses: tuple[str, ...] = ()
    tasks = TASKS
    metrics = ("acc@0.5", "miou", "source_acc")
    diagnostics = DIAGNOSTICS
    floors = tuple(FLOORS)

    def read_items(self, annotations: Path, *, version: str | None = None) -> dict[str, Item]:
        """Items by index; `version` is a revision on the Hub. Raises AnnotationError."""
        return read_items(annotations, revision=version)

    def faults(self, items: Mapping[str, Item]) -> dict[str, list[str]]:  # noqa: ARG002 - releases are validated
        """None: what is odd never gets into a release."""
        return {}

    def score(
        self,
        item: Item,
        response: str,
        *,
        protocol: str = "official",
        postprocess: str | None = None,  # noqa: ARG002 - there is none for this benchmark
    ) -> ContrastResult:
        """Score one response; never raises, whatever the text."""
        return score(item, response, protocol=protocol)

    def units(self, results: Sequence[Any]) -> list[ItemResult]:
        """The items, and the pairs of directions."""
        return units(results)

    def table(self, results: Sequence[Any]) -> dict[str, Any]:
        """Every metric of the design's table, in percent."""
        return table(results)

    def floor_response(self, name: str, item: Item) -> str:
        """The answer of a floor."""
        return floor_response(name, item.truth)


BENCHMARK = Contrast()
