"""Box formats in annotation files, and signs that a file uses an unexpected format.

COCO writes x, y, width, height. If a file in another format were read without an error, all boxes would be misplaced.
Therefore, boxes that extend beyond their photo are counted. A file with too many of these boxes is refused, and the
error names the format that fits, if any. Boxes whose y is measured from the bottom of the photo stay inside the photo,
so they cannot be detected without masks.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import SourceError
from cgc_data.common.settings import stated
from cgc_data.geometry import BOX_FORMATS, NORMALIZED, BoxFormat, corners
from cgc_data.sources.table import SourceTable

FORM_NAMES: dict[BoxFormat, str] = {
    "xywh": "x, y, width, height",
    "xyxy": "x1, y1, x2, y2",
    "cxcywh": "center x, center y, width, height",
    "yxhw": "y, x, height, width (or the file swaps the width and height of the photos)",
    "xywh_normalized": "x, y, width, height as fractions of the photo's width and height",
    "xyxy_normalized": "x1, y1, x2, y2 as fractions of the photo's width and height",
    "cxcywh_normalized": "center x, center y, width, height as fractions of the photo's width and height",
}
IN_PIXELS = [form for form in BOX_FORMATS if not form.endswith(NORMALIZED)]
SHARES: list[BoxFormat] = [form for form in BOX_FORMATS if form.endswith(NORMALIZED)]

# A box leaves its photo if it crosses the border by more than this. Rounding and imprecise clicks cause smaller
# deviations.
TOLERANCE_PIXELS, TOLERANCE_SHARE = 2.0, 0.01
# Share of the boxes without other support; 0 in COCO and LVIS.
FEWEST, MOST_LEAVING = 3, 0.01
EXPLAINED = 0.9  # share of the leaving boxes that must fit in another format

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Leaving:
    """The number of boxes in a file that extend beyond their photo. These boxes are clipped at the photo's border."""

    boxes: int
    of: int


def leaves(boxes: Floats, sizes: Floats) -> NDArray[np.bool_]:
    """Boolean mask of shape (n,): true if the box crosses the border of its photo. `boxes` (n, 4) are x1, y1, x2, y2,
    and `sizes` (n, 2) are the width and height of each box's photo.
    """
    slack = TOLERANCE_PIXELS + TOLERANCE_SHARE * sizes
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.asarray(((low < -slack) | (high > sizes + slack) | (high < low)).any(axis=1))


def check_boxes(table: SourceTable, form: BoxFormat | None) -> Leaving:
    """Count the boxes that extend beyond their photo. Raises SourceError if there are too many such boxes and `form` is
    None.

    Boxes with a mask are compared with the mask later. They count toward this error only if nearly all of the boxes
    that extend beyond their photo would fit into it in another format.
    """
    counted = table.annotations.column("crowd").to_numpy() != 1
    boxes, sizes = _boxes(table)[counted], _sizes(table)[counted]
    masked = table.annotations.column("segmentation_length").to_numpy()[counted] > 0
    if form is None:
        _refuse_shares(table, boxes)
    out = leaves(boxes, sizes)
    likely = _likely(boxes[out], sizes[out]) if out.any() else None
    # boxes without a mask are also judged separately: many correct ones with a mask must not hide them
    for basis in (~masked, masked | True) if likely else (~masked,):
        bad, of = int((out & basis).sum()), int(basis.sum())
        if form is None and bad >= FEWEST and bad > MOST_LEAVING * of:
            raise SourceError(
                f"{table.path}: {bad:,} of {of:,} boxes extend beyond their photos; {_advice(likely, boxes, sizes)}"
            )
    return Leaving(int(out.sum()), len(boxes))


def _refuse_shares(table: SourceTable, boxes: Floats) -> None:
    """Raise SourceError if too many boxes, read as x, y, width, height, are smaller than a pixel. Such boxes are
    probably written as fractions of the photo's width and height.
    """
    x1, y1, x2, y2 = boxes.T
    written = np.stack((x1, y1, x2 - x1, y2 - y1), axis=1)
    tiny = (written[:, 2:] > 0).all(axis=1) & (written >= 0).all(axis=1) & (written <= 1).all(axis=1)
    tiny &= (written % 1 > 0).any(axis=1)
    if (count := int(tiny.sum())) < FEWEST or count <= MOST_LEAVING * len(boxes):
        return
    unit = np.ones((count, 2))
    fits = {form: np.stack(corners(*written[tiny].T, form), axis=1) for form in SHARES}  # type: ignore[call-arg]
    inside = {form: float(_within(placed, unit).mean()) for form, placed in fits.items()}
    likely = max(SHARES, key=lambda form: inside[form])
    whole = count >= EXPLAINED * len(boxes)
    advice = f"add {stated('bbox_format', likely)}, or correct the file" if whole else "correct them"
    raise SourceError(
        f"{table.path}: {count:,} of {len(boxes):,} boxes are smaller than a pixel; they look like "
        f"{FORM_NAMES[likely]}: {advice}"
    )


def _within(boxes: Floats, sizes: Floats) -> NDArray[np.bool_]:
    """Mask of the boxes (n, 4) that are not inverted and are inside photos of these sizes, up to rounding."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.asarray(((low >= -1e-3) & (high <= sizes + 1e-3) & (high >= low)).all(axis=1))


def _likely(boxes: Floats, sizes: Floats) -> BoxFormat | None:
    """The format that would keep nearly all of these boxes inside their photos, or None. The boxes were read in COCO's
    format.
    """
    x1, y1, x2, y2 = boxes.T
    read = {form: np.stack(corners(x1, y1, x2 - x1, y2 - y1, form), axis=1) for form in IN_PIXELS[1:]}
    inside = {form: float((~leaves(placed, sizes)).mean()) for form, placed in read.items()}
    best = max(inside, key=lambda form: inside[form])
    return best if inside[best] >= EXPLAINED else None


def _advice(likely: BoxFormat | None, boxes: Floats, sizes: Floats) -> str:
    if likely:
        return f"they look like {FORM_NAMES[likely]}: add {stated('bbox_format', likely)}, or correct the file"
    right = f"if the boxes are correct, add {stated('bbox_format', 'xywh')}"
    if longest := _other_size(boxes, sizes):
        return (
            f"the boxes seem to fit photos that were resized to {longest} pixels on the longer side; scale the boxes "
            f"back, or {right}"
        )
    return f"the boxes fit no known format; correct them, or {right}"


def _other_size(boxes: Floats, sizes: Floats) -> int | None:
    """The size, in pixels, to which the longer side of each photo was probably resized when its boxes were drawn; None
    if no single size explains the boxes.
    """
    if (boxes[:, :2] < -TOLERANCE_PIXELS).any(axis=1).mean() > 1 - EXPLAINED:
        return None  # no size fits a box that starts before the corner
    reach = (boxes[:, 2:] / sizes).max(axis=1) * sizes.max(axis=1)
    longest = float(np.quantile(reach, 0.98))
    return round(longest) if np.quantile(reach, 0.75) > 0.8 * longest else None


def _boxes(table: SourceTable) -> Floats:
    columns = [table.annotations.column(name).to_numpy() for name in ("x1", "y1", "x2", "y2")]
    return np.asarray(np.stack(columns, axis=1), dtype=np.float64)


def _sizes(table: SourceTable) -> Floats:
    rows = table.annotations.column("image_row").to_numpy()
    columns = [table.images.column(name).to_numpy() for name in ("width", "height")]
    return np.asarray(np.stack(columns, axis=1)[rows], dtype=np.float64)
