"""The source-aware set-wise IoU, R_miou: what is boxed where, over the matching that the benchmark uses too."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from cgc_data.answer import Object
from cgc_data.common.settings import Section, Share, Weight
from cgc_data.matching import match
from cgc_train.reward.term import Answered, Term


def miou_term(answer: Answered, settings: "MiouSettings") -> float:
    """R_miou: sum of IoU over one-to-one pairs within images, over max(|P|, |G|).

    |P| counts every element of the list, malformed ones too. Both empty: 1; one empty or unreadable: 0.
    Without `source_aware` a box may pair in any image; without `set_wise` it is `any_box_term`.
    """
    objects = answer.truth.objects
    if not settings.set_wise and answer.boxes.elements and objects:
        return any_box_term(answer, settings)
    return set_share(answer, lambda: _matched(answer, objects, settings))


def set_share(answer: Answered, total: Callable[[], float]) -> float:
    """A sum over pairs, over max(|P|, |G|); both empty: 1; one empty or unreadable: 0."""
    elements, objects = answer.boxes.elements, answer.truth.objects
    if not answer.boxes.readable or bool(elements) != bool(objects):
        return 0.0
    return total() / max(elements, len(objects)) if objects else 1.0


def any_box_term(answer: Answered, settings: "MiouSettings") -> float:
    """What set-wise matching is compared with: the mean over true objects of the best IoU that any box has.

    Nothing is matched one to one and nothing counts the predictions, so one box may serve many truths and further
    boxes cost nothing. 0 where there is no true object.
    """
    best = [_matched(answer, [item], settings) for item in answer.truth.objects]
    return math.fsum(best) / len(best) if best else 0.0


def _matched(answer: Answered, objects: Sequence[Object], settings: "MiouSettings") -> float:
    """Sum of IoU, after floor and power, of the best one-to-one pairs with some of the true objects."""
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
    return f"IoU over one-to-one pairs{within}, over the larger of both counts"


MIOU: Term["MiouSettings"] = Term("miou", miou_term, "set-wise IoU", _meaning)


class MiouSettings(Section):
    """The weight and the options of R_miou."""

    miou: Annotated[Weight, MIOU] = Field(1.0, description="weight of the source-aware set-wise IoU")
    power: float = Field(1.0, gt=0, allow_inf_nan=False, description="exponent of IoU; above 1 rewards tight boxes")
    floor: Share = Field(0.0, description="IoU below this counts 0")
    ceiling: float = Field(1.0, gt=0, le=1, description="IoU from which on it counts 1")
    soft_reading: bool = Field(
        False, description="read boxes although numbers are written as 120.0, commas trail, or a fence says JSON"
    )
    source_aware: bool = Field(True, description="false (ablation): a box may match a true one of any image")
    set_wise: bool = Field(
        True, description="false (ablation): mean over true objects of the best IoU of any box; |P| is not counted"
    )
