"""Removes the parts of raw annotations that the user declared wrong. The manifest of the release lists these parts."""

from collections.abc import Collection
from dataclasses import replace

from cgc_data.validate.protocols import RawFile, Record


def disregard(raw: RawFile, parts: Collection[str]) -> RawFile:
    """The annotation file without the `parts` that the user declared wrong.

    `parts` can contain `masks`, `crowd`, and `duplicates`. Duplicates are annotations with the same photo, category,
    and box; the annotation with the lowest id is kept.
    """
    if not parts:
        return raw
    kept = _first_of_each(raw.annotations) if "duplicates" in parts else raw.annotations
    annotations = {number: _record(record, parts) for number, record in kept.items()}
    of_image: dict[int, list[Record]] = {}
    for record in annotations.values():
        of_image.setdefault(record["image_id"], []).append(record)
    return replace(raw, annotations=annotations, of_image=of_image)


def _record(record: Record, parts: Collection[str]) -> Record:
    changed = dict(record)
    if "masks" in parts:
        changed["segmentation"] = []
    if "crowd" in parts:
        changed["iscrowd"] = 0
    return changed


def _first_of_each(annotations: dict[int, Record]) -> dict[int, Record]:
    first: dict[tuple[object, ...], int] = {}
    for number in sorted(annotations):
        record = annotations[number]
        first.setdefault((record["image_id"], record["category_id"], _box(record)), number)
    return {number: annotations[number] for number in sorted(first.values())}


def _box(record: Record) -> object:
    try:
        return tuple(map(float, record["bbox"]))
    except (KeyError, TypeError, ValueError):
        return str(record.get("bbox"))
