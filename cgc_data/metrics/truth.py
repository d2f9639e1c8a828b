"""The question and the ground truth of a row, which suffice to score an answer. The images are not needed."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypedDict

from cgc_data.answer import Object
from cgc_data.common.errors import ReleaseError
from cgc_data.release.rows import ObjectRow, Query, ViewRow, answer_objects
from cgc_data.tasks import TASKS, Task, task_of

Box: TypeAlias = tuple[float, float, float, float]


class TruthRow(TypedDict):
    """The columns of a row that scoring needs."""

    id: str
    contrast: str
    task: str
    query: Query
    objects: list[ObjectRow]
    views: list[ViewRow]
    pair_id: str
    difficulty: float


COLUMNS = tuple(TruthRow.__annotations__)


@dataclass(frozen=True)
class Truth:
    """The ground truth of one row, and the parts of its question that scoring needs.

    Attributes:
        id: id of the row.
        contrast: contrast of the row.
        task: task of the row, within its contrast.
        num_images: number of images shown.
        objects: the ground-truth objects; empty if the correct answer is the empty list.
        labels: requested names.
        img_idx: 1-based number of the image that contains the answer, if the question names this image; otherwise None.
        ref_img_idx: 1-based number of the image with the reference box; None if the question has no reference box.
        ref_bbox: the reference box in the question, as (x1, y1, x2, y2) with values from 0 to 1000.
        safe_images: 1-based numbers of the images that do not contain an object of the answer, such as the image with
            the reference box. A box in such an image is leakage.
        photos: sources and ids of the displayed photos, sorted; rows with the same photos form a cluster.
        pair_id: an id shared by both directions of a question, or by a row and its twin (a question with the same label
            and wording, but an empty answer).
        difficulty: from 0 (easy) to 1 (hard).
    """

    id: str
    contrast: str
    task: str
    num_images: int
    objects: tuple[Object, ...]
    labels: tuple[str, ...]
    img_idx: int | None
    ref_img_idx: int | None
    ref_bbox: Box | None
    safe_images: frozenset[int]
    photos: str
    pair_id: str
    difficulty: float

    @property
    def task_id(self) -> str:
        """The contrast and the task, such as `inter/locate_all`."""
        return f"{self.contrast}/{self.task}"

    @cached_property
    def use_label(self) -> bool:
        """Whether a box must have the right label to match an object. Labels matter only if the question requests
        several labels by name.
        """
        return len(self.labels) > 1 and not self._fixed_label

    @property
    def written_label(self) -> str:
        """The label to write in an answer: the fixed label of the task, if any, or the first requested label."""
        return self._fixed_label or self.labels[0]

    @property
    def _fixed_label(self) -> str:
        return self.kind.written_label(names_image=self.names_image) if self.kind else ""

    @cached_property
    def nowhere(self) -> tuple[str, ...]:
        """Requested labels that no image shows. Empty unless the question requests several labels and some image shows
        one of them.
        """
        if not self.use_label or not self.objects or self.kind is None or not self.kind.claims:
            return ()
        found = {item.label for item in self.objects}
        return tuple(label for label in self.labels if label not in found)

    @cached_property
    def kind(self) -> Task | None:
        """The declaration of the row's task; None if the task is unknown."""
        return TASKS.get(self.task_id)

    @property
    def one_object(self) -> bool:
        """Whether the question asks for one object, and the answer is not empty."""
        return len(self.objects) == 1 and self._asks_for_one

    @property
    def _asks_for_one(self) -> bool:
        return self.kind is not None and self.kind.answer_to(names_image=self.names_image) == "one"

    @property
    def names_image(self) -> bool:
        """Whether the question states in which image the answer is."""
        return self.img_idx is not None

    @property
    def both_ways(self) -> bool:
        """Whether the other row of the pair asks for the box that this row uses as its reference box."""
        return self.kind is not None and self.kind.both_ways and self.num_images == 2

    @cached_property
    def is_track(self) -> bool:
        """Whether the question follows one object through all images."""
        return self.kind is not None and self.kind.both_ways and self.num_images > 2 and not self.names_image

    @cached_property
    def true_images(self) -> frozenset[int]:
        """1-based numbers of the images that show the requested objects."""
        return frozenset(item.img_idx for item in self.objects)


def truth_of(row: TruthRow) -> Truth:
    """The ground truth of a row (columns other than `COLUMNS` are ignored).

    Raises ReleaseError, which names the row, if one of its objects is invalid.
    """
    try:
        objects = tuple(answer_objects(row["objects"]))
    except (TypeError, ValueError) as error:
        raise ReleaseError(f"row {row['id']}: {error}; build or download the release again") from None
    query, task, count = row["query"], task_of(row), len(row["views"])
    return Truth(
        id=row["id"],
        contrast=task.contrast.name,
        task=task.name,
        num_images=count,
        objects=objects,
        labels=tuple(query["labels"]),
        img_idx=query["img_idx"],
        ref_img_idx=query["ref_img_idx"],
        ref_bbox=_box(query["ref_bbox"]) if query["ref_bbox"] else None,
        safe_images=frozenset(range(1, count + 1)) - {item.img_idx for item in objects},
        photos=",".join(sorted({f"{p['source']}:{p['image_id']}" for view in row["views"] for p in view["parts"]})),
        pair_id=row["pair_id"],
        difficulty=float(row["difficulty"]),
    )


def _box(values: list[int]) -> Box:
    x1, y1, x2, y2 = values
    return (x1, y1, x2, y2)
