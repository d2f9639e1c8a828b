"""R_miou, the source-aware set-wise IoU: boxes match only within an image, and all boxes of an answer are scored
together. `cgc-bench` matches boxes with the same code.
"""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from cgc_data.answer import Object
from cgc_data.common.settings import Section, Share, Weight
from cgc_data.matching import match
from cgc_train.reward.term import Answered, Term


def miou_term(answer: Answered, settings: "MiouSettings") -> float:
    """R_miou: the sum of IoU over one-to-one pairs in the same image, divided by max(|P|, |G|).

    |P| is the number of elements in the predicted list, including malformed ones. |G| is the number of ground-truth
    objects. R_miou is 1 if both lists are empty, and 0 if only one list is empty or the answer is unreadable. Without
    `source_aware`, a predicted box can match a ground-truth box in any image. Without `set_wise`, `any_box_term`
    computes the value.
    """
    objects = answer.truth.objects
    if not settings.set_wise and answer.boxes.elements and objects:
        return any_box_term(answer, settings)
    return set_share(answer, lambda: _matched(answer, objects, settings))


def set_share(answer: Answered, total: Callable[[], float]) -> float:
    """Divide a sum over pairs by max(|P|, |G|).

    The result is 1 if the answer and the ground truth are both empty, and 0 if only one is empty or the answer is
    unreadable.
    """
    elements, objects = answer.boxes.elements, answer.truth.objects
    if not answer.boxes.readable or bool(elements) != bool(objects):
        return 0.0
    return total() / max(elements, len(objects)) if objects else 1.0


def any_box_term(answer: Answered, settings: "MiouSettings") -> float:
    """An alternative to set-wise matching: for each ground-truth object, the best IoU of any predicted box, averaged
    over the objects.

    Boxes are not matched one to one: one predicted box can match many objects, and extra boxes never lower the value.
    The value is 0 if there is no ground-truth object.
    """
    best = [_matched(answer, [item], settings) for item in answer.truth.objects]
    return math.fsum(best) / len(best) if best else 0.0


def _matched(answer: Answered, objects: Sequence[Object], settings: "MiouSettings") -> float:
    """Sum the IoUs of the best one-to-one pairs of predicted boxes and the given ground-truth objects.

    The settings `floor`, `ceiling`, and `power` are applied to each IoU before the sum.
    """
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
    within = " in the same image" if settings.source_aware else ""
    return (
        f"sum of IoU over matched boxes{within}, divided by the number of predicted or ground-truth boxes, "
        "whichever is larger"
    )


MIOU: Term["MiouSettings"] = Term("miou", miou_term, "set-wise IoU", _meaning)


class MiouSettings(Section):
    """The weight and the options of the reward term R_miou."""

    miou: Annotated[Weight, MIOU] = Field(1.0, description="weight of the source-aware set-wise IoU")
    power: float = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        description=("exponent of IoU; with values above 1, accurate boxes earn relatively more"),
    )
    floor: Share = Field(0.0, description="a pair counts as 0 if its IoU is below this value")
    ceiling: float = Field(1.0, gt=0, le=1, description="a pair counts as 1 if its IoU is at least this value")
    soft_reading: bool = Field(
        False,
        description="also accept answers with trailing commas, a JSON code fence, or decimal numbers such as 120.0",
    )
    source_aware: bool = Field(
        True, description="false (ablation): a predicted box can match a ground-truth box in any image"
    )
    set_wise: bool = Field(
        True,
        description=(
            "false (ablation): the score is the mean, over the ground-truth objects, of the best IoU with a predicted "
            "box; extra boxes cost nothing"
        ),
    )
