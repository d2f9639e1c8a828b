"""Converts the exact mask of an instance to annotation data: polygons, run lengths, box, and area.

Polygons cannot have holes, so a mask is split at each hole. Polygons are traced around the pixels, not through their
centers. A filled polygon equals the mask, except for single pixels along its edge.
"""

from dataclasses import dataclass
from typing import TypeAlias, TypedDict

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools import mask as rle_tools

from cgc_data.masks import Rle
from cgc_data.painter.composer import Instance, Mask

Polygons: TypeAlias = list[list[float]]
_FINENESS = 4  # the contour runs within 1 / (2 * fineness) pixel of the pixels' outer edges
_TOLERANCE = 0.35  # pixels by which a simplified contour may deviate from the traced one
_SPECK = 4  # parts with fewer visible pixels get no polygon


class RunLengths(TypedDict):
    """A mask as stored in annotation files."""

    counts: list[int] | str
    size: list[int]  # height, width


@dataclass(frozen=True)
class Outline:
    """One annotated object: its polygons (x, y, x, y, ...), and the run lengths of its exact mask."""

    kind: str
    labels: tuple[str, ...]
    crowd: bool
    polygons: Polygons
    rle: Rle
    size: tuple[int, int]  # height, width of the photo

    @property
    def polygon_box(self) -> list[float]:
        """Bounding box of the polygons as x, y, width, height, rounded as in COCO."""
        points = np.concatenate([np.reshape(p, (-1, 2)) for p in self.polygons])
        low, high = points.min(axis=0), points.max(axis=0)
        return [round(float(v), 2) for v in (*low, *(high - low))]

    @property
    def polygon_area(self) -> float:
        """Pixels that the polygons cover."""
        return float(rle_tools.area(rle_tools.merge(rle_tools.frPyObjects(self.polygons, *self.size))))

    @property
    def mask_box(self) -> list[float]:
        """Bounding box of the mask as x, y, width, height."""
        return [float(v) for v in rle_tools.toBbox(self.rle)]

    @property
    def mask_area(self) -> float:
        """Pixels of the mask."""
        return float(rle_tools.area(self.rle))

    @property
    def counts(self) -> RunLengths:
        """The mask as uncompressed run lengths in column order, starting with background."""
        flat = np.concatenate(([False], rle_tools.decode(self.rle).ravel(order="F") > 0))
        changes = np.flatnonzero(np.diff(flat))
        runs = np.diff(np.concatenate(([0], changes, [flat.size - 1])))
        return {"counts": runs.tolist(), "size": list(self.size)}

    @property
    def compressed(self) -> RunLengths:
        """The mask as a pycocotools run-length string."""
        return {"counts": self.rle["counts"].decode("ascii"), "size": list(self.size)}


def trace(instance: Instance) -> Outline:
    """Convert an instance to an outline: its mask becomes polygons and run lengths."""
    mask = instance.mask
    rle = rle_tools.encode(np.asfortranarray(mask, dtype=np.uint8))
    height, width = mask.shape
    return Outline(instance.kind, instance.labels, instance.crowd, polygons_of(mask), rle, (height, width))


def polygons_of(mask: Mask) -> Polygons:
    """Simple polygons that together cover a mask: one per connected part, or more for parts with holes."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    corner = (int(columns[0]), int(rows[0]))
    cropped = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8)
    pieces = _without_holes(cropped, *corner)
    large = [piece for piece in pieces if piece[1] >= _SPECK] or pieces
    return [polygon for polygon, _ in large]


def _without_holes(mask: npt.NDArray[np.uint8], x: int, y: int) -> list[tuple[list[float], int]]:
    fine = cv2.copyMakeBorder(np.kron(mask, np.ones((_FINENESS, _FINENESS), np.uint8)), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    contours, tree = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    holes = [c for c, (_, _, _, parent) in zip(contours, tree[0], strict=True) if parent >= 0]
    large_holes = [h for h in holes if cv2.contourArea(h) > 4 * _FINENESS**2]
    if large_holes:
        left, _, width, _ = cv2.boundingRect(large_holes[0])
        cut = (left + width // 2) // _FINENESS
        return _without_holes(mask[:, :cut], x, y) + _without_holes(mask[:, cut:], x + cut, y)
    outer = [c for c, (_, _, _, parent) in zip(contours, tree[0], strict=True) if parent < 0]
    return [(_simplify(c, x, y), int(cv2.contourArea(c) / _FINENESS**2)) for c in outer]


def _simplify(contour: npt.NDArray[np.int32], x: int, y: int) -> list[float]:
    kept = cv2.approxPolyDP(contour, _TOLERANCE * _FINENESS, True).reshape(-1, 2)
    if len(kept) < 3:
        kept = contour.reshape(-1, 2)
    return [round(float(v), 2) for v in ((kept - 0.5) / _FINENESS + (x, y)).ravel()]
