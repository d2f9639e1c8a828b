"""Types of a release's rows. With these types, a type checker finds misspelled keys.

`cgc_data.release.schema` defines the same columns in the form of Hugging Face features; a test compares the two.
"""

from collections.abc import Iterable
from typing import TypedDict

from cgc_data.answer.objects import Object
from cgc_data.answer.prompt import Message
from cgc_data.geometry import ThousandBox


class StoredImage(TypedDict):
    """An image as stored in Parquet and as composed by `load_reference`."""

    bytes: bytes
    path: str | None


class Query(TypedDict):
    """The content of a question. Image numbers start at 1; a number is None if the question does not state it."""

    labels: list[str]
    img_idx: int | None  # image of the answer, if the question names it
    ref_img_idx: int | None  # image of the reference box, or the image that the question refers to as a whole
    ref_bbox: list[int] | None  # x1, y1, x2, y2 in 0-1000 of that image
    relation: str  # word that distinguishes the object from others with its label, such as "leftmost", or ""


class ObjectRow(TypedDict):
    """One object of the answer."""

    img_idx: int  # 1-based
    bbox_2d: list[int]  # x1, y1, x2, y2 in 0-1000 of the view
    bbox_px: list[float]  # x1, y1, x2, y2, half-open, in pixels of the view as shown
    label: str
    annotation_id: str  # "<source>:<id in the annotation file>"
    visible: float  # fraction of the instance's mask area inside the view, 0-1


def answer_objects(entries: Iterable[ObjectRow]) -> list[Object]:
    """Convert the objects of a row to the objects of an answer. Raises ValueError or TypeError for an invalid box."""
    return [Object(entry["img_idx"], _four(entry["bbox_2d"]), entry["label"]) for entry in entries]


def _four(values: list[int]) -> ThousandBox:
    x1, y1, x2, y2 = values
    return x1, y1, x2, y2


class PartRow(TypedDict):
    """A photo that contributes to a view: the photo that the view shows, or a photo that supplies a pasted object."""

    source: str
    image_id: int
    file_name: str
    license: int | None
    license_url: str
    flickr_url: str
    annotation_id: str  # of the pasted object; "" for the photo
    transform: list[
        float
    ]  # a, b, c, d, e, f: x, y of the part maps to ax + by + c, dx + ey + f of the photo, in pixels
    mask: str  # COCO's compressed run lengths over the part's photo; "" for the photo


class OperationRow(TypedDict):
    """One of the operations that turn the parts of a view into its image."""

    name: str  # of `cgc_data.release.operations.OPERATIONS`
    values: list[float]


class ViewRow(TypedDict):
    """One image that a model sees: an uncropped photo, or a window of a photo."""

    source: str
    image_id: int
    file_name: str
    window: list[int]  # x1, y1, x2, y2, half-open, in pixels of the photo
    width: int  # of the view as shown, pixels
    height: int
    role: str
    license: int | None
    license_url: str
    flickr_url: str
    changes: str
    parts: list[PartRow]  # the photo first
    operations: list[OperationRow]  # in this order; empty for an unchanged photo file


class Evidence(TypedDict):
    """The reason why a view provably does not show a label."""

    img_idx: int  # 1-based
    label: str
    source: str
    warrant: str


class Row(TypedDict):
    """One sample. If a caller requests only some columns, the rows have only the keys of these columns."""

    id: str
    images: list[StoredImage]
    question: str
    query: Query
    answer_images: list[int]  # 1-based: may contain an answer
    reference_images: list[int]  # 1-based: never contain one
    prompt: list[Message]
    answer: str
    objects: list[ObjectRow]
    views: list[ViewRow]
    contrast: str
    task: str
    distractors: str
    evidence: list[Evidence]
    template_id: str
    tuple_id: str
    pair_id: str
    difficulty: float
    split: str
    composite_license: str


class PlannedRow(Row):
    """A row of the plan, before its images are rendered."""

    family: int
    photo_sizes: list[list[int]]  # annotated [width, height] of the photo behind each view, pixels
