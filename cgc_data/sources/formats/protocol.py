"""Annotation protocols. Files that were annotated in the same way give the same guarantees. A protocol defines these
guarantees, and their wording on the card and in the gallery.

A source's records state what its photos show. The annotation protocol determines what else can be concluded from the
records, such as whether a category without a box is absent.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cgc_data.sources.table import SourceTable

Declared: TypeAlias = bool | list[str] | None  # exhaustive or not, or the exhaustive categories; None: nothing declared
Flags: TypeAlias = NDArray[np.bool_]

LISTS = ("negative", "not_exhaustive")


@dataclass(frozen=True)
class AnnotationProtocol(ABC):
    """The facts that files of a format guarantee.

    Attributes:
        who: the annotators, as named in the gallery.
        meaning: what the protocol guarantees, as worded on the card.
        rule: name of the rule that proves that a category is absent; the evidence of a row contains this name.
        declarable: whether users may declare a file, or some of its categories, exhaustive.
        boxes_first: whether boxes of this protocol replace another protocol's boxes of the same concept in the same
            photo.
    """

    who: str
    meaning: str

    rule: ClassVar[str]
    declarable: ClassVar[bool]
    boxes_first: ClassVar[bool]

    @abstractmethod
    def exhaustive(self, table: SourceTable, declared: Declared) -> Flags:
        """Boolean mask of shape (categories,): true if every instance of the category is boxed in every photo.

        Raises ValueError for a declaration that contradicts the file.
        """

    @abstractmethod
    def single(self, table: SourceTable, declared: Declared) -> Flags:
        """Boolean mask of shape (annotations,): true for annotations known to be a single instance, not a crowd."""

    @abstractmethod
    def all_boxed(self, table: SourceTable, declared: Declared) -> Flags:
        """Boolean mask of shape (annotations,): true if every instance of the annotation's category in the photo is
        boxed. Ignores the exceptions that a photo lists in `not_exhaustive`.
        """

    @abstractmethod
    def practice(self, names: Collection[str]) -> str:
        """Identifier of the naming practice that the annotators of a file with these categories follow; "" if they
        follow no particular practice.
        """

    @abstractmethod
    def sentence(self, label: str, who: str) -> str:
        """A sentence that explains why `rule` proves that the label is absent. `who` names the annotators."""


@dataclass(frozen=True)
class Exhaustive(AnnotationProtocol):
    """Every instance of certain categories is boxed. The user declares these categories. Without a declaration, all
    categories are boxed in this way if the file has exactly the categories in `vocabulary`; otherwise, none are.

    `naming` identifies the annotators' naming practice, which determines what a category includes. For example, COCO's
    "cup" includes mugs.
    """

    vocabulary: frozenset[str]
    naming: str = ""

    rule = "exhaustive"
    declarable = True
    boxes_first = False

    def exhaustive(self, table: SourceTable, declared: Declared) -> Flags:
        names = table.categories.column("name").to_pylist()
        if isinstance(declared, list):
            if unknown := sorted(set(declared) - set(names)):
                raise ValueError(f"the file has no category {unknown[0]!r}; correct `exhaustive`")
            return np.isin(names, declared)
        return np.full(len(names), self._own(names) if declared is None else declared, dtype=bool)

    def single(self, table: SourceTable, declared: Declared) -> Flags:
        """Every official COCO record has a crowd flag and a segmentation. A record that lacks one of them is not
        official. Such a record counts as a single instance only if the user sets `exhaustive` for the source.
        """
        crowd = table.annotations.column("crowd").to_numpy()
        if declared is not None:
            return np.asarray(crowd != 1)
        return np.asarray((crowd == 0) & (table.annotations.column("segmentation_length").to_numpy() > 0))

    def all_boxed(self, table: SourceTable, declared: Declared) -> Flags:
        categories = table.annotations.column("category_row").to_numpy()
        return np.asarray(self.exhaustive(table, declared)[categories])

    def practice(self, names: Collection[str]) -> str:
        return self.naming if self._own(names) else ""

    def sentence(self, label: str, who: str) -> str:
        return f"{who} boxes every {label}: none here."

    def _own(self, names: Collection[str]) -> bool:
        return set(names) == self.vocabulary


@dataclass(frozen=True)
class Federated(AnnotationProtocol):
    """Each photo lists the categories that were verified to be absent and the categories that are not completely boxed.
    A missing box does not mean that an object is absent.
    """

    rule = "negative"
    declarable = False
    boxes_first = True

    def exhaustive(self, table: SourceTable, declared: Declared) -> Flags:
        if declared:
            raise ValueError(f"{self.who} files state what is exhaustive; remove `exhaustive`")
        return np.zeros(table.categories.num_rows, dtype=bool)

    def single(self, table: SourceTable, declared: Declared) -> Flags:
        del declared
        return np.asarray(table.annotations.column("crowd").to_numpy() != 1)

    def all_boxed(self, table: SourceTable, declared: Declared) -> Flags:
        """False if both lists of the annotation's photo are empty: the annotators may never have checked this photo."""
        del declared
        lengths = [np.diff(table.images.column(name).combine_chunks().offsets.to_numpy()) for name in LISTS]
        checked = np.asarray(sum(lengths) > 0)
        return np.asarray(checked[table.annotations.column("image_row").to_numpy()])

    def practice(self, names: Collection[str]) -> str:
        del names
        return ""

    def sentence(self, label: str, who: str) -> str:
        return f"{who} verified: no {label} here."
