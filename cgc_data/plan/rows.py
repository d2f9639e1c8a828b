"""Turns a planned question into a row of the release: the text, the answer, the boxes in view pixels, and the ID. The
images are added later.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from cgc_data.answer import build_messages, format_answer
from cgc_data.answer.wording import Reference, ask
from cgc_data.common.errors import PlanError
from cgc_data.index.build import Index
from cgc_data.licenses import composite_license
from cgc_data.masks import Box
from cgc_data.plan.questions import Pasted, Question, Shown, View, box_in_view, thousand_in_view
from cgc_data.release.operations import changes_of
from cgc_data.release.rows import ObjectRow, PartRow, Row, ViewRow, answer_objects
from cgc_data.tasks import DISTRACTORS

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def make_row(index: Index, question: Question, jpeg_quality: int) -> Row:
    """Make the row of the release for a question, before its images are rendered. `jpeg_quality`: the quality at
    which the images of windows will be encoded.
    """
    names = {concept: index.names[index.concepts[concept]] for concept in question.concepts}
    objects = sorted((_object(index, question, shown) for shown in question.shown), key=_reading_order)
    reference = _reference(question)
    named = None if question.named is None else question.named + 1
    text = ask(
        question.pool,
        question.template,
        list(names.values()),
        count_images=len(question.views),
        ref=reference,
        image=named,
        relation=question.relation,
        label=question.written_label,
    )
    views = [_view(index, view, jpeg_quality) for view in question.views]
    answer = format_answer(answer_objects(objects))
    return {
        "id": content_id(views, text, answer),
        "images": [],
        "question": text,
        "query": {
            "labels": [name.singular for name in names.values()],
            "img_idx": named,
            "ref_img_idx": reference and reference.image,
            "ref_bbox": list(reference.box) if reference and reference.box else None,
            "relation": question.relation,
        },
        "answer_images": [n for n in range(1, len(views) + 1) if n - 1 not in question.reference_views],
        "reference_images": [view + 1 for view in question.reference_views],
        "prompt": build_messages(text, len(question.views)),
        "answer": answer,
        "objects": objects,
        "views": views,
        "contrast": question.task.contrast.name,
        "task": question.task.name,
        "distractors": question.distractors,
        "evidence": [
            {"img_idx": m.view + 1, "label": names[m.concept].singular, "source": m.source, "warrant": m.warrant}
            for m in question.missing
        ],
        "template_id": f"{question.pool}/{question.template}",
        "tuple_id": question.tuple_id,
        "pair_id": question.pair_id,
        "difficulty": difficulty(question),
        "split": question.split,
        "composite_license": _composite_license(views),
    }


def _composite_license(views: Sequence[ViewRow]) -> str:
    """License of the views that are composed of several photos; empty if the row has no such view."""
    urls = [part["license_url"] for view in views if len(view["parts"]) > 1 for part in view["parts"]]
    if not urls:
        return ""
    license_url = composite_license(urls)
    if license_url is None:
        raise PlanError(
            f"no license permits a single picture that combines photos under {', '.join(sorted(set(urls)))}"
        )
    return license_url


def content_id(shown: Sequence[ViewRow], question: str, answer: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 digest of the images, the question, and the correct answer."""
    views = [
        [
            *(v["source"], v["image_id"], v["window"], v["width"], v["height"]),
            [[p["source"], p["image_id"], p["annotation_id"], p["transform"]] for p in v["parts"]],
            [[o["name"], o["values"]] for o in v["operations"]],
        ]
        for v in shown
    ]
    return hashlib.sha256(_ENCODER.encode([views, question, answer]).encode()).hexdigest()[:16]


def difficulty(question: Question) -> float:
    """Difficulty from 0 (easy) to 1 (hard).

    The difficulty is the mean of three values: one for the number of images, one for the similarity of the scenes, and
    one for how small the smallest object is in its view.
    """
    images = (len(question.views) - 2) / 4
    alike = DISTRACTORS[question.distractors].likeness
    sides = [_side_share(question.views[shown.view], shown.box) for shown in question.shown]
    small = 1.0 - min(min(sides) / 0.5, 1.0) if sides else 0.5
    return round((images + alike + small) / 3, 4)


def _side_share(view: View, box: Box) -> float:
    x1, y1, x2, y2 = box_in_view(view, box)
    return float(np.sqrt((x2 - x1) * (y2 - y1) / (view.width * view.height)))


def _reference(question: Question) -> Reference | None:
    if question.reference is None:
        return None
    view = question.reference.view
    if question.task.gives_image:
        return Reference(view + 1)
    box = thousand_in_view(question.views[view], question.reference.box)
    return Reference(view + 1, box)


def _reading_order(entry: ObjectRow) -> tuple[int, int, int]:
    return entry["img_idx"], entry["bbox_2d"][1], entry["bbox_2d"][0]


def _object(index: Index, question: Question, shown: Shown) -> ObjectRow:
    view = question.views[shown.view]
    return {
        "img_idx": shown.view + 1,
        "bbox_2d": list(thousand_in_view(view, shown.box)),
        "bbox_px": [round(v, 3) for v in box_in_view(view, shown.box)],
        "label": question.written_label or _label(index, shown.instance),
        "annotation_id": annotation_name(index, shown.instance),
        "visible": round(shown.share, 4),
    }


def _label(index: Index, instance: int) -> str:
    return index.names[index.concepts[int(index.instances.concept[instance])]].singular


def _view(index: Index, view: View, jpeg_quality: int) -> ViewRow:
    photo, window = index.photos[view.photo], view.window
    operations = view.steps((photo.width, photo.height), jpeg_quality)
    return {
        "source": index.tables[photo.source].key,
        "image_id": photo.image_id,
        "file_name": photo.file_name,
        "window": [window.x1, window.y1, window.x2, window.y2],
        "width": view.width,
        "height": view.height,
        "role": view.role,
        "license": photo.license,
        "license_url": photo.license_url,
        "flickr_url": photo.flickr_url,
        "changes": changes_of(operations),
        "parts": [_part(index, view.photo), *(_lent(index, part) for part in view.pasted)],
        "operations": [{"name": step.name, "values": list(step.values)} for step in operations],
    }


def _part(index: Index, photo: int) -> PartRow:
    shown = index.photos[photo]
    return {
        "source": index.tables[shown.source].key,
        "image_id": shown.image_id,
        "file_name": shown.file_name,
        "license": shown.license,
        "license_url": shown.license_url,
        "flickr_url": shown.flickr_url,
        "annotation_id": "",
        "transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "mask": "",
    }


def _lent(index: Index, part: Pasted) -> PartRow:
    return {
        **_part(index, part.photo),
        "annotation_id": annotation_name(index, part.instance),
        "transform": list(part.transform),
        "mask": part.mask,
    }


def annotation_name(index: Index, instance: int) -> str:
    """Name of an instance, "<source>:<id in the annotation file>"; empty for -1 (no instance)."""
    if instance < 0:
        return ""
    table = index.tables[int(index.instances.source[instance])]
    number = table.annotations.column("annotation_id")[int(index.instances.row[instance])].as_py()
    return f"{table.key}:{number}"
