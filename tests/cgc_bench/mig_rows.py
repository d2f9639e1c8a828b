"""Small annotation files in MIG-Bench's form."""

import json
from pathlib import Path
from typing import Any

from cgc_bench.mig.items import Item

BOX = [100, 200, 500, 600]


def row(task: str = "common_object", **changes: Any) -> dict[str, Any]:
    images = changes.pop("images", [f"MIG-Bench/images/{task}/a.jpg", f"MIG-Bench/images/{task}/b.jpg"])
    base = {"task": task, "images": images, "question": "Locate it in the 2th image. ", "answer": BOX}
    return {**base, "additional_info": "", "need_format": True, **changes}


def group_row(image: str = "second", **changes: Any) -> dict[str, Any]:
    question = "Find <|object_ref_start|>a red car<|object_ref_end|>."
    return row("group_grounding", question=question, additional_info=f"It is in the {image} image. ", **changes)


def tracking_row(**changes: Any) -> dict[str, Any]:
    question = "The object in the first image(<|box_start|>(10,20),(300,400)<|box_end|>): locate it in the 2th image. "
    return row("object_tracking", question=question, **changes)


def write(folder: Path, rows: list[Any]) -> Path:
    file = folder / "annotations.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    return file


def item(**changes: Any) -> Item:
    fields: dict[str, Any] = {
        "index": "0",
        "task": "common_object",
        "images": ("a.jpg", "b.jpg"),
        "question": "Locate it in the 2th image. ",
        "box": (100, 200, 500, 600),
        "scale": 1000,
        "version": "revised",
        "cluster": "a.jpg",
        "names_image": True,
        "target_image": None,
        "reference": None,
        "need_format": True,
        "fault": "",
    }
    return Item(**{**fields, **changes})
