"""Explains why no question is possible: counts the objects that each stage of planning excludes from all questions."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from cgc_data.common.text import counted
from cgc_data.index.build import Index
from cgc_data.index.presence import PRESENT_ALL
from cgc_data.plan.askable import TOO_SMALL
from cgc_data.plan.ground import Ground
from cgc_data.plan.notes import counts
from cgc_data.plan.offered import Mask, large_enough
from cgc_data.plan.truth import DIFFER

CROWD, UNCOUNTED = "crowd", "it is not certain that all instances of the category are boxed in the photo"


@dataclass(frozen=True)
class Losses:
    """How many photos and objects the sources contain, how many of them cannot be used (by reason), and how many
    categories remain.

    `categories` is the number of categories with a usable object. `elsewhere` is the number of these categories that
    are also proved absent from at least one photo.
    """

    photos: int
    lost_photos: Counter[str]
    objects: int
    lost_objects: Counter[str]
    categories: int
    elsewhere: int

    @property
    def usable(self) -> int:
        """Number of objects that remain after all stages."""
        return self.objects - self.lost_objects.total()


def losses(index: Index, ground: Ground) -> Losses:
    """Count each unusable object once, at the first stage that excludes it. Masks that were never inspected count as
    valid.
    """
    askable = ground.askable
    offered = (askable.one | askable.every) & ground.available[:, None]
    concepts = np.flatnonzero(offered.any(axis=0))
    free = askable.safe & ground.available[:, None]
    lost = Counter(left.reason for left in index.left_out)
    lost["excluded or not allowed by license"] = int((~ground.available).sum())
    return Losses(
        photos=len(index.photos) + len(index.left_out),
        lost_photos=+lost,
        objects=len(index.instances.photo),
        lost_objects=_lost_objects(index, ground),
        categories=len(concepts),
        elsewhere=int(free[:, concepts].any(axis=0).sum()),
    )


def explain(found: Losses) -> str:
    """The counts in words; the most frequent reason comes first."""
    photos = f" ({counts(found.lost_photos)})" if found.lost_photos else ""
    objects = f" ({counts(found.lost_objects)})" if found.lost_objects else ""
    return (
        f"skipped {found.lost_photos.total():,} of {counted(found.photos, 'photo')}{photos} and "
        f"{found.lost_objects.total():,} of {counted(found.objects, 'object')}{objects}; remaining categories: "
        f"{found.categories:,} ({found.elsewhere:,} of them proved absent from at least one photo){_sign(found)}"
    )


def _sign(found: Losses) -> str:
    """What is probably wrong with the annotation file, judged by the most frequent reason; empty if nothing seems
    wrong.
    """
    if [reason for reason, _ in found.lost_objects.most_common(1)] == [DIFFER]:
        return (
            "; check whether the boxes measure y from the bottom, or whether masks and boxes belong to different "
            "objects"
        )
    return ""


def _lost_objects(index: Index, ground: Ground) -> Counter[str]:
    instances, askable = index.instances, ground.askable
    pairs = instances.photo, instances.concept
    fine = large_enough(index, ground.config)
    count, wrong = np.zeros_like(index.states, dtype=np.int64), np.zeros_like(index.states, dtype=np.int64)
    np.add.at(count, pairs, 1)
    np.add.at(wrong, pairs, ~fine)
    stages: dict[str, Mask] = {
        "in photos that are excluded or not allowed by license": ~ground.available[instances.photo],
        CROWD: instances.crowd,
        "category that is not requested or has no usable name": ~askable.named[instances.concept],
        UNCOUNTED: index.states[pairs] != PRESENT_ALL,
        "confusable category in the photo": askable.confused[pairs],
        TOO_SMALL: ~fine,
        "same category as an object that is too small or too elongated": wrong[pairs] > 0,
        "more objects of one category than an answer can contain": count[pairs] > ground.config.limits.max_objects,
    }
    lost, open_still = Counter[str](), np.ones(len(instances.photo), dtype=np.bool_)
    for reason, where in stages.items():
        lost[reason] += int((open_still & where).sum())
        open_still &= ~where
    return +(lost + Counter(rejection.reason for rejection in askable.rejections))
