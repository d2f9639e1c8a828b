"""Rows of every task by hand, and releases of them: a drawing an image, boxes anywhere, no builder."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from cgc_data.answer import Object, build_messages, format_answer
from cgc_data.answer.wording import Reference, ask
from cgc_data.plan.rows import content_id
from cgc_data.release.schema import arrow_schema
from cgc_data.tasks import TASKS, pool_names_image
from cgc_data.tasks.inter.refer import LEFTMOST
from cgc_data.vocabulary import readable
from tests.tiny_release import write_manifest

Row = dict[str, Any]
Box = tuple[int, int, int, int]
INTRA = ("same_object", "difference")
REFERENCE: Box = (600, 600, 900, 900)


def drawing(number: int, size: tuple[int, int] = (96, 64), kind: str = "PNG", mode: str = "RGB") -> bytes:
    """An encoded image, another one for each number."""
    image = Image.new("RGB", size, (37 * number % 256, 91 * number % 256, 200))
    ImageDraw.Draw(image).ellipse((0, 0, size[0] // 2, size[1] // 2), fill=(255, 13 * number % 256, 0))
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, kind)
    return buffer.getvalue()


def made_row(
    task: str = "locate",
    shown: Mapping[int, Sequence[Box]] | None = None,
    *,
    count: int = 3,
    label: str = "dog",
    template: int = 1,
    pool: str = "",
    photo: int = 1,
    size: tuple[int, int] = (96, 64),
    **columns: Any,
) -> Row:
    """A row of `count` images; `shown` has the boxes (0-1000) by number of the image, from 1."""
    shown = {} if shown is None else shown
    contrast = "intra" if task in INTRA else "inter"
    kind = TASKS[f"{contrast}/{task}"]
    relation = LEFTMOST if task == "refer" else ""
    pool = pool or {"absent": "locate"}.get(task, task)
    objects = [Object(k, box, kind.answer_label or label) for k, boxes in shown.items() for box in boxes]
    ref = next(k for k in range(1, count + 1) if k not in shown) if kind.gives_box else None
    reference = Reference(ref, REFERENCE) if ref else None
    image = objects[0].img_idx if pool_names_image(pool) else None
    given: dict[str, Any] = {"ref": reference, "image": image, "relation": relation, "label": kind.answer_label}
    question = ask(pool, template, [readable(label)], count_images=count, **given)
    row = {
        "images": [{"bytes": drawing(photo + k, size), "path": None} for k in range(count)],
        "question": question,
        "query": {
            "labels": [label],
            "img_idx": image,
            "ref_img_idx": ref,
            "ref_bbox": list(REFERENCE) if ref else None,
            "relation": relation,
        },
        "answer_images": [k for k in range(1, count + 1) if k != ref],
        "reference_images": [ref] if ref else [],
        "prompt": build_messages(question, count),
        "answer": format_answer(objects),
        "objects": [
            {
                "img_idx": o.img_idx,
                "bbox_2d": list(o.bbox_2d),
                "bbox_px": [float(v) for v in o.bbox_2d],
                "label": o.label,
                "annotation_id": f"coco-0:{place}",
                "visible": 1.0,
            }
            for place, o in enumerate(objects)
        ],
        "views": [_view(photo + k if contrast == "inter" else photo, k, size) for k in range(count)],
        "contrast": contrast,
        "task": task,
        "distractors": "views" if contrast == "intra" else "decoupled",
        "evidence": [
            {"img_idx": k, "label": label, "source": "coco-0", "warrant": "exhaustive"}
            for k in range(1, count + 1)
            if task not in INTRA and k != ref and k not in shown
        ],
        "template_id": f"{pool}/{template}",
        "tuple_id": f"t{photo}",
        "pair_id": "",
        "difficulty": 0.2,
        "split": "train",
        "composite_license": "",
        **columns,
    }
    return {"id": content_id(row["views"], row["question"], row["answer"]), **row}


def made_difference(shown: Mapping[int, Sequence[Box]], **columns: Any) -> Row:
    """A row that asks what two images do not share, and names no label."""
    query = {"labels": [], "img_idx": None, "ref_img_idx": None, "ref_bbox": None, "relation": ""}
    return made_row("difference", shown, count=2, **{"query": query, **columns})


def _view(photo: int, place: int, size: tuple[int, int]) -> Row:
    part = {
        "source": "coco-0",
        "image_id": photo,
        "file_name": f"{photo:012d}.jpg",
        "license": 4,
        "license_url": "http://creativecommons.org/licenses/by/2.0/",
        "flickr_url": "",
        "annotation_id": "",
        "transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "mask": "",
    }
    return {
        "source": "coco-0",
        "image_id": photo,
        "file_name": f"{photo:012d}.jpg",
        "window": [place, 0, place + size[0], size[1]],
        "width": size[0],
        "height": size[1],
        "role": "target",
        "license": 4,
        "license_url": "http://creativecommons.org/licenses/by/2.0/",
        "flickr_url": "",
        "changes": "none",
        "parts": [part],
        "operations": [],
    }


def some_rows(split: str = "train", photo: int = 1) -> list[Row]:
    """A row or two of every task, of both kinds of distractors, easy and hard."""
    box, other = (100, 100, 400, 500), (500, 500, 900, 900)
    return [
        made_row("locate", {2: [box]}, photo=photo, split=split, difficulty=0.71, pair_id=f"twin-{photo}"),
        made_row("locate", {1: [other]}, count=2, photo=photo + 10, split=split, distractors="hard", difficulty=0.12),
        made_row("locate_all", {1: [box, other], 3: [box]}, photo=photo + 20, split=split, difficulty=0.35),
        made_row("locate_all", {4: [other]}, count=4, photo=photo + 30, label="cat", split=split, difficulty=0.3),
        made_row("absent", photo=photo, label="bicycle", split=split, difficulty=0.55, pair_id=f"twin-{photo}"),
        made_row("same_object", {2: [box]}, count=2, photo=photo + 50, split=split, pair_id=f"both-{photo}"),
        made_row("same_object", {1: [box]}, count=2, photo=photo + 50, split=split, pair_id=f"both-{photo}"),
    ]


def write_release(folder: Path, rows: Sequence[Row], **manifest: Any) -> Path:
    """A finished release of these rows; `manifest` replaces keys of the manifest."""
    shards: dict[str, list[Row]] = {}
    for row in rows:
        shards.setdefault(f"{row['contrast']}/{row['split']}-00000-of-00001.parquet", []).append(row)
    for path, content in shards.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(content, schema=arrow_schema()), folder / path, row_group_size=16)
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder, **manifest)
    return folder
