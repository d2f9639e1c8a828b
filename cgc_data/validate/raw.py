"""One annotation file with its photos: what an image contains, which part of an object a window shows, and which facts
the file guarantees.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data.common.errors import ReleaseError, VocabularyError
from cgc_data.validate.boxes import area, grown, overlap, within
from cgc_data.validate.disregard import disregard
from cgc_data.validate.formats import read_raw
from cgc_data.validate.photos import MOST_PIXELS, PhotoFiles
from cgc_data.validate.protocols import Declared, Record, Status, has_mask, is_crowd
from cgc_data.validate.samples import Box, Rectangle
from cgc_data.vocabulary import COCO_NAMES, concept_of

SHAPES = 200  # cropped masks in memory; a row and its neighbors look at the same few
LONGEST_EDGES = 4e6  # pixels, total edge length of a mask's polygons


@dataclass(frozen=True)
class Instance:
    """One annotation. `box` is its annotated box as x1, y1, x2, y2 in pixels, clipped to the photo."""

    source: str
    number: int
    image_id: int
    concept: str
    box: Box
    crowd: bool
    has_mask: bool

    @property
    def id(self) -> str:
        """Source and id, as written in a release."""
        return f"{self.source}:{self.number}"


@dataclass(frozen=True)
class Sight:
    """How much of an instance a window shows, and where.

    Attributes:
        box: tight box of the part inside the window, in pixels of the photo; None if the window shows no part.
        share: share of the mask's area that is inside the window.
        near: whether the window, expanded by the margin, contains any part of the instance.
        certain: False if the visible part cannot be determined because there is no mask.
    """

    box: Box | None
    share: float
    near: bool
    certain: bool

    def state(self, visible: float) -> Literal["visible", "gone", "ambiguous"]:
        """Whether the instance is visible, gone, or ambiguous.

        An instance is visible if at least the share `visible` of its mask is inside the window. It is gone if none of
        its pixels is in or near the window. Otherwise, it is ambiguous.
        """
        if not self.near:
            return "gone"
        return "visible" if self.certain and self.box and self.share >= visible else "ambiguous"


class RawSource:
    """An annotation file, read with the reference reader of its format, and its photos.

    Args:
        key: key of the source in the manifest.
        kind: format of the file.
        exhaustive: what the user declared exhaustive: a list of categories, or a bool for all categories. If it is
            None, only the guarantees of the format apply.
        test_only: whether all photos of the file are held out for testing.
        box_format: declared format of the boxes.
        displayed: whether the annotations refer to the photos after EXIF rotation.
        ignored: parts of the file that the user declared wrong: masks, crowd flags, or duplicates.
    """

    def __init__(
        self,
        key: str,
        kind: str,
        annotations: Path,
        photos: PhotoFiles,
        exhaustive: Declared,
        test_only: bool,
        box_format: str = "xywh",
        displayed: bool = False,
        ignored: Sequence[str] = (),
    ) -> None:
        self._box_format, self.displayed = box_format, displayed
        self.key, self.photos, self.test_only = key, photos, test_only
        raw = disregard(read_raw(kind, annotations, exhaustive), ignored)
        self.images, self._annotations, self._of_image = raw.images, raw.annotations, raw.of_image
        self._licenses = {entry.get("id"): str(entry.get("url", "")) for entry in raw.licenses}
        self.protocol, self.practice, self._mask = raw.protocol, raw.practice, raw.mask
        self.names: dict[int, str] = {number: str(entry["name"]) for number, entry in raw.categories.items()}
        self.concept_of = _concepts(raw.categories)
        self.categories: defaultdict[str, list[int]] = defaultdict(list)
        for number, concept in self.concept_of.items():
            self.categories[concept].append(number)
        # a photo's number is a COCO number only in a file about COCO's photos: other datasets use similar numbers
        self.of_coco = raw.coco_photos or set(self.names.values()) == set(COCO_NAMES)
        self.base_names = lru_cache(maxsize=200_000)(self._base_names)
        self._rle = lru_cache(maxsize=50_000)(self._read_rle)
        self._shape = lru_cache(maxsize=SHAPES)(self._read_shape)
        self.sight = lru_cache(maxsize=200_000)(self._sight)
        self.whole_box = lru_cache(maxsize=200_000)(self._whole_box)

    def file_name(self, image_id: int) -> str:
        """The photo's file name, possibly with folders. LVIS files state this name only as part of a URL."""
        image = self.images[image_id]
        return str(image.get("file_name") or "/".join(str(image.get("coco_url", "")).split("/")[-2:]))

    def _base_names(self, image_id: int) -> set[str]:
        """The base name of the photo in the annotation file, and its base name on disk."""
        name = self.file_name(image_id)
        return {path.rpartition("/")[2] for path in (name, self.photos.place(name)) if path}

    def size(self, image_id: int) -> tuple[int, int]:
        """Width and height as annotated."""
        return int(self.images[image_id]["width"]), int(self.images[image_id]["height"])

    def license_url(self, image_id: int) -> str:
        """URL of the photo's license, or "" if the file states none."""
        return self._licenses.get(self.images[image_id].get("license"), "")

    def instance(self, number: int) -> Instance | None:
        """An annotation by its id."""
        raw = self._annotations.get(number)
        return None if raw is None or raw["image_id"] not in self.images else self._instance(raw)

    def instances(self, image_id: int, concept: str) -> list[Instance]:
        """All annotations of a concept in an image, crowds included."""
        wanted = self.categories.get(concept, ())
        raws = self._of_image.get(image_id, ()) if wanted else ()
        return [self._instance(raw) for raw in raws if raw["category_id"] in wanted]

    def concepts_in(self, image_id: int) -> set[str]:
        """All concepts that have an annotation in an image."""
        return {self.concept_of[raw["category_id"]] for raw in self._of_image.get(image_id, ())}

    def status(self, image_id: int, concept: str) -> Status:
        """The status of a concept in an image according to this file alone."""
        wanted = set(self.categories.get(concept, ()))
        if not wanted:
            return "unknown"
        found = [raw for raw in self._of_image.get(image_id, ()) if raw["category_id"] in wanted]
        return self.protocol.status(self.images[image_id], wanted, found)

    def warrants(self, rule: str, image_id: int, concept: str) -> bool:
        """Whether this rule proves that a concept without annotations in an image is absent from the image."""
        wanted = set(self.categories.get(concept, ()))
        return rule == self.protocol.rule and self.protocol.warrants(self.images[image_id], wanted)

    def covered(self, number: int, window: Rectangle) -> float:
        """Number of pixels that an annotation covers in a window.

        If the annotation has no mask, its box is used instead.
        """
        found = self._instance(self._annotations[number])
        if found.has_mask:
            return float(np.count_nonzero(self._shape(number).inside(window)))
        return area(overlap(found.box, window))

    def mask(self, number: int) -> NDArray[np.uint8]:
        """The mask of an annotation over the whole photo, with shape (height, width) and values 0 or 1."""
        return np.asarray(coco_mask.decode(self._rle(number)), dtype=np.uint8)

    def _instance(self, raw: Record) -> Instance:
        width, height = map(float, self.size(raw["image_id"]))
        corners, frame = _corners(raw.get("bbox"), self._box_format, width, height), (0.0, 0.0, width, height)
        box = overlap(corners, frame)
        concept = self.concept_of[raw["category_id"]]
        return Instance(self.key, raw["id"], raw["image_id"], concept, box, is_crowd(raw), has_mask(raw))

    def _read_rle(self, number: int) -> Any:
        """Run lengths of an annotation's mask. Raises ReleaseError if the mask is malformed or too large."""
        raw, rle = self._annotations[number], None
        try:
            fault = _unbounded(raw["segmentation"], self.size(raw["image_id"]))
            rle = None if fault else self._mask(raw)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            fault = f"no mask ({error})"
        if fault:
            raise ReleaseError(f"{self.key}: annotation {number}: {fault}; correct the annotation file and build again")
        return rle

    def _read_shape(self, number: int) -> "_Shape":
        """The mask of an annotation, cropped to its tight box.

        pycocotools derives a box from run lengths, but this box can be too large if a run is empty. The tight box is
        therefore computed from the pixels inside the pycocotools box.
        """
        left, top, width, height = map(int, coco_mask.toBbox(self._rle(number)))
        around = self.mask(number)[top : top + height, left : left + width]
        x, y, width, height = cv2.boundingRect(around.copy())
        return _Shape(left + x, top + y, around[y : y + height, x : x + width].copy())

    def _whole_box(self, number: int) -> Box | None:
        """Tight box of an annotation's whole mask, or None if the mask is empty."""
        return self._shape(number).box

    def _sight(self, number: int, window: Rectangle, margin: int) -> Sight:
        found = self._instance(self._annotations[number])
        if not found.has_mask:
            return _sight_of_box(found.box, window, margin)
        shape = self._shape(number)
        near = shape.inside(grown(window, margin))
        if not near.any():
            return Sight(None, 0.0, False, True)
        share = np.count_nonzero(shape.inside(window)) / np.count_nonzero(shape.pixels)
        return Sight(shape.tight(window), share, True, True)


@dataclass(frozen=True)
class _Shape:
    """A mask without its empty borders.

    `pixels` has shape (height, width) and values 0 or 1. Its top-left pixel is the pixel (`left`, `top`) of the photo.
    """

    left: int
    top: int
    pixels: NDArray[np.uint8]

    @property
    def box(self) -> Box | None:
        """Tight box of the mask, or None if the mask is empty."""
        return self.tight((0, 0, self.left + self.pixels.shape[1], self.top + self.pixels.shape[0]))

    def inside(self, window: Rectangle) -> NDArray[np.uint8]:
        """The pixels inside a window."""
        x1, y1, x2, y2 = (max(0, value - start) for value, start in zip(window, (self.left, self.top) * 2, strict=True))
        return self.pixels[y1:y2, x1:x2]

    def tight(self, window: Rectangle) -> Box | None:
        """Tight box of the part of the mask inside a window, in pixels of the photo; None if the window contains no
        pixel of the mask.
        """
        x, y, width, height = cv2.boundingRect(np.ascontiguousarray(self.inside(window)))
        if not width:
            return None
        left, top = max(window[0], self.left) + x, max(window[1], self.top) + y
        return float(left), float(top), float(left + width), float(top + height)


def _concepts(categories: Mapping[int, Record]) -> dict[int, str]:
    try:
        return {n: concept_of(str(c["name"]), str(c.get("synset") or "")) for n, c in categories.items()}
    except VocabularyError as error:
        raise ReleaseError(f"the vocabulary has no concept for this category of the sources: {error}") from None


def _unbounded(segmentation: Any, size: tuple[int, int]) -> str:
    """The reason why decoding a mask could take too much memory; "" if it is safe."""
    width, height = segmentation["size"] if isinstance(segmentation, Mapping) else size
    if width * height > MOST_PIXELS:
        return f"the mask has {width} x {height} pixels"
    if isinstance(segmentation, Mapping):
        return ""
    return "" if sum(map(_edges, segmentation)) <= LONGEST_EDGES else "the edges of the mask's polygons are too long"


def _edges(polygon: Sequence[float]) -> float:
    """Total length of a polygon's edges, except the closing edge. The length of an edge is the larger of its width and
    height.
    """
    return float(np.abs(np.diff(np.reshape(polygon, (-1, 2)), axis=0)).max(axis=1, initial=0).sum())


def _corners(written: Any, form: str, width: float, height: float) -> Box:
    """The box of a record as x1, y1, x2, y2 in pixels of the photo; zero-sized if the record has no valid box."""
    try:
        a, b, c, d = (float(value) for value in written)
    except (TypeError, ValueError):
        return 0.0, 0.0, 0.0, 0.0
    form, _, unit = form.partition("_")
    if unit == "normalized":
        a, b, c, d = a * width, b * height, c * width, d * height
    read = {
        "xyxy": (a, b, c, d),
        "cxcywh": (a - c / 2, b - d / 2, a + c / 2, b + d / 2),
        "yxhw": (b, a, b + d, a + c),
    }
    x1, y1, x2, y2 = read.get(form, (a, b, a + c, b + d))
    return (x1, y1, x2, y2) if x1 <= x2 and y1 <= y2 else (0.0, 0.0, 0.0, 0.0)


def _meets(box: Box, window: Rectangle) -> bool:
    x1, y1, x2, y2 = overlap(box, window)
    return x1 < x2 and y1 < y2


def _sight_of_box(box: Box, window: Rectangle, margin: int) -> Sight:
    if not _meets(box, grown(window, margin)):
        return Sight(None, 0.0, False, True)
    held = within(box, window)
    return Sight(box if held else None, 1.0 if held else 0.0, True, held)
