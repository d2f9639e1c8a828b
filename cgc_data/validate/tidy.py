"""Normalizes the JSON of an annotation file: converts ids to integers, and removes meaningless records.

The reference readers do not validate their input. Files from other tools can contain ids as text or floats, repeated
categories, an unused root category, duplicate annotations, and annotations without a photo. This module shares no code
with the builder.
"""

import json
from itertools import pairwise
from typing import Any

from cgc_data.validate.protocols import Record

WHOLE_FIELDS = {
    "images": ("id", "width", "height", "license"),
    "categories": ("id",),
    "licenses": ("id",),
    "annotations": ("id", "image_id", "category_id", "iscrowd"),
}
CORNERS = 6  # number of coordinates of the smallest non-empty polygon; pycocotools reads four coordinates as a box
NUMBERS = {int, float, bool}  # the types of JSON that Python counts as numbers
LISTS = ("neg_category_ids", "not_exhaustive_category_ids")


def tidy(document: Any) -> Any:
    """Normalize the document in place, and return it. A document that is not an annotation file is returned
    unchanged.
    """
    if not isinstance(document, dict) or not all(_is_list(document.get(name)) for name in ("images", "annotations")):
        return document
    for section, fields in WHOLE_FIELDS.items():
        for record in document.get(section) or ():
            record.update({field: _whole(record[field]) for field in fields if field in record})
    for image in document["images"]:
        image.update({name: [_whole(number) for number in image[name]] for name in LISTS if image.get(name)})
        for name in ("coco_url", "flickr_url"):
            image[name] = image.get(name) if isinstance(image.get(name), str) else ""
    for annotation in document["annotations"]:
        if _is_polygons(polygons := annotation.get("segmentation")):
            annotation["segmentation"] = [polygon for polygon in polygons if len(polygon) >= CORNERS]
    if _is_list(document.get("categories")):
        used = {record["category_id"] for record in document["annotations"]}
        document["categories"] = _without_roots(_once(document["categories"], ()), used)
        document["annotations"] = _sound(document)
    return document


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _is_polygons(segmentation: Any) -> bool:
    lists = isinstance(segmentation, list) and all(isinstance(polygon, list) for polygon in segmentation)
    return lists and all({*map(type, polygon)} <= NUMBERS for polygon in segmentation)


def _whole(value: Any) -> Any:
    """The whole number that a string or float represents. Other values are returned unchanged."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    if isinstance(value, bool | int) or not number.is_integer():
        return value
    return int(str(value).strip().split(".")[0]) if isinstance(value, str) else int(number)


def _once(records: list[Record], besides: tuple[str, ...]) -> list[Record]:
    """The records without repeats. Fields in `besides` are ignored in the comparison."""
    seen: dict[str, Record] = {}
    for record in records:
        content = {key: value for key, value in record.items() if key not in besides}
        seen.setdefault(json.dumps(content, sort_keys=True), record)
    return list(seen.values())


def _without_roots(categories: list[Record], used: set[Any]) -> list[Record]:
    kept = []
    for category in categories:
        others = [other for other in categories if other["id"] != category["id"]]
        names = {other.get("supercategory") for other in others}
        names |= {other.get("name") for other in others if other["id"] in used}
        if category["id"] in used or category.get("name") not in names:
            kept.append(category)
    return kept


def _sound(document: Record) -> list[Record]:
    """Annotations whose photo and category are in the document.

    If several annotations are exact duplicates, only the one with the lowest id is kept.
    """
    images = {image["id"] for image in document["images"]}
    categories = {category["id"] for category in document["categories"]}
    listed = [a for a in document["annotations"] if a["image_id"] in images and a["category_id"] in categories]
    boxed: dict[str, list[Record]] = {}
    for annotation in sorted(listed, key=lambda a: a["id"]):
        place = f"{annotation['image_id']} {annotation['category_id']} {annotation.get('bbox')}"
        boxed.setdefault(place, []).append(annotation)
    twice = {
        copy["id"]
        for group in boxed.values()
        if len(group) > 1 and _has_extent(group[0].get("bbox"))
        for first, copy in pairwise(group)
        if all(first.get(key) == copy.get(key) for key in ("iscrowd", "segmentation"))
    }
    return [annotation for annotation in listed if annotation["id"] not in twice]


def _has_extent(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and box[2] != 0 and box[3] != 0
