"""Statistics of a batch of responses that are logged with the reward.

The statistics reveal behavior that the reward alone would hide, such as answering every question with `[]`.
"""

from collections import defaultdict
from collections.abc import Sequence

from cgc_data.metrics import ItemScore
from cgc_train.reward.terms import Terms

# Names under which the trainer logs them, in display order.
LOGGED = (
    "contrast/index_accuracy",
    "contrast/iou_any_image",
    "contrast/distractor_boxes",
    "contrast/hallucination",
    "contrast/false_empty",
    "contrast/unreadable",
    "contrast/pixel_scale",
    "contrast/zero_variance",
)

# Rewards of a group that differ by less count as equal: the group teaches nothing.
EQUAL = 1e-6


def batch_statistics(scores: Sequence[Terms]) -> dict[str, float]:
    """Compute the statistics in `LOGGED` over a batch. Statistics that are not defined for any response are omitted.

    To compute the share of groups with equal rewards, the responses in the batch are grouped by row id.
    """
    items = [score.item for score in scores]
    boxes = sum(item.boxes for item in items)
    values = {
        "contrast/index_accuracy": _share(items, "source"),
        "contrast/iou_any_image": _share(items, "miou_any_image"),
        "contrast/distractor_boxes": sum(item.distractor_boxes for item in items) / boxes if boxes else None,
        "contrast/hallucination": _share(items, "hallucinated"),
        "contrast/false_empty": _share(items, "false_empty"),
        "contrast/unreadable": _share(items, "unreadable"),
        "contrast/pixel_scale": _share(items, "pixel_scale"),
        "contrast/zero_variance": zero_variance(scores),
    }
    return {name: value for name, value in values.items() if value is not None}


def zero_variance(scores: Sequence[Terms]) -> float | None:
    """Share of groups (all responses to one row) whose rewards are all equal. Rows with a single response are skipped.
    None if no row has more than one response.
    """
    groups: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        groups[score.truth.id].append(score.reward)
    spreads = [max(rewards) - min(rewards) for rewards in groups.values() if len(rewards) > 1]
    return sum(spread < EQUAL for spread in spreads) / len(spreads) if spreads else None


def _share(items: Sequence[ItemScore], name: str) -> float | None:
    values = [float(value) for item in items if (value := getattr(item, name)) is not None]
    return sum(values) / len(values) if values else None
