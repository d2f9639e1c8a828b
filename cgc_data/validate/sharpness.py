"""Checks that views are sharp: none is enlarged too much, and no box is large only because of enlargement."""

import cv2

from cgc_data.validate.limits import Limits
from cgc_data.validate.pixels import Pixels
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Sample, Target, View

CHECKS = {
    "sharpness": "no view is enlarged more than the release allows, and every box is large enough in the original photo"
}

WHOLE_PIXEL = 0.5  # pixels that rounding can add to the side of a view
ROUNDING = 1e-3  # pixels, tolerance for the boxes in a row


class SharpnessCheck:
    """Checks one row at a time, using only windows and boxes."""

    def __init__(self, ledger: Ledger, limits: Limits) -> None:
        self._ledger, self._limits = ledger, limits

    def check(self, sample: Sample) -> None:
        """Check the views of a row and the boxes in them.

        Releases that were built before the bound on enlargement existed are exempt.
        """
        most = self._limits.enlargement
        if most is None:
            return
        for number, view in enumerate(sample.views, 1):
            fault = (
                f"image {number} is enlarged by a factor of {enlargement(view):.2f}, but at most {most:g} is allowed"
            )
            self._ledger.require(not _enlarged(view, most), "sharpness", sample.id, fault)
        for target in sample.objects:
            side = _side_in_photo(target, sample.view(target.img_idx))
            fault = f"{target.annotation_id} in image {target.img_idx}: shorter side {side:.1f} px of the photo"
            self._ledger.require(side >= self._limits.min_side - ROUNDING, "sharpness", sample.id, fault)


def enlargement(view: View) -> float:
    """The factor by which a view enlarges its photo, in width or height, whichever is larger."""
    x1, y1, x2, y2 = view.window
    return max(view.width / (x2 - x1), view.height / (y2 - y1))


def sharpness(gray: Pixels) -> float:
    """Variance of the Laplacian of gray levels (height, width)."""
    edges = cv2.Laplacian(gray, cv2.CV_16S)
    mean = cv2.sumElems(edges)[0] / edges.size
    return float(cv2.norm(edges, cv2.NORM_L2SQR) / edges.size - mean**2)


def _enlarged(view: View, most: float) -> bool:
    x1, y1, x2, y2 = view.window
    return view.width > most * (x2 - x1) + WHOLE_PIXEL or view.height > most * (y2 - y1) + WHOLE_PIXEL


def _side_in_photo(target: Target, view: View) -> float:
    """Shorter side of a box, in photo pixels."""
    (x1, y1, x2, y2), (left, top, right, bottom) = target.bbox_px, view.window
    return min((x2 - x1) * (right - left) / view.width, (y2 - y1) * (bottom - top) / view.height)
