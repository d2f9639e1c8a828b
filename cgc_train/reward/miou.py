"""R_miou, the source-aware set-wise IoU. Boxes are matched in the same way as in the benchmark."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from cgc_data.answer import Object
from cgc_data.common.settings import Section, Share, Weight
from cgc_data.matching import match
from cgc_train.reward.term import Answered, Term


def miou_term(answer: Answered, settings: "MiouSettings") -> float:
    """R_miou: sum of IoU over one-to-one pairs within images, divided by max(|P|, |G|).

    |P| counts every element of the list, including malformed ones. The score is 1 if both are empty, and 0 if only one
    is empty or the answer is unreadable. Without `source_aware`, a box can match a true box in any image. Without
    `set_wise`, the value is that of `any_box_term`.
    """
    objects = answer.truth.objects
    if not settings.set_wise and answer.boxes.elements and objects:
        return any_box_term(answer, settings)
    return set_share(answer, lambda: _matched(answer, objects, settings))


def set_share(answer: Answered, total: Callable[[], float]) -> float:
    """A sum over pairs, divided by max(|P|, |G|). It is 1 if both are empty, and 0 if only one is empty or the answer
    is unreadable.
    """
    elements, objects = answer.boxes.elements, answer.truth.objects
    if not answer.boxes.readable or bool(elements) != bool(objects):
        return 0.0
    return total() / max(elements, len(objects)) if objects else 1.0


def any_box_term(answer: Answered, settings: "MiouSettings") -> float:
    """The alternative to set-wise matching: the mean, over the true objects, of the best IoU of any box.

    Boxes are neither matched one to one nor counted, so one box can match many objects, and extra boxes cost nothing.
    The value is 0 if there is no true object.
    """
    best = [_matched(answer, [item], settings) for item in answer.truth.objects]
    return math.fsum(best) / len(best) if best else 0.0


def _matched(answer: Answered, objects: Sequence[Object], settings: "MiouSettings") -> float:
    """Sum of the IoUs, after floor, ceiling, and power, over the best one-to-one pairs with the given true objects."""
    found = match(
        answer.boxes.objects,
        objects,
        use_image=settings.source_aware,
        use_label=answer.truth.use_label,
        power=settings.power,
        floor=settings.floor,
        ceiling=settings.ceiling,
    )
    return found.total


def _meaning(settings: "MiouSettings") -> str:
    within = " within images" if settings.source_aware else ""
    return f"IoU of pairs that are matched one to one{within}, divided by the larger of both counts"


MIOU: Term["MiouSettings"] = Term("miou", miou_term, "set-wise IoU", _meaning)


class MiouSettings(Section):
    """The weight and options of R_miou."""

    miou: Annotated[Weight, MIOU] = Field(1.0, description="weight of the source-aware set-wise IoU")
    power: float = Field(
        1.0, gt=0, allow_inf_nan=False, description=("exponent of IoU; above 1, tight boxes earn relatively more")
    )
    floor: Share = Field(0.0, description="a pair counts as 0 if its IoU is below this value")
    ceiling: float = Field(1.0, gt=0, le=1, description="a pair counts as 1 if its IoU is at least this value")
    soft_reading: bool = Field(
        False, description="accept boxes with numbers such as 120.0, trailing commas, or a JSON code fence"
    )
    source_aware: bool = Field(True, description="false (ablation): a box can match a true box in any image")
    set_wise: bool = Field(
        True,
        description=(
            "false (ablation): average, over the true objects, the best IoU of any predicted box, regardless of the "
            "number of predictions"
        ),
    )
