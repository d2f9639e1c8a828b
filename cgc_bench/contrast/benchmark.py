"""The held-out split of a release as a benchmark, with the project's metrics.

Each contrast (`inter` for images of different scenes, `intra` for views of one photo) is one task, and the overall mean
is the unweighted mean of the two. Each question type has its own row in the tables.

The protocol `official` accepts answers with or without reasoning. `strict` requires both the reasoning tag and the
answer tag, as training does.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cgc_bench.contrast import items
from cgc_bench.contrast.items import Item
from cgc_bench.contrast.prepare import prepare_release
from cgc_bench.prepare import settings
from cgc_bench.prepare.cache import Prepared
from cgc_bench.scoring.benchmark import Benchmark, Group, ItemResult, Row, Table
from cgc_bench.scoring.profiles import OWN, Profile
from cgc_bench.scoring.scales import in_unit_scale
from cgc_data.answer import read_answer
from cgc_data.metrics import FLOORS, METRICS, ItemScore, floor_response, score_item, summarise
from cgc_data.metrics.summary import direction_pairs, expected_same_place
from cgc_data.tasks import CONTRASTS, TASKS

# First the share of correct answers, then every kind of error, together with the metrics that empty answers would
# improve.
DIAGNOSTICS = (*(name for name in METRICS if name not in ("acc@0.5", "miou", "source_acc")), "unit_scale")


@dataclass(frozen=True)
class ContrastResult(ItemResult):
    """An item's result, with its full `ItemScore`, which metrics over several items need."""

    score: ItemScore | None = None


def _values(scored: ItemScore, *, in_shares: bool) -> dict[str, float | None]:
    found: dict[str, float | bool | None] = {
        "acc@0.5": scored.accuracy,
        "acc@0.5_lenient": scored.lenient,
        "miou": scored.miou,
        "source_acc": scored.source,
        "leakage": scored.leaked,
        "leakage_same_place": scored.leaked_same_place,
        "hallucination": scored.hallucinated,
        "nowhere": scored.nowhere,
        "binding": scored.binding,
        "track": scored.track,
        "track_images": scored.track_images,
        "false_empty": scored.false_empty,
        "unreadable": scored.unreadable,
        "format": scored.valid,
        "pixel_scale": scored.pixel_scale,
        "unit_scale": in_shares,
    }
    return {name: None if value is None else float(value) for name, value in found.items()}


def _note(scored: ItemScore, *, in_shares: bool) -> str:
    notes = {
        "unreadable": scored.unreadable,
        "pixel scale": scored.pixel_scale,
        "scale of 0 to 1": in_shares,
        "box in an image without the target": scored.leaked,
        "box where nothing is": scored.hallucinated,
        "box of a label that no image shows": scored.nowhere,
        "labels swapped": scored.binding,
        "[] where objects are": scored.false_empty,
    }
    return ", ".join(name for name, applies in notes.items() if applies)


def _row(scores: Sequence[ItemScore]) -> dict[str, float | None]:
    found = {name: estimate.value for name, estimate in summarise(scores, resamples=0).items()}
    return {"n": len(scores), **{name: None if value is None else 100 * value for name, value in found.items()}}


def _macro(tasks: Mapping[str, Row], name: str) -> float | None:
    values = [value for row in tasks.values() if (value := row[name]) is not None]
    return sum(values) / len(values) if values else None


def _with_chance(result: ContrastResult, chance: float | None) -> ItemResult:
    values = {**result.values, "leakage_same_place_expected": chance}
    return ItemResult(result.task, result.index, result.response, values, result.cluster, subtask=result.subtask)


def _pair(first: ItemScore, second: ItemScore) -> ItemResult:
    both = float(first.accuracy == 1 and second.accuracy == 1)
    truth = first.truth
    subtask = truth.kind.id if truth.kind else ""
    return ItemResult(truth.contrast, truth.pair_id, "", {"constancy": both}, truth.photos, subtask=subtask)


def _floor(name: str, item: Item) -> str:
    return floor_response(name, item.truth)


_FLOORS = {name: partial(_floor, name) for name in FLOORS}


class Contrast(Benchmark[Item, ContrastResult]):
    """See `cgc_bench.scoring.benchmark.Benchmark`."""

    name = "contrast"
    title = "Held-out contrasts"
    tasks = tuple(CONTRASTS)
    groups = (Group("cgc_contrast", "test", "official"), Group("cgc_contrast_think", "test", "think"))
    metrics = ("acc@0.5", "miou", "source_acc")
    diagnostics = DIAGNOSTICS
    lower_is_better = (
        *("leakage", "leakage_same_place", "leakage_same_place_expected", "hallucination"),
        *("nowhere", "binding", "false_empty", "unreadable", "pixel_scale", "unit_scale"),
    )
    profiles = (Profile(OWN),)
    floors = _FLOORS
    elsewhere = True
    read_items = staticmethod(items.read_items)
    messages = staticmethod(items.messages)

    def prepared(self, task: str, variant: str) -> Prepared:  # noqa: ARG002 - the environment names the release
        """Prepare the release that CGC_BENCH_RELEASE names."""
        release, revision = settings.release()
        return prepare_release(release, revision, settings.photos())

    def annotations_sha256(self, annotations: Path) -> str:
        """The sha256 of the concatenated digests of all shards in the split."""
        return items.split_sha256(items.held_out_release(annotations))

    def score(
        self,
        item: Item,
        response: str,
        *,
        protocol: str = "official",
        postprocess: str | None = None,  # noqa: ARG002 - there is none for this benchmark
    ) -> ContrastResult:
        """Score one response. Accepts any text without raising an error."""
        require_think = protocol == "strict"
        scored = score_item(response, item.truth, require_think=require_think)
        in_shares = in_unit_scale(response.rpartition("</think>")[2])
        shown = read_answer(response, item.truth.num_images, require_think=require_think).objects
        return ContrastResult(
            task=item.task,
            subtask=item.truth.kind.id if item.truth.kind else "",
            index=item.index,
            response=response,
            values=_values(scored, in_shares=in_shares),
            cluster=item.cluster,
            boxes=[(entry.img_idx, *entry.bbox_2d) for entry in shown],
            truth=[(entry.img_idx, *entry.bbox_2d) for entry in item.truth.objects],
            note=_note(scored, in_shares=in_shares),
            score=scored,
        )

    def units(self, results: Sequence[ContrastResult]) -> list[ItemResult]:
        """One result per item, with the leakage expected by chance. Also one result per pair, with only the metric
        `constancy`. In a pair, each question asks for the box that the other question uses as its reference box.
        """
        scores = [result.score for result in results if result.score is not None]
        chance = expected_same_place(scores, 0)
        single = [_with_chance(result, value) for result, value in zip(results, chance, strict=True)]
        return [*single, *(_pair(first, second) for first, second in direction_pairs(scores))]

    def table(self, results: Sequence[ContrastResult]) -> Table:
        """Every metric of `METRICS` in percent, with one row per contrast and one per question type."""
        groups: dict[str, list[ItemScore]] = defaultdict(list)
        for result in results:
            if result.score is not None:
                groups[result.task].append(result.score)
                groups[result.subtask].append(result.score)
        rows = {name: _row(groups[name]) for name in (*CONTRASTS, *TASKS) if name in groups}
        contrasts = {name: row for name, row in rows.items() if name in CONTRASTS}
        return {"n": len(results), "macro": {name: _macro(contrasts, name) for name in METRICS}, "tasks": rows}


BENCHMARK = Contrast()
