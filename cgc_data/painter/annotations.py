"""Writes COCO instances files and LVIS v1 files for painted photos.

Image ids and annotation ids have gaps, so that an id differs from the position in the list. The COCO file and the LVIS
file number images independently.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, TypeAlias

import numpy as np

from cgc_data.painter.outlines import Outline

Record: TypeAlias = dict[str, Any]  # part or all of an annotation file

LICENSES = [{"id": 1, "name": "CC0 1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}]
INFO = {"description": "Scenes drawn by a program", "version": "1.0", "year": 2026, "contributor": "cgc-grounding"}
RUN_LENGTHS_EVERY = 9  # every nth instance is written as run lengths instead of polygons
NEGATIVES = (8, 16)  # minimum, maximum: LVIS names verified absent from a photo
KEPT, THINNED = 0.85, 0.15  # probability that LVIS covers a name in a photo, and that it omits some of its instances


@dataclass(frozen=True)
class Photo:
    """A painted photo: its path in the images folder, its size, its contents, and the kind of oddity that it imitates,
    if any.
    """

    path: str
    width: int
    height: int
    outlines: tuple[Outline, ...]
    awkward: str = ""

    @property
    def file_name(self) -> str:
        """The name of the photo's file without the folder, as in COCO files."""
        return self.path.rsplit("/", 1)[-1]

    def record(self, image_id: int) -> Record:
        """The fields of an image record that COCO and LVIS share."""
        url = f"https://example.org/{self.path}"
        size = {"width": self.width, "height": self.height}
        return {
            "id": image_id,
            **size,
            "license": 1,
            "coco_url": url,
            "flickr_url": "",
            "date_captured": "2026-01-01 00:00:00",
        }


def _table(name: str) -> list[dict[str, str]]:
    text = resources.files("cgc_data.painter").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def coco_categories(kinds: Sequence[str] | None = None) -> list[Record]:
    """COCO's category records for all kinds of objects, or only for the named kinds, sorted by their (non-contiguous)
    ids.
    """
    rows = [row for row in _table("coco_categories.csv") if kinds is None or row["name"] in kinds]
    return [{"supercategory": r["supercategory"], "id": int(r["id"]), "name": r["name"]} for r in rows]


def lvis_categories() -> list[Record]:
    """LVIS v1's category records for all names that painted objects can have, and for some names that never occur."""
    return [
        {"id": int(r["id"]), "name": r["name"], "synset": r["synset"], "frequency": r["frequency"],
         "synonyms": r["synonyms"].split("|"), "def": r["definition"]}
        for r in _table("lvis_categories.csv")
    ]  # fmt: skip


def coco_file(photos: Sequence[Photo], kinds: Sequence[str] | None = None) -> Record:
    """A COCO instances file that annotates every instance of its categories.

    The categories are all kinds of objects, or only the named kinds.
    """
    categories = coco_categories(kinds)
    ids = {category["name"]: category["id"] for category in categories}
    images: list[Record] = []
    annotations: list[Record] = []
    for number, photo in enumerate(photos):
        image_id = 1000 + 7 * number + number % 3
        images.append({**photo.record(image_id), "file_name": photo.file_name})
        for outline in photo.outlines:
            annotation_id = 100_003 + 3 * len(annotations) + (len(annotations) % 5 == 0)
            shape = _shape(outline, runs=len(annotations) % RUN_LENGTHS_EVERY == RUN_LENGTHS_EVERY - 1)
            record = {**shape, "iscrowd": int(outline.crowd), "image_id": image_id, "category_id": ids[outline.kind]}
            annotations.append({**record, "id": annotation_id})
    header = {"info": INFO, "licenses": LICENSES, "categories": categories}
    return {**header, "images": images, "annotations": annotations}


def _shape(outline: Outline, *, runs: bool) -> Record:
    if outline.crowd or runs:
        segmentation = outline.counts if outline.crowd else outline.compressed
        return {"segmentation": segmentation, "area": outline.mask_area, "bbox": outline.mask_box}
    return {"segmentation": outline.polygons, "area": outline.polygon_area, "bbox": outline.polygon_box}


def lvis_file(photos: Sequence[Photo], rng: np.random.Generator) -> Record:
    """A federated LVIS v1 file. Its boxes and category lists are correct for the painted photos.

    As in LVIS, no image record has a `file_name`.
    """
    categories = lvis_categories()
    ids = {category["name"]: category["id"] for category in categories}
    images: list[Record] = []
    annotations: list[Record] = []
    for number, photo in enumerate(photos):
        image_id = 1000 + 5 * number
        shown = sorted({label for outline in photo.outlines for label in outline.labels})
        absent = [name for name in ids if name not in shown]
        negative = rng.choice(absent, int(rng.integers(NEGATIVES[0], NEGATIVES[1] + 1)), replace=False)
        incomplete = []
        for label in shown:
            whole, listed = _cover(label, photo.outlines, rng)
            incomplete += [] if whole or not listed else [ids[label]]
            for outline in listed:
                shape = _shape(outline, runs=False)
                annotations.append(
                    {**shape, "id": len(annotations) + 1, "image_id": image_id, "category_id": ids[label]}
                )
        lists = {"neg_category_ids": sorted(ids[str(n)] for n in negative), "not_exhaustive_category_ids": incomplete}
        images.append({**photo.record(image_id), **lists})
    header = {"info": INFO, "licenses": LICENSES, "categories": categories}
    return {**header, "images": images, "annotations": annotations}


def _cover(label: str, outlines: Sequence[Outline], rng: np.random.Generator) -> tuple[bool, list[Outline]]:
    """Whether a photo's annotations of a label are complete, and which instances are annotated.

    The list of instances is empty if the LVIS file does not cover the label in this photo.
    """
    own = [outline for outline in outlines if label in outline.labels]
    single = [outline for outline in own if not outline.crowd]
    if rng.random() >= KEPT:
        return False, []
    if len(single) >= 3 and rng.random() < THINNED:
        single = single[:-1]
    return len(single) == len(own), single
