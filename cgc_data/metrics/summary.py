"""The summary of the held-out split: one metric per kind of failure, each with an interval and a number of items."""

import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Literal, TypeAlias, get_args

from cgc_data.metrics.estimate import RESAMPLES, Estimate, estimate
from cgc_data.metrics.items import ItemScore, same_place
from cgc_data.metrics.truth import Truth

# Metrics in the order of printing: successes first, then one line per kind of failure.
Metric = Literal[
    "acc@0.5",
    "acc@0.5_lenient",
    "miou",
    "source_acc",
    "leakage",
    "leakage_same_place",
    "leakage_same_place_expected",
    "hallucination",
    "nowhere",
    "binding",
    "false_empty",
    "unreadable",
    "constancy",
    "track",
    "track_images",
    "format",
    "pixel_scale",
]
METRICS: tuple[Metric, ...] = get_args(Metric)
Summary: TypeAlias = dict[Metric, Estimate]
# Leaked items are compared with the truths of this many other items to estimate the chance rate.
SHUFFLES = 50


def summarise(scores: Sequence[ItemScore], *, resamples: int = RESAMPLES, seed: int = 0) -> Summary:
    """The mean of every metric of `METRICS` over the scores, with 95 % intervals. Scores of rows with the same photos
    form a cluster; the bootstrap resamples whole clusters. If `resamples` is 0, there are no intervals.
    """
    photos = [score.truth.photos for score in scores]
    columns = item_columns(scores) | {"leakage_same_place_expected": expected_same_place(scores, seed)}
    table = {name: estimate(values, photos, resamples=resamples, seed=seed) for name, values in columns.items()}
    table["constancy"] = _constancy(scores, resamples, seed)
    return {name: table[name] for name in METRICS}


def item_columns(scores: Sequence[ItemScore]) -> dict[Metric, Sequence[float | bool | None]]:
    """The values of the per-response metrics, in the order of the scores; None if not defined for a response."""
    return {
        "acc@0.5": [score.accuracy for score in scores],
        "acc@0.5_lenient": [score.lenient for score in scores],
        "miou": [score.miou for score in scores],
        "source_acc": [score.source for score in scores],
        "leakage": [score.leaked for score in scores],
        "leakage_same_place": [score.leaked_same_place for score in scores],
        "hallucination": [score.hallucinated for score in scores],
        "nowhere": [score.nowhere for score in scores],
        "binding": [score.binding for score in scores],
        "track": [score.track for score in scores],
        "track_images": [score.track_images for score in scores],
        "false_empty": [score.false_empty for score in scores],
        "unreadable": [score.unreadable for score in scores],
        "format": [score.valid for score in scores],
        "pixel_scale": [score.pixel_scale for score in scores],
    }


def summarise_by(
    scores: Sequence[ItemScore], key: str, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Summary]:
    """One summary for each value of the attribute `key` of the truths, such as `task_id` or `contrast`."""
    groups: dict[str, list[ItemScore]] = defaultdict(list)
    for score in scores:
        groups[str(getattr(score.truth, key))].append(score)
    return {name: summarise(groups[name], resamples=resamples, seed=seed) for name in sorted(groups)}


def _constancy(scores: Sequence[ItemScore], resamples: int, seed: int) -> Estimate:
    """Share of question pairs that are answered correctly in both directions."""
    whole = direction_pairs(scores)
    right = [all(score.accuracy == 1 for score in pair) for pair in whole]
    return estimate(right, [pair[0].truth.photos for pair in whole], resamples=resamples, seed=seed)


def direction_pairs(scores: Sequence[ItemScore]) -> list[tuple[ItemScore, ...]]:
    """Pairs of scores: one pair for each question that is asked in both directions. Incomplete pairs are skipped.

    If a question has several responses, its first response is paired with the first response to the reverse question,
    and so on.
    """
    pairs: dict[str, dict[str, list[ItemScore]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        if score.truth.both_ways and score.truth.pair_id:
            pairs[score.truth.pair_id][score.truth.id].append(score)
    return [both for pair in pairs.values() if len(pair) == 2 for both in zip(*pair.values(), strict=False)]


def expected_same_place(scores: Sequence[ItemScore], seed: int) -> list[float | None]:
    """The chance rate of `leaked_same_place` for each item; None for items without a leaked box.

    The rate is computed from other items that have the same contrast and task, but other photos. It is the share of
    these items that have a ground-truth box at the place of a leaked box (IoU >= 0.5).
    """
    pools: dict[tuple[str, str], list[Truth]] = defaultdict(list)
    for score in scores:
        if score.truth.objects:
            pools[_kind(score.truth)].append(score.truth)
    generator = random.Random(seed)
    for pool in pools.values():
        generator.shuffle(pool)
    return [_chance(score, pools[_kind(score.truth)], generator) if score.leaked else None for score in scores]


def _chance(score: ItemScore, pool: Sequence[Truth], generator: random.Random) -> float | None:
    start = generator.randrange(len(pool))  # shuffled once: the items that follow any position are a random draw
    following = (pool[(start + step) % len(pool)] for step in range(len(pool)))
    others = islice((truth for truth in following if truth.photos != score.truth.photos), SHUFFLES)
    hits = same_place(score.leaked_boxes, list(others))
    return sum(hits) / len(hits) if hits else None


def _kind(truth: Truth) -> tuple[str, str]:
    return truth.contrast, truth.task
