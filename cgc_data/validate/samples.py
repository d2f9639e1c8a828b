"""The rows of a release as plain objects, so that the code of each check reads like the rule that it checks.

Reading a malformed row raises ValueError; no value is repaired.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cgc_data.answer.prompt import Message
from cgc_data.release.rows import Evidence, ObjectRow, PartRow, Row, ViewRow
from cgc_data.tasks import Task, task_named

Box = tuple[float, float, float, float]
Rectangle = tuple[int, int, int, int]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Part:
    """A photo that contributes to a view.

    The first part is the photo of the view. Every other part is a photo from which an object was cut and pasted
    into the view.
    """

    source: str
    image_id: int
    file_name: str
    license: int
    license_url: str
    flickr_url: str
    annotation_id: str
    transform: tuple[float, ...]  # a, b, c, d, e, f: maps x, y to ax + by + c, dx + ey + f in the first part, pixels
    mask: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One step in making the image from its parts."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class View:
    """One displayed image.

    `window` is x1, y1, x2, y2 in pixels of the photo, where x2 and y2 are exclusive.
    """

    source: str
    image_id: int
    file_name: str
    window: Rectangle
    width: int
    height: int
    role: str
    license: int
    license_url: str
    flickr_url: str
    changes: str
    parts: tuple[Part, ...]
    operations: tuple[Operation, ...]

    @property
    def pixels(self) -> Rectangle:
        """The view's frame."""
        return (0, 0, self.width, self.height)

    def place(self, box: Box) -> Box:
        """Convert a box from pixels of the photo to pixels of the view."""
        x1, y1, x2, y2 = self.window
        across, down = self.width / (x2 - x1), self.height / (y2 - y1)
        return ((box[0] - x1) * across, (box[1] - y1) * down, (box[2] - x1) * across, (box[3] - y1) * down)

    def thousand(self, box: Box) -> Box:
        """Convert a box from pixels of the view to the 0-1000 scale, without rounding."""
        across, down = 1000 / self.width, 1000 / self.height
        return (box[0] * across, box[1] * down, box[2] * across, box[3] * down)


@dataclass(frozen=True, slots=True)
class Target:
    """One object of the answer."""

    img_idx: int
    bbox: Rectangle
    bbox_px: Box
    label: str
    annotation_id: str
    visible: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A row's statement that a view contains no object with this label. `warrant` states the proof."""

    img_idx: int
    label: str
    source: str
    warrant: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One row."""

    id: str
    shard: str
    images: tuple[bytes, ...]
    question: str
    labels: tuple[str, ...]
    img_idx: int | None
    ref_img_idx: int | None
    ref_bbox: Rectangle | None
    relation: str
    answer_images: tuple[int, ...]
    reference_images: tuple[int, ...]
    prompt: tuple[Message, ...]
    answer: str
    objects: tuple[Target, ...]
    views: tuple[View, ...]
    contrast: str
    task: str
    distractors: str
    evidence: tuple[Claim, ...]
    template_id: str
    tuple_id: str
    pair_id: str
    difficulty: float
    split: str
    composite_license: str

    @property
    def kind(self) -> Task:
        """The declared task.

        Raises ReleaseError if the task is unknown. The form check runs first and rejects rows with an unknown task.
        """
        return task_named(self.contrast, self.task)

    @property
    def label(self) -> str:
        """The first label of the question. If the question has no labels, this is `written_label`."""
        return self.labels[0] if self.labels else self.written_label

    @property
    def written_label(self) -> str:
        """The fixed label that every object in the answer has; "" if the question names the label."""
        return self.kind.written_label(names_image=self.img_idx is not None)

    def view(self, img_idx: int) -> View:
        """View by its 1-based number."""
        return self.views[img_idx - 1]

    def targets(self, img_idx: int, label: str) -> tuple[Target, ...]:
        """The objects of the answer that are in this view and have this label."""
        written = self.written_label or label
        return tuple(t for t in self.objects if t.img_idx == img_idx and t.label == written)


def read_sample(row: Row, shard: str) -> Sample:
    """Convert a row of a shard to a Sample. Raises ValueError if a value is missing or has the wrong type."""
    try:
        return _read(row, shard)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"a value of the row is missing or has the wrong type ({error})") from None


def _read(row: Row, shard: str) -> Sample:
    query = row["query"]
    return Sample(
        id=_filled(row["id"]),
        shard=shard,
        images=tuple(_filled(image["bytes"]) for image in row["images"]),
        question=_filled(row["question"]),
        labels=_all_filled(query["labels"]),
        img_idx=query["img_idx"],
        ref_img_idx=query["ref_img_idx"],
        ref_bbox=None if query["ref_bbox"] is None else _rectangle(query["ref_bbox"]),
        relation=_filled(query["relation"]),
        answer_images=_all_filled(row["answer_images"]),
        reference_images=_all_filled(row["reference_images"]),
        prompt=_all_filled(row["prompt"]),
        answer=_filled(row["answer"]),
        objects=tuple(_target(entry) for entry in row["objects"]),
        views=tuple(_view(entry) for entry in row["views"]),
        contrast=_filled(row["contrast"]),
        task=_filled(row["task"]),
        distractors=_filled(row["distractors"]),
        evidence=tuple(_claim(entry) for entry in row["evidence"]),
        template_id=_filled(row["template_id"]),
        tuple_id=_filled(row["tuple_id"]),
        pair_id=_filled(row["pair_id"]),
        difficulty=_filled(row["difficulty"]),
        split=_filled(row["split"]),
        composite_license=_filled(row["composite_license"]),
    )


def _filled(value: Value | None) -> Value:
    if value is None:
        raise TypeError("null instead of a value")
    return value


def _all_filled(values: Iterable[Value | None]) -> tuple[Value, ...]:
    return tuple(_filled(value) for value in values)


def _claim(entry: Evidence) -> Claim:
    return Claim(
        img_idx=_filled(entry["img_idx"]),
        label=_filled(entry["label"]),
        source=_filled(entry["source"]),
        warrant=_filled(entry["warrant"]),
    )


def _rectangle(values: Sequence[int]) -> Rectangle:
    if len(values) != 4:
        raise ValueError(f"{list(values)} is not a box of four numbers")
    return (int(values[0]), int(values[1]), int(values[2]), int(values[3]))


def _target(entry: ObjectRow) -> Target:
    pixels = [float(value) for value in entry["bbox_px"]]
    if len(pixels) != 4:
        raise ValueError(f"{pixels} is not a box of four numbers")
    return Target(
        img_idx=_filled(entry["img_idx"]),
        bbox=_rectangle(entry["bbox_2d"]),
        bbox_px=(pixels[0], pixels[1], pixels[2], pixels[3]),
        label=_filled(entry["label"]),
        annotation_id=_filled(entry["annotation_id"]),
        visible=float(entry["visible"]),
    )


def _view(entry: ViewRow) -> View:
    return View(
        source=_filled(entry["source"]),
        image_id=_filled(entry["image_id"]),
        file_name=_filled(entry["file_name"]),
        window=_rectangle(entry["window"]),
        width=_filled(entry["width"]),
        height=_filled(entry["height"]),
        role=_filled(entry["role"]),
        license=-1 if entry["license"] is None else entry["license"],
        license_url=_filled(entry["license_url"]),
        flickr_url=_filled(entry["flickr_url"]),
        changes=_filled(entry["changes"]),
        parts=tuple(map(_part, entry["parts"])),
        operations=tuple(Operation(_filled(step["name"]), _all_filled(step["values"])) for step in entry["operations"]),
    )


def _part(entry: PartRow) -> Part:
    return Part(
        source=_filled(entry["source"]),
        image_id=_filled(entry["image_id"]),
        file_name=_filled(entry["file_name"]),
        license=-1 if entry["license"] is None else entry["license"],
        license_url=_filled(entry["license_url"]),
        flickr_url=_filled(entry["flickr_url"]),
        annotation_id=_filled(entry["annotation_id"]),
        transform=_all_filled(entry["transform"]),
        mask=_filled(entry["mask"]),
    )
