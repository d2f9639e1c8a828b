"""One annotation file as pycocotools or lvis reads it, and what it says of a category in an image.

The protocols are applied here from their own texts: COCO labels exhaustively but for crowds, LVIS only what it lists.
"""

import contextlib
import io
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from lvis import LVIS
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from cgc_data.common.errors import ReleaseError, VocabularyError
from cgc_data.validate.boxes import grown, overlap, within
from cgc_data.validate.photos import PhotoFiles
from cgc_data.validate.samples import Box, Rectangle
from cgc_data.vocabulary import COCO_NAMES, concept_of

Status = Literal["all", "some", "absent", "unknown"]
Exhaustive = bool | list[str] | None
Record: TypeAlias = dict[str, Any]  # an image, a category, or an annotation, as the file has it


@dataclass(frozen=True)
class Instance:
    """One annotation. `box` is x1, y1, x2, y2 in pixels of the photo, as annotated, cut to the frame."""

    source: str
    number: int
    image_id: int
    concept: str
    box: Box
    crowd: bool
    has_mask: bool

    @property
    def id(self) -> str:
        """As in a release: source and id."""
        return f"{self.source}:{self.number}"


@dataclass(frozen=True)
class Sight:
    """What a window shows of an instance.

    Attributes:
        box: tight box of the part inside, in pixels of the photo; None where nothing is.
        share: of the mask's area that is inside.
        near: does the window grown by the margin hold any of it?
        certain: False where there is no mask to say what is inside.
    """

    box: Box | None
    share: float
    near: bool
    certain: bool

    def state(self, visible: float) -> Literal["visible", "gone", "ambiguous"]:
        """Visible from this share on, gone without a pixel near the window, ambiguous between."""
        if not self.near:
            return "gone"
        return "visible" if self.certain and self.box and self.share >= visible else "ambiguous"


class RawSource:
    """An annotation file with its photos, read by the reference reader of its format.

    Args:
        key: as in the manifest.
        exhaustive: as declared; None means COCO's 80 are, others are not.
        test_only: are all its photos held out?
        box_format: how its boxes are written, as declared.
    """

    def __init__(
        self,
        key: str,
        kind: str,
        annotations: Path,
        photos: PhotoFiles,
        exhaustive: Exhaustive,
        test_only: bool,
        box_format: str = "xywh",
    ) -> None:
        self._box_format = box_format
        self.key, self.kind, self.path, self.photos, self.test_only = key, kind, annotations, photos, test_only
        self._exhaustive = exhaustive
        reader, self._rle_of = _read(kind, annotations)
        self.images: dict[int, Record] = reader.imgs
        self._annotations: dict[int, Record] = reader.anns
        self._licences = {entry.get("id"): str(entry.get("url", "")) for entry in reader.dataset.get("licenses") or ()}
        self._of_image: Mapping[int, list[Record]] = reader.imgToAnns if kind == "coco" else reader.img_ann_map
        self.names: dict[int, str] = {number: str(entry["name"]) for number, entry in reader.cats.items()}
        self.concept_of = _concepts(reader.cats, kind)
        self.categories: defaultdict[str, list[int]] = defaultdict(list)
        for number, concept in self.concept_of.items():
            self.categories[concept].append(number)
        # COCO's annotators boxed a mug as "cup": what its own 80 classes take in goes for no other list of names
        self.practice = "coco" if kind == "coco" and set(self.names.values()) == set(COCO_NAMES) else ""
        # a photo's number is COCO's only in a file about COCO's photos: other data sets number theirs alike
        self.of_coco = kind == "lvis" or set(self.names.values()) == set(COCO_NAMES)
        self._complete = self._complete_categories()
        self._rle = lru_cache(maxsize=50_000)(self._read_rle)
        self.sight = lru_cache(maxsize=200_000)(self._sight)
        self.whole_box = lru_cache(maxsize=200_000)(self._whole_box)

    def file_name(self, image_id: int) -> str:
        """Where the photo lies; LVIS names it only in its URL."""
        image = self.images[image_id]
        return str(image.get("file_name") or "/".join(str(image.get("coco_url", "")).split("/")[-2:]))

    def size(self, image_id: int) -> tuple[int, int]:
        """Width and height as annotated."""
        return int(self.images[image_id]["width"]), int(self.images[image_id]["height"])

    def licence_url(self, image_id: int) -> str:
        """URL of the photo's licence, "" where the file names none."""
        return self._licences.get(self.images[image_id].get("license"), "")

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
        """Concepts that have an annotation in an image."""
        return {self.concept_of[raw["category_id"]] for raw in self._of_image.get(image_id, ())}

    def status(self, image_id: int, concept: str) -> Status:
        """What this file alone says of a concept in an image."""
        numbers = self.categories.get(concept, [])
        if not numbers:
            return "unknown"
        wanted = set(numbers)
        found = [raw for raw in self._of_image.get(image_id, ()) if raw["category_id"] in wanted]
        if self.kind == "lvis":
            return self._lvis_status(self.images[image_id], wanted, found)
        if not found:
            return "absent" if wanted <= self._complete else "unknown"
        single = all(self._known_single(raw) for raw in found)
        return "all" if single and wanted <= self._complete else "some"

    def exhaustive_about(self, concept: str) -> bool:
        """Is every instance of the concept labelled in every image of this file?"""
        numbers = self.categories.get(concept, [])
        return bool(numbers) and set(numbers) <= self._complete

    def lists_negative(self, image_id: int, concept: str) -> bool:
        """Does LVIS list the concept as verified absent from the image?"""
        listed = set(self.images[image_id].get("neg_category_ids") or ())
        return self.kind == "lvis" and bool(listed & set(self.categories.get(concept, ())))

    def _lvis_status(self, image: Record, wanted: set[int], found: list[Record]) -> Status:
        negative = bool(wanted & set(image.get("neg_category_ids") or ()))
        if found:
            if not image.get("neg_category_ids") and not image.get("not_exhaustive_category_ids"):
                return "some"  # nothing tells that anybody checked what else is there
            partial = wanted & set(image.get("not_exhaustive_category_ids") or ()) or any(map(_is_crowd, found))
            return "unknown" if negative else "some" if partial else "all"
        return "absent" if negative else "unknown"

    def _known_single(self, raw: Record) -> bool:
        # every official COCO record has both a crowd flag and a segmentation
        if self._exhaustive is None:
            return raw.get("iscrowd") == 0 and _has_mask(raw)
        return not _is_crowd(raw)

    def _complete_categories(self) -> set[int]:
        if self.kind == "lvis" or self._exhaustive is False:
            return set()
        if isinstance(self._exhaustive, list):
            return {number for number, name in self.names.items() if name in self._exhaustive}
        if self._exhaustive is None and not self.practice:
            return set()
        return set(self.names)

    def _instance(self, raw: Record) -> Instance:
        corners = _corners(raw["bbox"], self._box_format)
        frame = (0.0, 0.0, *map(float, self.size(raw["image_id"])))
        box = overlap(corners, (frame[0], frame[1], frame[2], frame[3]))
        concept = self.concept_of[raw["category_id"]]
        return Instance(self.key, raw["id"], raw["image_id"], concept, box, _is_crowd(raw), _has_mask(raw))

    def _read_rle(self, number: int) -> Any:
        return self._rle_of(self._annotations[number])

    def _whole_box(self, number: int) -> Box | None:
        """Tight box of the whole mask, None where there is no mask pixel."""
        mask = coco_mask.decode(self._rle(number))
        return _tight(mask, (0, 0, mask.shape[1], mask.shape[0]))

    def _sight(self, number: int, window: Rectangle, margin: int) -> Sight:
        found = self._instance(self._annotations[number])
        if not found.has_mask:
            return _sight_of_box(found.box, window, margin)
        whole = self.whole_box(number)
        if whole is None or not _meets(whole, grown(window, margin)):
            return Sight(None, 0.0, False, True)
        mask = coco_mask.decode(self._rle(number))
        near = _cut(mask, grown(window, margin))
        inside = int(np.count_nonzero(_cut(mask, window)))
        share = inside / int(np.count_nonzero(mask))
        return Sight(_tight(mask, window), share, bool(near.any()), True)


def _read(kind: str, path: Path) -> tuple[Any, Callable[[Any], Any]]:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints as it loads
            if kind == "coco":
                coco = COCO()
                coco.dataset = _decoded(path)
                coco.createIndex()
                return coco, coco.annToRLE
            lvis = _Lvis(str(path))
            return lvis, lvis.ann_to_rle
    except (OSError, ValueError, KeyError, AssertionError, TypeError) as error:
        raise ReleaseError(
            f"{path}: the {kind} reader cannot read it ({error}); name the file it was built from"
        ) from None


class _Lvis(LVIS):  # type: ignore[misc]
    """The LVIS reader, for files with a byte order mark too."""

    def _load_json(self, path: str) -> Any:
        return _decoded(Path(path))


def _decoded(path: Path) -> Any:
    """The JSON of a file as UTF-8, with or without a byte order mark."""
    return json.loads(path.read_text(encoding="utf-8-sig"))


def _concepts(categories: Mapping[int, Record], kind: str) -> dict[int, str]:
    try:
        return {n: concept_of(str(c["name"]), str(c.get("synset") or ""), kind) for n, c in categories.items()}
    except VocabularyError as error:
        raise ReleaseError(f"a category of the sources has no concept: {error}") from None


def _corners(written: Sequence[float], form: str) -> Box:
    """A box as the file writes it, as x1, y1, x2, y2."""
    a, b, c, d = (float(value) for value in written)
    if form == "xyxy":
        return a, b, c, d
    if form == "cxcywh":
        return a - c / 2, b - d / 2, a + c / 2, b + d / 2
    return (b, a, b + d, a + c) if form == "yxhw" else (a, b, a + c, b + d)


def _is_crowd(raw: Record) -> bool:
    return raw.get("iscrowd") == 1


def _has_mask(raw: Record) -> bool:
    segmentation = raw.get("segmentation")
    return bool(segmentation.get("counts")) if isinstance(segmentation, Mapping) else bool(segmentation)


def _cut(mask: NDArray[np.uint8], window: Rectangle) -> NDArray[np.uint8]:
    x1, y1, x2, y2 = (max(0, value) for value in window)
    return mask[y1:y2, x1:x2]


def _tight(mask: NDArray[np.uint8], window: Rectangle) -> Box | None:
    cut = _cut(mask, window)
    columns, rows = np.flatnonzero(cut.any(axis=0)), np.flatnonzero(cut.any(axis=1))
    if not len(columns):
        return None
    left, top = max(0, window[0]), max(0, window[1])
    return (float(left + columns[0]), float(top + rows[0]), float(left + columns[-1] + 1), float(top + rows[-1] + 1))


def _meets(box: Box, window: Rectangle) -> bool:
    x1, y1, x2, y2 = overlap(box, window)
    return x1 < x2 and y1 < y2


def _sight_of_box(box: Box, window: Rectangle, margin: int) -> Sight:
    if not _meets(box, grown(window, margin)):
        return Sight(None, 0.0, False, True)
    held = within(box, window)
    return Sight(box if held else None, 1.0 if held else 0.0, True, held)
