"""Finds objects that can be pasted into other photos, and objects that a pasted object can be placed next to."""

from collections.abc import Iterable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data.common.errors import PhotoError
from cgc_data.geometry import Window, box_area
from cgc_data.licenses import composite_license
from cgc_data.masks import Rle, mask_area
from cgc_data.plan.askable import Askable
from cgc_data.plan.offered import Mask
from cgc_data.plan.thumbnails import Thumbnails

UPRIGHT = 1.7  # minimum height / width of a person; below it, the person sits, lies, or is cut off
LOWEST_HORIZON = 0.45  # share of the height; standing objects have their feet below it
PERSON = "person"  # supercategory
# Supercategories of objects that stand on the ground or a table; others are worn, held, flown, or built in.
STANDING = frozenset({PERSON, "animal", "vehicle", "food", "furniture", "kitchen", "outdoor"})
SUPPORTS = frozenset({"furniture"})  # other objects stand on these
BORDER = 2  # minimum distance in pixels between an object and the border of its photo
BORDER_SHARE = 0.01  # minimum for lent objects too, as a share of the longer side: annotators stop short of borders
TOUCHED, REACH = 0.1, 2  # share of an outline that can be within REACH pixels of objects that may cut it
PART = 0.8  # share of a part that its object covers, and share of an object that its support covers
ONE_PIECE = 0.97  # minimum share of a mask that is in its largest connected piece
GROUND = 0.15  # depth of the ground below an object's feet, as a share of its height

Instances = NDArray[np.intp]
Bytes = NDArray[np.uint8]


class Lenders:
    """Finds instances of objects that stand on something, and determines which of them can be lent (pasted into other
    photos).

    `labels` is a mask (concepts,) of the labels with objects that can be lent. By default, it contains all such labels
    in the index.
    """

    def __init__(self, askable: Askable, thumbnails: Thumbnails, labels: Mask | None = None) -> None:
        self._askable, self._thumbnails = askable, thumbnails
        self._supports = np.array([k in SUPPORTS for k in self._kinds()])
        standing = self._standing()
        self.lends = standing & askable.large & self._clear_of_border()
        self.lends &= np.array([composite_license([p.license_url]) is not None for p in askable.index.photos])[
            askable.index.instances.photo
        ]
        self._by_concept = _grouped(askable.index.instances.concept, self.lends)
        own: Mask = np.isin(np.arange(len(askable.index.concepts)), list(self._by_concept))
        self.labels = own if labels is None else labels
        self._hosts = standing & self.labels[askable.index.instances.concept]
        self._hosts &= self._fully_annotated()[askable.index.instances.photo]
        self.ground = lru_cache(maxsize=8192)(self._ground)
        self.is_whole = lru_cache(maxsize=8192)(self._is_whole)

    @property
    def photos(self) -> Mask:
        """Mask (photos,) of the photos with at least one object that another object can be pasted next to."""
        found = np.zeros(len(self._askable.index.photos), dtype=np.bool_)
        found[self._askable.index.instances.photo[self._hosts]] = True
        return found

    def supports(self, photo: int, instance: int) -> NDArray[np.float64]:
        """Boxes (n, 4) of the objects that an instance stands on, such as a table; empty if the instance stands on the
        ground.
        """
        instances = self._askable.index.instances
        inside, own = instances.of_photo(photo), instances.box[instance]
        boxes = instances.box[inside[self._supports[instances.concept[inside]] & (inside != instance)]]
        return np.asarray(boxes[overlaps(own, boxes) >= PART * box_area(own)])

    def beside(self, photo: int) -> list[int]:
        """Instances in the photo that another object with the same label can be pasted next to."""
        inside = self._askable.index.instances.of_photo(photo)
        return [int(i) for i in inside[self._hosts[inside]]]

    def of(self, concept: int, free: Mask) -> Instances:
        """Instances of a concept that can be pasted into other photos, judged by their boxes. Only the photos in the
        mask `free` (photos,) are searched.
        """
        found = self._by_concept.get(concept, np.zeros(0, dtype=np.intp))
        return found[free[self._askable.index.instances.photo[found]]]

    def _standing(self) -> Mask:
        """Mask (instances,) of the single instances that stand on something, judged by their category and their box.

        The lower edge of the box must be in the lower part of the photo, and people must be upright.
        """
        index, kinds = self._askable.index, self._kinds()
        stands = np.array([kind in STANDING for kind in kinds])[index.instances.concept]
        people = np.array([kind == PERSON for kind in kinds])[index.instances.concept]
        height = self._sizes()[:, 1]
        box = index.instances.box
        upright = (box[:, 3] - box[:, 1]) >= UPRIGHT * (box[:, 2] - box[:, 0])
        feet = (box[:, 3] > LOWEST_HORIZON * height) & (box[:, 3] < height - BORDER)
        return np.asarray(index.instances.single & self._askable.trusted & stands & (upright | ~people) & feet)

    def _kinds(self) -> list[str]:
        """Supercategory of each concept."""
        return [self._askable.index.relations.supercategory(concept) for concept in self._askable.index.concepts]

    def _fully_annotated(self) -> Mask:
        """Mask (photos,) of the photos from sources that box all instances of all their categories. In all other
        photos, a pasted object could hide an object that has no box.
        """
        whole = [bool(len(claims.exhaustive) and claims.exhaustive.all()) for claims in self._askable.index.claims]
        photos = self._askable.index.photos
        return np.array([any(whole[seen.source] for seen in photo.appearances) for photo in photos], dtype=np.bool_)

    def _clear_of_border(self) -> Mask:
        width, height = self._sizes().T
        x1, y1, x2, y2 = self._askable.index.instances.box.T
        border = np.maximum(BORDER, BORDER_SHARE * np.maximum(width, height))
        return np.asarray((x1 >= border) & (y1 >= border) & (x2 <= width - border) & (y2 <= height - border))

    def _sizes(self) -> NDArray[np.float64]:
        """Width and height of the photo of each instance, (instances, 2)."""
        sizes = np.array([(p.width, p.height) for p in self._askable.index.photos], dtype=np.float64).reshape(-1, 2)
        return np.asarray(sizes[self._askable.index.instances.photo])

    def _is_whole(self, instance: int) -> bool:
        """Whether the instance can be cut out as a whole. Its mask must be valid, consist almost entirely of one
        connected region, and not touch the border of the photo. Most of its outline must be away from other objects.
        """
        rle = self._askable.truth.mask(instance)
        if rle is None or self._askable.truth.fault(instance):
            return False
        frame = self._frame(instance)
        mask = _cut(rle, frame)
        if mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any():  # at the photo's border
            return False
        pieces = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:, cv2.CC_STAT_AREA]
        if pieces.max(initial=0) < ONE_PIECE * pieces.sum():
            return False
        outline = mask - cv2.erode(mask, np.ones((3, 3), np.uint8))
        touched = outline & self._neighbors(instance, mask, frame)
        return bool(np.count_nonzero(touched) <= TOUCHED * np.count_nonzero(outline))

    def _frame(self, instance: int) -> Window:
        """The part of the photo that is searched for other objects: the instance's box and a margin around it."""
        x1, y1, x2, y2 = map(int, self._askable.truth.box(instance))
        width, height = self._askable.truth.photo_size(int(self._askable.index.instances.photo[instance]))
        margin = REACH + 1
        return Window(max(x1 - margin, 0), max(y1 - margin, 0), min(x2 + margin, width), min(y2 + margin, height))

    def _neighbors(self, instance: int, mask: Bytes, frame: Window) -> Bytes:
        """Mask of the pixels of the frame that are in or near other objects. The object's own parts and its support are
        excluded.
        """
        index, truth, found = self._askable.index, self._askable.truth, np.zeros_like(mask)
        own, boxes = index.instances.box[instance], index.instances.box
        inside = index.instances.of_photo(int(index.instances.photo[instance]))
        near = inside[overlaps(grown(own, REACH), boxes[inside]) > 0]
        for other in near[near != instance].tolist():
            if rle := truth.mask(other):
                other_mask = _cut(rle, frame)
                is_part = np.count_nonzero(other_mask & mask) > PART * mask_area(rle)
                holds = overlaps(own, boxes[[other]])[0] >= PART * box_area(own)
                if not is_part and not (holds and self._supports[index.instances.concept[other]]):
                    found |= other_mask
        return np.asarray(cv2.dilate(found, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)), dtype=np.uint8)

    def _ground(self, instance: int) -> NDArray[np.float64]:
        """Lab color (3,) of the ground below an object's feet; NaN if the photo shows no ground there or cannot be
        read.
        """
        photo = int(self._askable.index.instances.photo[instance])
        try:
            colors = self._thumbnails.colors(photo, below(np.array([self._askable.truth.box(instance)])))
        except PhotoError:
            return np.full(3, np.nan)
        return np.asarray(colors[0])


def _cut(rle: Rle, frame: Window) -> Bytes:
    """The part of the mask inside a frame, as zeros and ones."""
    return np.ascontiguousarray(coco_mask.decode(rle)[frame.y1 : frame.y2, frame.x1 : frame.x2])


def below(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each box of an object, the box of the ground below the object's feet. The argument and the result are (n, 4),
    in the same coordinates.
    """
    x1, y1, x2, y2 = boxes.T
    return np.stack([x1, y2, x2, y2 + GROUND * (y2 - y1)], axis=1)


def grown(boxes: NDArray[np.float64], margin: float) -> NDArray[np.float64]:
    """Boxes (..., 4), enlarged by `margin` pixels on every side."""
    return np.asarray(boxes + np.array([-margin, -margin, margin, margin]))


def overlaps(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Overlap areas (..., n) of the boxes `box` (..., 1 or n, 4) and `others` (n, 4), with broadcasting."""
    low = np.maximum(box[..., :2], others[..., :2])
    high = np.minimum(box[..., 2:], others[..., 2:])
    return np.asarray(np.maximum(high - low, 0).prod(axis=-1))


def _grouped(concepts: Iterable[int], keep: Mask) -> dict[int, Instances]:
    """Indices of the instances that `keep` marks, by concept."""
    places = np.flatnonzero(keep)
    kinds = np.asarray(concepts)[places]
    order = np.argsort(kinds, kind="stable")
    names, starts = np.unique(kinds[order], return_index=True)
    return dict(zip(names.tolist(), np.split(places[order], starts[1:]), strict=True)) if len(names) else {}
