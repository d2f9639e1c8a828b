"""A small valid release with its raw sources, computed by hand from drawn rectangles: for tests that corrupt it.

Nine photos in a COCO and an LVIS file, every task, two splits. The boxes below are all there is to know.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.answer.wording import Reference, ask
from cgc_data.release.schema import SCHEMA_VERSION, arrow_schema
from cgc_data.vocabulary import concept_of, readable
from tests.tiny_release import cut_out

Row = dict[str, Any]
WIDTH, HEIGHT = 320, 240
WHOLE = (0, 0, WIDTH, HEIGHT)
COCO, LVIS = "coco-11111111", "lvis-22222222"
CC_BY = {"id": 4, "url": "http://creativecommons.org/licenses/by/2.0/", "name": "Attribution License"}
LABELS = ("giraffe", "frisbee", "apple", "pizza", "elephant", "mammoth")
SYNSETS = {"giraffe": "giraffe.n.01", "pizza": "pizza.n.01"}

# photo -> annotation id -> (label, box in pixels of the photo)
THINGS: dict[int, dict[int, tuple[str, tuple[int, int, int, int]]]] = {
    1: {11: ("giraffe", (40, 40, 140, 160))},
    2: {21: ("frisbee", (60, 50, 160, 130))},
    3: {31: ("apple", (100, 60, 200, 160))},
    4: {41: ("pizza", (30, 30, 130, 110))},
    5: {51: ("elephant", (50, 40, 150, 140))},
    6: {
        61: ("frisbee", (20, 20, 80, 80)),
        62: ("frisbee", (120, 30, 180, 90)),
        63: ("frisbee", (60, 130, 130, 200)),
        64: ("apple", (240, 150, 300, 210)),
    },
    7: {71: ("pizza", (40, 40, 120, 120)), 72: ("pizza", (180, 100, 260, 180))},
    8: {81: ("frisbee", (100, 80, 200, 180))},
    9: {91: ("giraffe", (150, 60, 250, 180))},
}
IN_LVIS, IN_TEST = (7,), (8, 9)

# windows of photo 6 with the size at which they are shown, and their role
NEAR, WIDE = ((10, 0, 190, 100), (360, 200), "focus"), ((0, 0, 200, 220), (400, 440), "context")
RIGHT, CORNER = ((210, 120, 320, 240), (330, 360), "focus"), ((205, 100, 320, 240), (345, 420), "context")


@cache
def photo(number: int, quality: int = 95) -> bytes:
    """JPEG of a photo: cloudy ground with a rectangle a thing."""
    ground = np.random.default_rng(number).integers(0, 256, (9, 12, 3)).astype(np.uint8)
    pixels = cv2.resize(ground, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for annotation, (_, (x1, y1, x2, y2)) in THINGS[number].items():
        colour = tuple(int(v) for v in np.random.default_rng(annotation).integers(0, 256, 3))
        cv2.rectangle(pixels, (x1, y1), (x2 - 1, y2 - 1), colour, -1)
    return encode(pixels, quality)


def encode(pixels: Any, quality: int = 95) -> bytes:
    """JPEG bytes of BGR pixels."""
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


@cache
def cut(content: bytes, window: tuple[int, int, int, int], size: tuple[int, int]) -> bytes:
    """JPEG of a window of a photo at some size."""
    x1, y1, x2, y2 = window
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[y1:y2, x1:x2]
    return encode(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), 92)


def make_row(
    contrast: str,
    task: str,
    label: str,
    shown: list[Any],
    *,
    template: str,
    tuple_id: str,
    pair_id: str = "",
    split: str = "train",
    asked: tuple[int, int] | None = None,
) -> Row:
    """One row. `shown`: photo numbers, or windows of photo 6; `asked`: reference image and annotation."""
    views = [_view(item, contrast) for item in shown]
    objects = [o for number, view in enumerate(views, 1) for o in _objects(view, number, label)]
    if asked:
        objects = [o for o in objects if o["annotation_id"].endswith(f":{asked[1]}")]
        reference = next(o for o in objects if o["img_idx"] == asked[0])
        objects.remove(reference)
    for number, view in enumerate(views, 1):
        if contrast == "inter":
            view["role"] = "target" if any(o["img_idx"] == number for o in objects) else "distractor"
    numbers = [number for number in range(1, len(views) + 1) if not any(o["img_idx"] == number for o in objects)]
    pool, _, number = template.partition("/")
    given = Reference(asked[0], tuple(reference["bbox_2d"])) if asked else None
    image = objects[0]["img_idx"] if asked else None
    names = [readable(concept_of(label))]
    question = ask(pool or "locate", int(number or 0), names, count_images=len(views), ref=given, image=image)
    shares = [(o["bbox_px"][2] - o["bbox_px"][0]) * (o["bbox_px"][3] - o["bbox_px"][1]) for o in objects]
    sizes = [views[o["img_idx"] - 1]["width"] * views[o["img_idx"] - 1]["height"] for o in objects]
    small = 1 - min(1, min((s / v) ** 0.5 for s, v in zip(shares, sizes, strict=True)) / 0.5) if objects else 0.5
    row = {
        "images": [_pixels(view, contrast) for view in views],
        "question": question,
        "query": {
            "labels": [label],
            "img_idx": image,
            "ref_img_idx": asked[0] if asked else None,
            "ref_bbox": reference["bbox_2d"] if asked else None,
            "relation": "",
        },
        "answer_images": [number for number in range(1, len(views) + 1) if not asked or number != asked[0]],
        "reference_images": [asked[0]] if asked else [],
        "objects": objects,
        "views": views,
        "contrast": contrast,
        "task": task,
        "distractors": "decoupled" if contrast == "inter" else "views",
        "evidence": [] if asked else [_claim(number, views[number - 1], label, contrast) for number in numbers],
        "template_id": template,
        "tuple_id": tuple_id,
        "pair_id": pair_id,
        "difficulty": round(((len(views) - 2) / 4 + (0.0 if contrast == "inter" else 0.5) + small) / 3, 4),
        "split": split,
        "composite_license": "",
    }
    return finish(row)


def finish(row: Row) -> Row:
    """Answer, prompt and id of a row from the rest of it."""
    entries = [{key: o[key] for key in ("img_idx", "bbox_2d", "label")} for o in row["objects"]]
    entries.sort(key=lambda e: (e["img_idx"], e["bbox_2d"][1], e["bbox_2d"][0]))
    parts = []
    for number in range(1, len(row["views"]) + 1):
        parts += [{"type": "text", "text": f"\nImage {number}: "}, {"type": "image", "text": None}]
    row["prompt"] = [{"role": "user", "content": [*parts, {"type": "text", "text": "\n" + row["question"]}]}]
    row["answer"] = json.dumps(entries)
    content = json.dumps([row["views"], row["question"], row["answer"]])
    row["id"] = hashlib.sha256(content.encode()).hexdigest()[:16]
    return row


def rows() -> list[Row]:
    """All rows of the release."""
    found = [
        make_row("inter", "locate", "giraffe", [1, 2], template="locate/1", tuple_id="t1", pair_id="p1"),
        make_row("inter", "locate", "frisbee", [1, 2], template="locate/0", tuple_id="t1"),
        make_row("inter", "absent", "giraffe", [3, 2], template="locate/1", tuple_id="t2", pair_id="p1"),
        make_row("inter", "locate", "apple", [3, 2], template="locate/2", tuple_id="t2"),
        make_row("inter", "locate", "frisbee", [2, 3], template="locate/2", tuple_id="t2"),
        make_row("inter", "locate_all", "pizza", [1, 7], template="locate_all/0", tuple_id="t3"),
        make_row("inter", "locate", "giraffe", [7, 1], template="locate/0", tuple_id="t3"),
        make_row("inter", "locate", "elephant", [5, 4], template="locate/3", tuple_id="t4"),
        make_row("inter", "locate", "pizza", [5, 4], template="locate/1", tuple_id="t4"),
        make_row("intra", "locate_all", "frisbee", [NEAR, WIDE], template="locate_all/2", tuple_id="w1", pair_id="p2"),
        make_row("intra", "absent", "frisbee", [CORNER, RIGHT], template="locate_all/2", tuple_id="w2", pair_id="p2"),
        make_row("intra", "locate_all", "apple", [CORNER, RIGHT], template="locate_all/1", tuple_id="w2"),
    ]
    for asked, template in ((1, "same_object/0"), (2, "same_object/1")):
        found.append(
            make_row(
                "intra", "same_object", "frisbee", [NEAR, WIDE], template=template, tuple_id="w1", pair_id="p3",
                asked=(asked, 61),
            )
        )  # fmt: skip
    found.append(make_row("inter", "locate", "frisbee", [8, 9], template="locate/0", tuple_id="t5", split="test"))
    found.append(make_row("inter", "locate", "giraffe", [8, 9], template="locate/1", tuple_id="t5", split="test"))
    return found


class MiniRelease:
    """The release in `folder/release`, its sources in `folder`; each write keeps the manifest right."""

    def __init__(self, folder: Path) -> None:
        self.rows_per_group = 1000
        self.folder, self.release = folder, folder / "release"
        self.photos = folder / "photos"
        self.photos.mkdir(parents=True)
        for number in THINGS:
            (self.photos / file_name(number)).write_bytes(photo(number))
        (folder / "coco.json").write_text(json.dumps(coco()))
        (folder / "lvis.json").write_text(json.dumps(lvis()))
        self.rows = rows()
        self.manifest: dict[str, Any] = {"exclusions": {"photos": [], "files": []}, "config": {}}
        self.write()

    def row(self, task: str, label: str = "", contrast: str = "", **more: Any) -> Row:
        """The first row of this kind."""
        wanted = {"task": task, **({"contrast": contrast} if contrast else {}), **more}
        return next(
            row
            for row in self.rows
            if label in ("", row["query"]["labels"][0]) and all(row[key] == value for key, value in wanted.items())
        )

    def write(self) -> None:
        """Shards and manifest from `rows` and `manifest`."""
        for old in self.release.rglob("*.parquet"):
            old.unlink()
        shards = []
        for contrast, split in sorted({(row["contrast"], row["split"]) for row in self.rows}):
            inside = [row for row in self.rows if (row["contrast"], row["split"]) == (contrast, split)]
            path = self.release / contrast / f"{split}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(
                pa.Table.from_pylist(inside, schema=arrow_schema()), path, row_group_size=self.rows_per_group
            )
            shards.append({"path": path.relative_to(self.release).as_posix(), "rows": len(inside), **_seal(path)})
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "name": "mini",
            "created_with": {},
            "sources": self._sources(),
            "image_mode": "embed",
            "shards": shards,
            "files": {},
            "counts": _counts(self.rows),
            **self.manifest,
        }
        (self.release / "manifest.json").write_text(json.dumps(manifest))

    def edit_source(self, kind: str, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change an annotation file, and the release's record of it."""
        path = self.folder / f"{kind}.json"
        content = json.loads(path.read_text())
        edit(content)
        path.write_text(json.dumps(content))
        self.write()

    def _sources(self) -> list[dict[str, Any]]:
        found = []
        for key, kind, exhaustive in ((COCO, "coco", True), (LVIS, "lvis", None)):
            path = self.folder / f"{kind}.json"
            entry = {"key": key, "kind": kind, "annotations": str(path), "images": str(self.photos), **_seal(path)}
            found.append({**entry, "exhaustive": exhaustive, "split": "auto"})
        return found


def file_name(number: int) -> str:
    """COCO's name of a photo."""
    return f"{number:012d}.jpg"


def polygon(box: tuple[int, int, int, int]) -> list[list[int]]:
    """Segmentation of a rectangle."""
    x1, y1, x2, y2 = box
    return [[x1, y1, x2, y1, x2, y2, x1, y2]]


def annotation(number: int, image: int, category: int, box: tuple[int, int, int, int]) -> dict[str, Any]:
    """A COCO annotation of a rectangle."""
    x1, y1, x2, y2 = box
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1),
        "segmentation": polygon(box),
        "iscrowd": 0,
    }


def coco() -> dict[str, Any]:
    """The COCO file: all photos but LVIS's."""
    numbers = [number for number in THINGS if number not in IN_LVIS]
    return {
        "licenses": [CC_BY],
        "images": [_image(number) | {"file_name": file_name(number)} for number in numbers],
        "categories": [{"id": 10 + i, "name": name} for i, name in enumerate(LABELS)],
        "annotations": [
            annotation(key, number, 10 + LABELS.index(label), box)
            for number in numbers
            for key, (label, box) in THINGS[number].items()
        ],
    }


def lvis() -> dict[str, Any]:
    """The LVIS file: the other photos, giraffes verified absent."""
    names = list(SYNSETS)
    lists = {"neg_category_ids": [1 + names.index("giraffe")], "not_exhaustive_category_ids": []}
    annotations = [
        annotation(key, number, 1 + names.index(label), box)
        for number in IN_LVIS
        for key, (label, box) in THINGS[number].items()
    ]
    return {
        "licenses": [CC_BY],
        "images": [_image(number) | lists for number in IN_LVIS],
        "categories": [{"id": 1 + i, "name": name, "synset": SYNSETS[name]} for i, name in enumerate(names)],
        "annotations": [{k: v for k, v in entry.items() if k != "iscrowd"} for entry in annotations],
    }


def _image(number: int) -> dict[str, Any]:
    folder = "val2017" if number in IN_TEST else "train2017"
    url = f"http://images.cocodataset.org/{folder}/{file_name(number)}"
    return {"id": number, "width": WIDTH, "height": HEIGHT, "license": 4, "coco_url": url, "flickr_url": ""}


def _view(item: Any, contrast: str) -> Row:
    number, window, size, role = (item, WHOLE, (WIDTH, HEIGHT), "") if contrast == "inter" else (6, *item)
    part = {
        "source": LVIS if number in IN_LVIS else COCO,
        "image_id": number,
        "file_name": file_name(number),
        "license": 4,
        "license_url": CC_BY["url"],
        "flickr_url": "",
        "annotation_id": "",
        "transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "mask": "",
    }
    return {
        "source": LVIS if number in IN_LVIS else COCO,
        "image_id": number,
        "file_name": file_name(number),
        "window": list(window),
        "width": size[0],
        "height": size[1],
        "role": role,
        "license": 4,
        "license_url": CC_BY["url"],
        "flickr_url": "",
        "changes": "none" if contrast == "inter" else "cropped and resized",
        "parts": [part],
        "operations": [] if contrast == "inter" else cut_out(window, size),
    }


def _objects(view: Row, number: int, label: str) -> list[Row]:
    x1, y1, x2, y2 = view["window"]
    across, down = view["width"] / (x2 - x1), view["height"] / (y2 - y1)
    found = []
    for key, (name, box) in THINGS[view["image_id"]].items():
        if name == label and box[0] >= x1 and box[1] >= y1 and box[2] <= x2 and box[3] <= y2:
            pixels = [(box[0] - x1) * across, (box[1] - y1) * down, (box[2] - x1) * across, (box[3] - y1) * down]
            scale = (1000 / view["width"], 1000 / view["height"]) * 2
            found.append(
                {
                    "img_idx": number,
                    "bbox_2d": [round(v * s) for v, s in zip(pixels, scale, strict=True)],
                    "bbox_px": pixels,
                    "label": label,
                    "annotation_id": f"{view['source']}:{key}",
                    "visible": 1.0,
                }
            )
    return found


def _claim(number: int, view: Row, label: str, contrast: str) -> Row:
    warrant = "outside_window" if contrast == "intra" else "negative" if view["source"] == LVIS else "exhaustive"
    return {"img_idx": number, "label": label, "source": view["source"], "warrant": warrant}


def _pixels(view: Row, contrast: str) -> Row:
    content = photo(view["image_id"])
    size = (view["width"], view["height"])
    return {"bytes": content if contrast == "inter" else cut(content, tuple(view["window"]), size), "path": None}


def _seal(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _counts(found: list[Row]) -> dict[str, Any]:
    sizes: dict[str, Counter[str]] = {}
    for row in found:
        sizes.setdefault(row["contrast"], Counter())[str(len(row["views"]))] += 1
    return {
        "total": len(found),
        "by_split": Counter(row["split"] for row in found),
        "by_task": Counter(f"{row['contrast']}/{row['task']}" for row in found),
        "by_category": Counter(row["query"]["labels"][0] for row in found),
        "by_num_images": sizes,
    }
