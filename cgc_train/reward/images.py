"""Reward terms for choosing the right images, regardless of the positions of the boxes.

These terms reward a model even before its boxes are accurate.
"""

from collections import Counter
from typing import Annotated

from pydantic import Field

from cgc_data.common.settings import Weight
from cgc_train.reward.format import FormatSettings
from cgc_train.reward.miou import set_share
from cgc_train.reward.term import Answered, Term


def images_term(answer: Answered, _: "ImageSettings") -> float:
    """R_images: the number of boxes in the right images, divided by max(|P|, |G|).

    If an image has more predicted boxes than ground-truth boxes, the extra boxes do not count as right. |P| is the
    number of elements in the predicted list, including malformed ones. |G| is the number of ground-truth objects.
    """
    said = Counter(item.img_idx for item in answer.boxes.objects)
    true = Counter(item.img_idx for item in answer.truth.objects)
    return set_share(answer, (said & true).total)


def presence_term(answer: Answered, _: "ImageSettings") -> float:
    """R_presence: 1 if the predicted and the ground-truth list are both empty or both not empty, otherwise 0.

    An unreadable answer gets 0.
    """
    readable = answer.boxes.readable
    return float(readable and bool(answer.boxes.elements) == bool(answer.truth.objects))


def _images_meaning(_: "ImageSettings") -> str:
    return "boxes in the right images"


def _presence_meaning(_: "ImageSettings") -> str:
    return "`[]` if and only if no object matches the question"


IMAGES: Term["ImageSettings"] = Term("images", images_term, "right images", _images_meaning)
PRESENCE: Term["ImageSettings"] = Term("presence", presence_term, "presence", _presence_meaning, digits=0)


class ImageSettings(FormatSettings):
    """The weights of R_images and R_presence."""

    images: Annotated[Weight, IMAGES] = Field(0.0, description="weight of the reward for boxes in the right images")
    presence: Annotated[Weight, PRESENCE] = Field(
        0.0, description="weight of the reward for answering `[]` if and only if no object matches the question"
    )
