"""Scores responses to MIG-Bench by its authors' rules: reads a box from a response, converts its units, and computes
the IoU.

Each annotation version has its own scoring script. This module reproduces every quirk of both scripts, because
published figures depend on the quirks. Each regular expression scans the text once, with little backtracking, because
its parts for digits, spaces, and brackets never match the same character.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cgc_bench.mig.items import Box

THRESHOLDS = (0.5, 0.7, 0.3)

_WHOLE = r"(\d+)"
_DECIMAL = r"(\d+\.\d+)"
# In the authors' order: the first pattern that matches anywhere wins, even if another occurs earlier in the text.
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
# Number of texts whose parsed box is cached, because floors give the same answer to many items.
REMEMBERED = 256
NOTHING: Box = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class OfficialBox:
    """The box that the authors' script reads from a response.

    Attributes:
        box: x1, y1, x2, y2 in the item's scale; four zeros if the script could not read a box.
        found: whether any pattern matched. The box can be four zeros even if a pattern matched.
        alone: whether the pattern matched only once.
        over: whether any coordinate is over 1000, which suggests an answer in pixels.
    """

    box: Box
    found: bool
    alone: bool
    over: bool


@lru_cache(maxsize=REMEMBERED)
def read_box(text: str, scale: int) -> OfficialBox:
    """Read the box from a response. `scale` is the scale of the item: 1000 (revised script) or 1 (original script)."""
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
        # The revised script does not accept decimals as numbers and reads them as a box of zeros.
        values = [_whole(group) if scale == 1000 else _unit(float(group), alone=alone) for group in groups]
    except ValueError:
        return OfficialBox(NOTHING, found=True, alone=alone, over=over)
    x1, y1, x2, y2 = values
    return OfficialBox((x1, y1, x2, y2), found=True, alone=alone, over=over)


def _whole(group: str) -> int:
    if len(group) > _MOST_DIGITS:  # Python also rejects such numbers by default
        raise ValueError("too many digits")
    return int(group)


def _unit(value: float, *, alone: bool) -> float:
    """Convert a coordinate as the original script does. If the response has only one box, a value of 1 means one
    thousandth. Otherwise, 1 means the right or bottom edge.
    """
    return value / 1000 if value > 1 or (alone and value == 1) else value


def iou(truth: Box, box: Box) -> float:
    """Intersection over union (IoU) of boxes in the same unit, with continuous coordinates: no pixel is added to widths
    and heights. Inverted or empty boxes are not repaired, and an undefined IoU becomes 0.
    """
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
    """Multiply y1 by 1.05 and y2 by 1.10, as was done for Migician's published figures.

    The original script changes the box only if the response contains a single box.
    """
    x1, y1, x2, y2 = read.box
    if scale == 1000:
        top, bottom = (int(_stretched(_thousandth(y), by) * 1000) for y, by in ((y1, 1.05), (y2, 1.10)))
        return x1, top, x2, bottom
    return (x1, _stretched(y1, 1.05), x2, _stretched(y2, 1.10)) if read.alone else read.box


def _thousandth(value: float) -> float:
    return min(value, 10**6) / 1000  # larger values also end at the image's edge, or overflow


def _stretched(value: float, factor: float) -> float:
    return round(min(value * factor, 0.999), 3)


POSTPROCESSES: dict[str, Callable[[OfficialBox, int], Box]] = {"migician": migician}
