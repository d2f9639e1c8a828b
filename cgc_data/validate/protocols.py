"""Determines what the raw records of an annotation file prove about the categories in an image.

This module shares no code with the builder.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

Status = Literal["all", "some", "absent", "unknown"]
Declared: TypeAlias = bool | list[str] | None
Record: TypeAlias = dict[str, Any]  # an image, a category, or an annotation, as stored in the file


class RawProtocol(ABC):
    """An annotation protocol, which determines what the records of a file prove.

    `rule` is the name that releases use for such a proof. `refusal` is the error message if the proof does not hold for
    a source.
    """

    rule: ClassVar[str]
    refusal: ClassVar[str]

    @abstractmethod
    def warrants(self, image: Record, wanted: set[int]) -> bool:
        """Whether this rule proves that a category without annotations in an image is absent from the image."""

    @abstractmethod
    def status(self, image: Record, wanted: set[int], found: Sequence[Record]) -> Status:
        """What the file proves about a category in an image.

        The result is "all" if all instances of the category are annotated, "some" if the image may contain more
        instances, "absent" if it contains none, and "unknown" if the file proves nothing. `found` contains the
        category's annotations in this image.
        """


@dataclass(frozen=True)
class Exhaustive(RawProtocol):
    """Every instance of the `complete` categories is labeled, except in crowds. Nothing is known about other
    categories.
    """

    complete: frozenset[int]
    declared: bool  # declared by the user; otherwise only a record in the official form counts as one instance

    rule = "exhaustive"
    refusal = "does not label the category exhaustively"

    @classmethod
    def of(cls, names: Mapping[int, str], own: bool, declared: Declared) -> "Exhaustive":
        """The protocol of a file with these category names.

        `declared` is what the user declared exhaustive: a list of categories, or a bool for all categories. If it is
        None, the user declared nothing. In this case, all categories are exhaustive if the file uses the format's
        official list of categories (`own` is true), and none otherwise.
        """
        if isinstance(declared, list):
            return cls(frozenset(number for number, name in names.items() if name in declared), True)
        whole = own if declared is None else declared
        return cls(frozenset(names) if whole else frozenset(), declared is not None)

    def warrants(self, image: Record, wanted: set[int]) -> bool:
        del image
        return bool(wanted) and wanted <= self.complete

    def status(self, image: Record, wanted: set[int], found: Sequence[Record]) -> Status:
        del image
        if not found:
            return "absent" if wanted <= self.complete else "unknown"
        return "all" if all(map(self._single, found)) and wanted <= self.complete else "some"

    def _single(self, raw: Record) -> bool:
        # every official COCO record has both a crowd flag and a segmentation
        return not is_crowd(raw) if self.declared else raw.get("iscrowd") == 0 and has_mask(raw)


@dataclass(frozen=True)
class Federated(RawProtocol):
    """Every image lists the categories that are verified as absent and the categories that are not exhaustively
    labeled.
    """

    rule = "negative"
    refusal = "does not list the category as verified absent"

    def warrants(self, image: Record, wanted: set[int]) -> bool:
        return bool(wanted & set(image.get("neg_category_ids") or ()))

    def status(self, image: Record, wanted: set[int], found: Sequence[Record]) -> Status:
        negative = self.warrants(image, wanted)
        if found:
            if not image.get("neg_category_ids") and not image.get("not_exhaustive_category_ids"):
                return "some"  # nothing indicates that an annotator checked for other objects
            partial = wanted & set(image.get("not_exhaustive_category_ids") or ()) or any(map(is_crowd, found))
            return "unknown" if negative else "some" if partial else "all"
        return "absent" if negative else "unknown"


PROTOCOLS: tuple[type[RawProtocol], ...] = (Exhaustive, Federated)


@dataclass(frozen=True)
class RawFile:
    """An annotation file as its format's reference reader returns it.

    Attributes:
        images, annotations, categories: records by id.
        of_image: annotations by image id.
        licenses: license records as listed in the file.
        mask: function that returns the run lengths of an annotation's mask.
        protocol: what the file guarantees.
        coco_photos: whether the photos are from COCO; the categories can be different from COCO's.
        practice: the dataset whose naming practice the file follows; "" if it follows no particular dataset.
    """

    images: dict[int, Record]
    annotations: dict[int, Record]
    categories: dict[int, Record]
    of_image: Mapping[int, list[Record]]
    licenses: Sequence[Record]
    mask: Callable[[Record], Any]
    protocol: RawProtocol
    coco_photos: bool = False
    practice: str = ""


def is_crowd(raw: Record) -> bool:
    """Whether an annotation is marked as a crowd."""
    return raw.get("iscrowd") == 1


def has_mask(raw: Record) -> bool:
    """Whether an annotation has a non-empty segmentation."""
    segmentation = raw.get("segmentation")
    return bool(segmentation.get("counts")) if isinstance(segmentation, Mapping) else bool(segmentation)
