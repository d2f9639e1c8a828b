"""The reward of one response, as small pure functions: R = w_miou * R_miou + w_format * R_format.

R_miou is the source-aware set-wise IoU, R_format strict validity; both read the response once, through the reading and
the matching that the benchmark uses too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cgc_data.answer import Object, Reading, Violation, read_answer
from cgc_data.matching import match
from cgc_data.metrics import ItemScore, Truth, score_reading
from cgc_train.reward.settings import PromptSettings, RewardSettings


@dataclass(frozen=True)
class Terms:
    """Every term of one response's reward, and what was read.

    Attributes:
        reward: the weighted sum.
        miou: R_miou, 0-1, times the weight of the row's task.
        format: R_format, 0 or 1, times the weight of the row's task.
        violations: of the strict form.
        item: the metrics of the same reading, which no setting changes.
    """

    reward: float
    miou: float
    format: float
    violations: tuple[Violation, ...]
    item: ItemScore


def score(
    response: str,
    truth: Truth,
    settings: RewardSettings | None = None,
    prompt: PromptSettings | None = None,
) -> Terms:
    """The reward of a response to a row; never raises, whatever the text."""
    settings, prompt = settings or RewardSettings(), prompt or PromptSettings()
    reading = read_answer(response, truth.num_images, require_think=prompt.think, prefix=prompt.prefix)
    miou = miou_term(reading, truth, settings)
    form = format_term(reading, miou, settings)
    factor = settings.task_weight(truth.kind)
    return Terms(
        reward=factor * (settings.miou * miou + settings.format * form),
        miou=factor * miou,
        format=factor * form,
        violations=reading.violations,
        item=score_reading(reading, truth),
    )


def miou_term(reading: Reading, truth: Truth, settings: RewardSettings) -> float:
    """R_miou: sum of IoU over one-to-one pairs within images, over max(|P|, |G|).

    |P| counts every element of the list, malformed ones too. Both empty: 1; one empty or unreadable: 0.
    Without `source_aware` a box may pair in any image; without `set_wise` it is `any_box_term`.
    """
    if not reading.readable:
        return 0.0
    if not reading.elements and not truth.objects:
        return 1.0
    if not settings.set_wise:
        return any_box_term(reading, truth, settings)
    return _matched(reading, truth.objects, truth, settings) / max(reading.elements, len(truth.objects))


def any_box_term(reading: Reading, truth: Truth, settings: RewardSettings) -> float:
    """What set-wise matching is compared with: the mean over true objects of the best IoU that any box has.

    Nothing is matched one to one and nothing counts the predictions, so one box may serve many truths and further
    boxes cost nothing. 0 where there is no true object.
    """
    best = [_matched(reading, [item], truth, settings) for item in truth.objects]
    return math.fsum(best) / len(best) if best else 0.0


def format_term(reading: Reading, miou: float, settings: RewardSettings) -> float:
    """R_format: 1 for a strictly valid answer, else 0; with `format_needs_miou` only where R_miou is above 0."""
    return float(reading.valid and not (settings.format_needs_miou and miou <= 0))


def _matched(reading: Reading, objects: Sequence[Object], truth: Truth, settings: RewardSettings) -> float:
    """Sum of IoU, after floor and power, of the best one-to-one pairs with some of the true objects."""
    found = match(
        reading.objects,
        objects,
        use_image=settings.source_aware,
        use_label=truth.use_label,
        power=settings.power,
        floor=settings.floor,
    )
    return found.total
