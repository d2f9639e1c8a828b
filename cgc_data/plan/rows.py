"""From a planned question to a row of the release, without pixels: boxes mapped to the views, text, answer, id."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from cgc_data.answer import build_messages, format_answer
from cgc_data.answer.wording import Reference, ask
from cgc_data.geometry import ThousandBox, Window, map_box_to_view, to_thousand
from cgc_data.index.build import Index
from cgc_data.masks import Box
from cgc_data.release.rows import ObjectRow, Row, ViewRow, answer_objects
from cgc_data.release.schema import Split
from cgc_data.tasks import DISTRACTORS, Task

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class View:
    """One image that is shown: a window of a photo, at some size in pixels."""

    photo: int
    window: Window
    width: int
    height: int
    role: str


@dataclass(frozen=True)
class Shown:
    """An instance in the answer: the view it is in (0-based), its box in photo pixels, its visible share."""

    view: int
    instance: int
    box: Box
    share: float


@dataclass(frozen=True)
class Missing:
    """A claim that a view (0-based) does not show the asked concept, and what warrants it."""

    view: int
    source: str
    warrant: str


@dataclass(frozen=True)
class Question:
    """One planned sample: what is asked about which views, and what is true."""

    task: Task
    split: Split
    pool: str
    template: int
    concept: int
    views: tuple[View, ...]
    shown: tuple[Shown, ...]
    missing: tuple[Missing, ...]
    distractors: str
    tuple_id: str
    pair_id: str = ""
    form: str = ""  # file format of its photos, if the release has several and shows them whole
    reference: Shown | None = field(default=None)

    def reordered(self, order: Sequence[int]) -> "Question":
        """The same question with view order[i] shown in place i."""
        place = {old: new for new, old in enumerate(order)}
        reference = self.reference and replace(self.reference, view=place[self.reference.view])
        return replace(
            self,
            views=tuple(self.views[old] for old in order),
            shown=tuple(replace(s, view=place[s.view]) for s in self.shown),
            missing=tuple(sorted((replace(m, view=place[m.view]) for m in self.missing), key=lambda m: m.view)),
            reference=reference,
        )


@dataclass(frozen=True)
class Family:
    """Questions that belong together: rendered together or rejected together."""

    questions: tuple[Question, ...]
    photos: tuple[int, ...]

    @property
    def absent(self) -> int:
        """How many of the answers are the empty list."""
        return sum(question.task.answer == "empty" for question in self.questions)


def set_name(parts: Iterable[object]) -> str:
    """Name of a set of photos or windows, whatever their order: 12 hexadecimal digits."""
    return hashlib.sha256("\n".join(sorted(str(part) for part in parts)).encode()).hexdigest()[:12]


def draw_order(weights: Mapping[Choice, float], rng: np.random.Generator) -> list[Choice]:
    """What has a positive weight, the first drawn by weight and so on: what to try, in this order."""
    choices = [choice for choice, weight in weights.items() if weight > 0]
    shares = np.array([weights[choice] for choice in choices])
    drawn = rng.choice(len(choices), size=len(choices), replace=False, p=shares / shares.sum())
    return [choices[place] for place in drawn.tolist()]


def box_in_view(view: View, box: Box) -> Box:
    """Box in photo pixels, cut to the view's window, in pixels of the view."""
    x1, y1, x2, y2 = (float(v) for v in map_box_to_view(box, view.window, view.width, view.height))
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(view.width)), min(y2, float(view.height))


def thousand_in_view(view: View, box: Box) -> ThousandBox:
    """Box in photo pixels as integers 0-1000 of the view."""
    return to_thousand(box_in_view(view, box), view.width, view.height)


def make_row(index: Index, question: Question) -> Row:
    """Row of the release, whose images are not rendered yet."""
    name = index.names[index.concepts[question.concept]]
    objects = sorted((_object(index, question, shown, name.singular) for shown in question.shown), key=_reading_order)
    reference = _reference(question)
    text = ask(
        question.pool,
        question.template,
        name,
        count_images=len(question.views),
        ref=reference,
    )
    views = [_view(index, view) for view in question.views]
    answer = format_answer(answer_objects(objects))
    return {
        "id": content_id(views, text, answer),
        "images": [],
        "question": text,
        "query": {
            "labels": [name.singular],
            "ref_img_idx": reference and reference.image,
            "ref_bbox": reference and list(reference.box),
        },
        "prompt": build_messages(text, len(question.views)),
        "answer": answer,
        "objects": objects,
        "views": views,
        "contrast": question.task.contrast.name,
        "task": question.task.name,
        "distractors": question.distractors,
        "evidence": [
            {"img_idx": m.view + 1, "label": name.singular, "source": m.source, "warrant": m.warrant}
            for m in question.missing
        ],
        "template_id": f"{question.pool}/{question.template}",
        "tuple_id": question.tuple_id,
        "pair_id": question.pair_id,
        "difficulty": difficulty(question),
        "split": question.split,
    }


def content_id(shown: Sequence[ViewRow], question: str, answer: str) -> str:
    """First 16 hexadecimal digits of the sha256 of what is shown, asked and true."""
    views = [[v["source"], v["image_id"], v["window"], v["width"], v["height"]] for v in shown]
    content = json.dumps([views, question, answer], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def difficulty(question: Question) -> float:
    """0 easy to 1 hard: mean of how many images, how alike the scenes, how small the smallest object is in its view."""
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
    box = thousand_in_view(question.views[view], question.reference.box)
    return Reference(view + 1, box, question.shown[0].view + 1)


def _reading_order(entry: ObjectRow) -> tuple[int, int, int]:
    return entry["img_idx"], entry["bbox_2d"][1], entry["bbox_2d"][0]


def _object(index: Index, question: Question, shown: Shown, label: str) -> ObjectRow:
    view = question.views[shown.view]
    source, row = int(index.instances.source[shown.instance]), int(index.instances.row[shown.instance])
    table = index.tables[source]
    return {
        "img_idx": shown.view + 1,
        "bbox_2d": list(thousand_in_view(view, shown.box)),
        "bbox_px": [round(v, 3) for v in box_in_view(view, shown.box)],
        "label": label,
        "annotation_id": f"{table.key}:{table.annotations.column('annotation_id')[row].as_py()}",
        "visible": round(shown.share, 4),
    }


def _view(index: Index, view: View) -> ViewRow:
    photo, window = index.photos[view.photo], view.window
    whole = (
        (window.x1, window.y1, window.x2, window.y2)
        == (0, 0, view.width, view.height)
        == (
            0,
            0,
            photo.width,
            photo.height,
        )
    )
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
        "changes": "none" if whole else "cropped and resized",
    }
