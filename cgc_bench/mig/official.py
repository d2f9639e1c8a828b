"""MIG-Bench as its authors score it: which box they read from a response, in which units, and their IoU.

Both annotation versions come with a script of their own; every quirk of either is kept, since published figures have
them. Patterns are tried once over the text and cannot backtrack far: digits, blanks and brackets never overlap.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cgc_bench.mig.items import Box

THRESHOLDS = (0.5, 0.7, 0.3)

_WHOLE = r"(\d+)"
_DECIMAL = r"(\d+\.\d+)"
# In the authors' order: the first pattern found anywhere wins, even if another stands earlier in the text.
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\({_WHOLE},\s*{_WHOLE}\),\s*\({_WHOLE},\s*{_WHOLE}\)",
        rf"\[{_DECIMAL},\s*{_DECIMAL},\s*{_DECIMAL},\s*{_DECIMAL}\]",
        rf"\({_DECIMAL},{_DECIMAL}\),\({_DECIMAL},{_DECIMAL}\)",
        rf"\({_DECIMAL},\s*{_DECIMAL},\s*{_DECIMAL},\s*{_DECIMAL}\)",
        rf"\[{_WHOLE},\s*{_WHOLE},\s*{_WHOLE},\s*{_WHOLE}\]",
        rf"<box>{_WHOLE}\s+{_WHOLE}\s+{_WHOLE}\s+{_WHOLE}</box>",
    )
)
_MOST_DIGITS = 4300
NOTHING: Box = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class OfficialBox:
    """What the authors' script reads.

    Attributes:
        box: x1, y1, x2, y2 in the item's scale; four zeros where nothing could be read.
        found: whether any pattern matched. One that matched may still read as zeros.
        alone: whether the pattern matched once only.
        over: whether a number of it is over 1000, as models write that answer in pixels.
    """

    box: Box
    found: bool
    alone: bool
    over: bool


def read_box(text: str, scale: int) -> OfficialBox:
    """The box of a response; `scale` is that of the item, 1000 (revised script) or 1 (original script)."""
    for pattern in _PATTERNS:
        matches = pattern.finditer(text)
        first = next(matches, None)
        if first is not None:
            alone = next(matches, None) is None
            return _converted(first.groups(), scale, alone=alone)
    return OfficialBox(NOTHING, found=False, alone=False, over=False)


def _converted(groups: Sequence[str], scale: int, *, alone: bool) -> OfficialBox:
    over = any(float(group) > 1000 for group in groups)
    try:
        # The revised script takes decimals for no number at all, and then for a box of zeros.
        values = [_whole(group) if scale == 1000 else _unit(float(group), alone=alone) for group in groups]
    except ValueError:
        return OfficialBox(NOTHING, found=True, alone=alone, over=over)
    x1, y1, x2, y2 = values
    return OfficialBox((x1, y1, x2, y2), found=True, alone=alone, over=over)


def _whole(group: str) -> int:
    if len(group) > _MOST_DIGITS:  # Python refuses them too, unless it is told otherwise
        raise ValueError("too many digits")
    return int(group)


def _unit(value: float, *, alone: bool) -> float:
    """The original script takes 1 for a thousandth if the box is the only one, and for the far edge if it is not."""
    return value / 1000 if value > 1 or (alone and value == 1) else value


def iou(truth: Box, box: Box) -> float:
    """Continuous intersection over union; boxes are not repaired, and whatever is no number is 0."""
    left, top = max(truth[0], box[0]), max(truth[1], box[1])
    right, bottom = min(truth[2], box[2]), min(truth[3], box[3])
    if not (right >= left and bottom >= top):
        return 0.0
    shared = (right - left) * (bottom - top)
    try:
        ratio = shared / (_area(truth) + _area(box) - shared)
    except (ZeroDivisionError, OverflowError):
        return 0.0
    return ratio if math.isfinite(ratio) else 0.0


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def migician(read: OfficialBox, scale: int) -> Box:
    """The box as Migician's published figures have it: its y stretched by 5 % above and 10 % below.

    The original script does so only where the response holds a single box.
    """
    x1, y1, x2, y2 = read.box
    if scale == 1000:
        top, bottom = (int(_stretched(_thousandth(y), by) * 1000) for y, by in ((y1, 1.05), (y2, 1.10)))
        return x1, top, x2, bottom
    return (x1, _stretched(y1, 1.05), x2, _stretched(y2, 1.10)) if read.alone else read.box


def _thousandth(value: float) -> float:
    return min(value, 10**6) / 1000  # whatever is larger ends at the image's edge too, or overflows


def _stretched(value: float, factor: float) -> float:
    return round(min(value * factor, 0.999), 3)


POSTPROCESSES: dict[str, Callable[[OfficialBox, int], Box]] = {"migician": migician}
