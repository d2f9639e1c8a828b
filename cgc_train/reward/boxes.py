"""Two optional reward terms for boxes: the F1 score at an IoU threshold, and CIoU, which rewards near misses more than
distant boxes.
"""

from typing import Annotated

from pydantic import Field

from cgc_data.common.settings import Weight
from cgc_data.matching import f1_at, match_ciou
from cgc_train.reward.images import ImageSettings
from cgc_train.reward.miou import set_share
from cgc_train.reward.term import Answered, Term


def f1_term(answer: Answered, settings: "BoxSettings") -> float:
    """R_f1: F1 score of the predicted boxes. A predicted box is a hit if it is paired with a ground-truth box in the
    same image and their IoU is at least `f1_iou`. R_f1 is 1 if there are neither predicted nor ground-truth boxes.
    """
    return f1_at(answer.boxes, answer.truth.objects, settings.f1_iou, use_label=answer.truth.use_label)


def ciou_term(answer: Answered, _: "BoxSettings") -> float:
    """R_ciou: the sum of (1 + CIoU) / 2 over one-to-one pairs in the same image, divided by max(|P|, |G|).

    |P| is the number of elements in the predicted list, including malformed ones. |G| is the number of ground-truth
    objects. R_ciou is 1 if both lists are empty, and 0 if only one list is empty or the answer is unreadable.
    """
    given = (answer.boxes.objects, answer.truth.objects)
    return set_share(answer, lambda: match_ciou(*given, use_label=answer.truth.use_label).total)


def _f1_meaning(settings: "BoxSettings") -> str:
    return f"F1 at IoU {settings.f1_iou:g}"


def _ciou_meaning(_: "BoxSettings") -> str:
    return (
        "sum of (1 + CIoU) / 2 over matched boxes in the same image, divided by the number of predicted or "
        "ground-truth boxes, whichever is larger"
    )


F1: Term["BoxSettings"] = Term("f1", f1_term, "F1", _f1_meaning)
CIOU: Term["BoxSettings"] = Term("ciou", ciou_term, "set-wise CIoU", _ciou_meaning)


class BoxSettings(ImageSettings):
    """The weights of R_f1 and R_ciou, and the IoU threshold of R_f1."""

    f1: Annotated[Weight, F1] = Field(0.0, description="weight of the F1 score")
    f1_iou: float = Field(
        0.5, gt=0, le=1, description=("a pair counts as a hit for R_f1 if its IoU is at least this value")
    )
    ciou: Annotated[Weight, CIOU] = Field(
        0.0, description="weight of the set-wise CIoU, which also rewards near misses"
    )
