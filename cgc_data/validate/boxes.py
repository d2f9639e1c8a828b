"""Box arithmetic for validation. It is written independently of the builder, so that it does not repeat the builder's
mistakes.

Boxes are x1, y1, x2, y2. If a function takes two boxes, both must be in the same unit: pixels or thousandths of the
image size.
"""

from cgc_data.validate.samples import Box, Rectangle

BOX_TOLERANCE = 1.0  # units of 1/1000


def area(box: Box) -> float:
    """Area of a box; 0 if the box is empty or inverted."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def overlap(a: Box, b: Box) -> Box:
    """Intersection of two boxes (empty or inverted if they do not overlap)."""
    return (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes; 0 if both are empty."""
    common = area(overlap(a, b))
    union = area(a) + area(b) - common
    return common / union if union > 0 else 0.0


def grown(window: Rectangle, margin: int) -> Rectangle:
    """The window, expanded by `margin` pixels on every side."""
    x1, y1, x2, y2 = window
    return (x1 - margin, y1 - margin, x2 + margin, y2 + margin)


def within(inner: Box, outer: Box, slack: float = 0.0) -> bool:
    """Whether `outer` contains all of `inner`, with a tolerance of `slack`."""
    return (
        inner[0] >= outer[0] - slack
        and inner[1] >= outer[1] - slack
        and inner[2] <= outer[2] + slack
        and inner[3] <= outer[3] + slack
    )


def furthest(a: Box, b: Box) -> float:
    """Largest difference between corresponding coordinates of two boxes."""
    return max(abs(p - q) for p, q in zip(a, b, strict=True))
