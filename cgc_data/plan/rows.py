"""From a planned question to a row of the release, without pixels: boxes mapped to the views, text, answer, id."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from cgc_data.answer import build_messages, format_answer
from cgc_data.answer.wording import Reference, ask
from cgc_data.common.errors import PlanError
from cgc_data.geometry import ThousandBox, Window, map_box_to_view, to_thousand
from cgc_data.index.build import Index
from cgc_data.licences import composite_license
from cgc_data.masks import Box
from cgc_data.release.operations import Operation, changes_of, window_operations
from cgc_data.release.rows import ObjectRow, PartRow, Row, ViewRow, answer_objects
from cgc_data.release.schema import Split
from cgc_data.tasks import DISTRACTORS, Task

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Pasted:
    """An object of another photo that is pasted into a view.

    Attributes:
        photo: that lends the object.
        instance: the object.
        transform: a, b, c, d, e, f: x, y of its photo goes to ax + by + c, dx + ey + f of the view's photo, pixels.
        mask: COCO's compressed run lengths over its photo.
    """

    photo: int
    instance: int
    transform: tuple[float, float, float, float, float, float]
    mask: str


@dataclass(frozen=True)
class View:
    """One image that is shown: a window of a photo, at some size in pixels.

    Attributes:
        photo: that is shown.
        window: of it.
        width, height: as shown, pixels.
        role: one of the contrast's, or `REFERENCE`.
        pasted: objects of other photos that are pasted into it.
        operations: how it is made, if not by cropping and resizing alone.
    """

    photo: int
    window: Window
    width: int
    height: int
    role: str
    pasted: tuple[Pasted, ...] = ()
    operations: tuple[Operation, ...] = ()

    @property
    def photos(self) -> tuple[int, ...]:
        """The photos that it shows something of."""
        return (self.photo, *(part.photo for part in self.pasted))


@dataclass(frozen=True)
class Shown:
    """An instance in the answer: the view it is in (0-based), its box in photo pixels, its visible share."""

    view: int
    instance: int
    box: Box
    share: float


@dataclass(frozen=True)
class Missing:
    """A claim that a view (0-based) does not show an asked concept, and what warrants it."""

    view: int
    concept: int
    source: str
    warrant: str


@dataclass(frozen=True)
class Question:
    """One planned sample: what is asked about which views, and what is true.

    Attributes:
        concepts: asked for, in the order in which the question lists them; none if it is about no category.
        shown: the answer.
        form: file format of its photos, if the release has several and shows them whole.
        reference: the object whose box the question gives, or the view that it points at as a whole.
        named: the view (0-based) that the question names as the answer's.
        reference_views: views (0-based) that never hold an answer.
        relation: what tells the object from others of its label.
    """

    task: Task
    split: Split
    pool: str
    template: int
    concepts: tuple[int, ...]
    views: tuple[View, ...]
    shown: tuple[Shown, ...]
    missing: tuple[Missing, ...]
    distractors: str
    tuple_id: str
    pair_id: str = ""
    form: str = ""
    reference: Shown | None = None
    named: int | None = None
    reference_views: tuple[int, ...] = ()
    relation: str = ""

    @property
    def concept(self) -> int:
        """What is asked for, of several the first; -1 for no category."""
        return self.concepts[0] if self.concepts else -1

    @property
    def written_label(self) -> str:
        """What the answer writes as the label, if the question names none."""
        return self.task.written_label(names_image=self.named is not None)

    @property
    def candidates(self) -> int:
        """How many views may hold an answer."""
        return len(self.views) - len(self.reference_views)

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
            named=None if self.named is None else place[self.named],
            reference_views=tuple(sorted(place[view] for view in self.reference_views)),
        )


@dataclass(frozen=True)
class Family:
    """Questions that belong together: rendered together or rejected together."""

    questions: tuple[Question, ...]
    photos: tuple[int, ...]

    @property
    def absent(self) -> int:
        """How many of the answers are the empty list."""
        return sum(not question.shown for question in self.questions)


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


def make_row(index: Index, question: Question, jpeg_quality: int) -> Row:
    """Row of the release, whose images are not rendered yet; windows are to be encoded at `jpeg_quality`."""
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
    """License under which the views that are made of several photos may be used; empty without such views."""
    urls = [part["license_url"] for view in views if len(view["parts"]) > 1 for part in view["parts"]]
    if not urls:
        return ""
    license_url = composite_license(urls)
    if license_url is None:
        raise PlanError(f"no license allows a picture composed of photos under {', '.join(sorted(set(urls)))}")
    return license_url


def content_id(shown: Sequence[ViewRow], question: str, answer: str) -> str:
    """First 16 hexadecimal digits of the sha256 of what is shown, asked and true."""
    views = [
        [
            *(v["source"], v["image_id"], v["window"], v["width"], v["height"]),
            [[p["source"], p["image_id"], p["annotation_id"], p["transform"]] for p in v["parts"]],
            [[o["name"], o["values"]] for o in v["operations"]],
        ]
        for v in shown
    ]
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
    frame = window.x1, window.y1, window.x2, window.y2
    size = view.width, view.height
    whole = not view.operations and frame == (0, 0, *size) == (0, 0, photo.width, photo.height)
    operations = () if whole else view.operations or window_operations(frame, size, jpeg_quality)
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
    """ "<source>:<id in the annotation file>" of an instance; empty for what is none (-1)."""
    if instance < 0:
        return ""
    table = index.tables[int(index.instances.source[instance])]
    number = table.annotations.column("annotation_id")[int(index.instances.row[instance])].as_py()
    return f"{table.key}:{number}"
