"""Types of a release's statistics (stats.json). With these types, a type checker finds misspelled keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import msgspec


class Bins(TypedDict):
    """A histogram. counts[i] is the count for [edges[i], edges[i + 1]). The first and last bins include all values
    beyond the edges.
    """

    edges: list[float]
    counts: list[int]


class Histogram(TypedDict):
    """One histogram per contrast, all with the same edges."""

    edges: list[float]
    counts: dict[str, list[int]]


class LabelCounts(TypedDict):
    """Counts for one label: questions, questions with an empty answer, and objects in answers."""

    rows: int
    absent: int
    objects: int


class LicenseCounts(TypedDict):
    """Numbers of photos and views under one license."""

    license: int | None
    url: str
    photos: int
    views: int


class PhotoCounts(TypedDict):
    """Numbers of distinct photos, and of the views that show them."""

    distinct: int
    by_split: dict[str, int]
    with_flickr_page: int
    views: int
    by_role: dict[str, int]
    most_views_of_one_photo: int


class Example(TypedDict):
    """The first row of a task. `views` is the number of images in the row."""

    id: str
    question: str
    answer: str
    views: int


class Stats(TypedDict):
    """Counts over the rows of a release; keys are names of splits, tasks (`CONTRAST/TASK`), and so on."""

    total: int
    by_split: dict[str, int]
    by_task: dict[str, int]
    by_asked_task: dict[str, int]  # rows by the task whose share they belong to, empty twins included
    by_task_and_split: dict[str, dict[str, int]]
    by_label: dict[str, LabelCounts]  # most asked first
    by_num_images: dict[str, dict[str, int]]  # by contrast, then number of images
    by_num_objects: dict[str, dict[str, int]]
    by_answer_images: dict[str, dict[str, int]]  # sets about photos: by number of images, then of those with an answer
    by_distractors: dict[str, int]
    by_warrant: dict[str, int]
    by_template: dict[str, int]
    target_position: dict[str, dict[str, list[int]]]  # by contrast, then number of images; one count per position
    box_area_share: Histogram
    box_short_side_px: Histogram
    difficulty: Bins
    licenses: list[LicenseCounts]
    photos: PhotoCounts
    examples: dict[str, Example]  # by task


def read_stats(path: Path) -> Stats:
    """Statistics of a release from its stats.json. Raises OSError if the file cannot be read, and ValueError if its
    content is invalid.
    """
    return msgspec.convert(renamed(msgspec.json.decode(path.read_bytes(), type=dict[str, Any])), Stats)


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the former key `licences` replaced by `licenses`."""
    return {"licenses" if key == "licences" else key: value for key, value in values.items()}
