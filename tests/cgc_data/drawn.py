"""Small annotation files with drawn photos, for tests of what the index makes of them.

Every photo is different noise; its content is only what the test states.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from cgc_data.config import BuildConfig, Source
from cgc_data.index.build import Index, build_index
from cgc_data.index.presence import STATE_NAMES
from cgc_data.vocabulary import COCO_NAMES

WIDTH, HEIGHT = 320, 240
SYNSETS = {"dog": "dog.n.01", "puppy": "puppy.n.01", "cup": "cup.n.01", "mug": "mug.n.04", "zebra": "zebra.n.01"}
COCO_URL = "http://images.cocodataset.org/"


class Thing(NamedTuple):
    """An annotation: category, box as x, y, width, height, and unusual fields (None: omitted)."""

    category: str
    box: tuple[float, float, float, float] = (40, 40, 100, 80)
    fields: Mapping[str, Any] = {}


Photos = Mapping[str, Sequence[Thing]]


def rectangle(box: tuple[float, float, float, float]) -> list[list[float]]:
    """Polygon of a box given as x, y, width, height."""
    x, y, w, h = box
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def photo(name: str, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """JPEG of smooth noise that only this name has."""
    ground = np.random.default_rng(list(name.encode())).integers(0, 256, (9, 12, 3)).astype(np.uint8)
    pixels = cv2.resize(ground, (width, height), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", pixels)[1].tobytes())


def coco(
    folder: Path, photos: Photos, *, categories: Sequence[str] = COCO_NAMES, url: str = "", **settings: Any
) -> Source:
    """A COCO source below `folder`; `url` is the folder part of the photos' coco_url, "" for none."""
    images = [_image(folder, number, name) for number, name in enumerate(photos, 1)]
    if url:
        images = [{**image, "coco_url": f"{COCO_URL}{url}/{image['file_name']}"} for image in images]
    return _source("coco", folder, images, photos, [{"name": name} for name in categories], settings)


def lvis(
    folder: Path,
    photos: Photos,
    *,
    negative: Mapping[str, Sequence[str]] | None = None,
    not_exhaustive: Mapping[str, Sequence[str]] | None = None,
    categories: Mapping[str, str] | None = None,
    url: str = "val2017",
    silent: bool = False,
) -> Source:
    """An LVIS source below `folder`, of the categories of SYNSETS; the lists are by photo.

    Every photo has yaks verified absent, so that its lists are not both empty, unless `silent`.
    """
    synsets = {**(categories or SYNSETS), "yak": "yak.n.02"}
    numbers = {name: i for i, name in enumerate(synsets, 1)}
    images = []
    for number, name in enumerate(photos, 1):
        image = _image(folder, number, name)
        file_name = image.pop("file_name")
        lists = {
            "neg_category_ids": [numbers[c] for c in [*(negative or {}).get(name, ()), *(() if silent else ("yak",))]],
            "not_exhaustive_category_ids": [numbers[c] for c in (not_exhaustive or {}).get(name, ())],
        }
        images.append({**image, "coco_url": f"{COCO_URL}{url}/{file_name}", **lists})
    named = [{"name": name, "synset": synset, "synonyms": [name]} for name, synset in synsets.items()]
    return _source("lvis", folder, images, photos, named, {})


def index_of(*sources: Source, cache: Path) -> Index:
    """The index of these sources."""
    return build_index(BuildConfig(sources=list(sources)), cache)


def state(index: Index, file_name: str, concept: str) -> str:
    """Name of the state of a concept in the photo that goes by this file name."""
    return STATE_NAMES[index.states[position(index, file_name), index.position[concept]]]


def position(index: Index, file_name: str) -> int:
    """Number of the photo that goes by this file name in one of its sources."""
    return next(
        number
        for number, photo in enumerate(index.photos)
        if any(Path(appearance.file_name).name == file_name for appearance in photo.appearances)
    )


def _image(folder: Path, number: int, name: str) -> dict[str, Any]:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    if not (folder / "images" / name).exists():
        (folder / "images" / name).write_bytes(photo(name))
    return {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}


def _source(
    kind: str,
    folder: Path,
    images: list[dict[str, Any]],
    photos: Photos,
    categories: list[dict[str, Any]],
    settings: Mapping[str, Any],
) -> Source:
    numbered = [{"id": number, **category} for number, category in enumerate(categories, 1)]
    numbers = {category["name"]: category["id"] for category in numbered}
    things = [(image["id"], thing) for image, things in zip(images, photos.values(), strict=True) for thing in things]
    annotations = []
    for number, (image_id, thing) in enumerate(things, 1):
        usual = {
            "id": number,
            "image_id": image_id,
            "category_id": numbers[thing.category],
            "bbox": list(thing.box),
            "area": thing.box[2] * thing.box[3],
            "iscrowd": 0,
            "segmentation": rectangle(thing.box),
        }
        annotations.append({key: value for key, value in {**usual, **thing.fields}.items() if value is not None})
    path = folder / f"{kind}.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": numbered}), "utf-8")
    return Source(kind=kind, annotations=str(path), images=str(folder / "images"), **settings)
