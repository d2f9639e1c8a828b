"""The reward of one response, as small pure functions: R = w_miou * R_miou + w_format * R_format.

R_miou is the source-aware set-wise IoU, R_format strict validity; both read the response once, through the reading and
the matching that the benchmark uses too.
"""

from dataclasses import dataclass

from cgc_data.answer import Object, Reading, Violation, read_answer
from cgc_data.geometry import iou
from cgc_data.matching import match
from cgc_data.metrics import ItemScore, Truth, score_reading
from cgc_train.reward.settings import PromptSettings, RewardSettings


@dataclass(frozen=True)
class Terms:
    """Every term of one response's reward, and what was read.

    Attributes:
        reward: the weighted sum.
        miou: R_miou, 0-1, after the settings' options.
        format: R_format, 0 or 1, after the settings' options.
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
    factor = settings.task_weight(truth.task)
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
    pairs = match(
        reading.objects,
        truth.objects,
        use_image=settings.source_aware,
        use_label=truth.use_label,
        power=settings.power,
        floor=settings.floor,
    )
    return pairs.total / max(reading.elements, len(truth.objects))


def any_box_term(reading: Reading, truth: Truth, settings: RewardSettings) -> float:
    """What set-wise matching is compared with: the mean over true objects of the best IoU that any box has.

    Nothing is matched one to one and nothing counts the predictions, so one box may serve many truths and further
    boxes cost nothing.
    """
    if not truth.objects or not reading.objects:
        return 0.0
    best = [max(_value(box, item, settings) for box in reading.objects) for item in truth.objects]
    return sum(best) / len(best)


def format_term(reading: Reading, miou: float, settings: RewardSettings) -> float:
    """R_format: 1 for a strictly valid answer, else 0; with `format_needs_miou` only where R_miou is above 0."""
    return float(reading.valid and not (settings.format_needs_miou and miou <= 0))


def _value(box: Object, item: Object, settings: RewardSettings) -> float:
    if settings.source_aware and box.img_idx != item.img_idx:
        return 0.0
    overlap = iou(box.bbox_2d, item.bbox_2d)
    return float(overlap**settings.power) if overlap >= settings.floor else 0.0
