"""What one source says of every (photo, concept): all boxed, some boxed, absent, or nothing.

COCO labels its 80 categories exhaustively; LVIS lists per photo what it verified absent and what it did not box fully;
a source of the user's says so itself. A missing annotation alone never counts as absence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import ConfigError, VocabularyError
from cgc_data.config import Source
from cgc_data.sources import SourceTable
from cgc_data.vocabulary import COCO_NAMES, concepts_of

UNKNOWN, ABSENT, PRESENT_SOME, PRESENT_ALL = np.uint8(0), np.uint8(1), np.uint8(2), np.uint8(3)
CONTRADICTED = np.uint8(255)  # while sources are joined: stays unknown whatever reaches it
STATE_NAMES = ("unknown", "absent", "present_some", "present_all")

LISTS = ("negative", "not_exhaustive")

States = NDArray[np.uint8]
Below = list[tuple[int, int, NDArray[np.bool_] | None]]


@dataclass(frozen=True)
class Claims:
    """The states one source gives, (images, concepts), rows as its images and columns as its categories."""

    states: States
    concepts: tuple[str, ...]
    practice: str  # "coco" where COCO's own 80 classes are labelled, as COCO's annotators understood them

    def column(self, concept: str) -> int | None:
        """Column of a concept, None where the source does not have it."""
        return self._columns.get(concept)

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {concept: i for i, concept in enumerate(self.concepts)}


def source_claims(table: SourceTable, source: Source) -> Claims:
    """States of a source's images, (image rows, its concepts), from its annotation protocol alone."""
    names = table.categories.column("name").to_pylist()
    synsets = table.categories.column("synset").to_pylist()
    try:
        concepts = tuple(concepts_of(names, synsets, table.kind))
    except VocabularyError as error:
        raise VocabularyError(f"{source.annotations}: {error}") from None
    states = np.full((table.images.num_rows, len(concepts)), UNKNOWN, dtype=np.uint8)
    exhaustive = exhaustive_categories(table, source)
    states[:, exhaustive] = ABSENT
    _mark_negatives(states, table)
    _mark_present(states, table, source, exhaustive)
    practice = "coco" if table.kind == "coco" and _is_coco(names) else ""
    return Claims(states, concepts, practice)


def exhaustive_categories(table: SourceTable, source: Source) -> NDArray[np.bool_]:
    """Which categories are labelled exhaustively, (categories,): COCO's 80 by protocol, others by declaration.

    Raises ConfigError for a declared name that the file does not have, or a declaration for LVIS.
    """
    names = table.categories.column("name").to_pylist()
    if source.kind == "lvis":
        if source.exhaustive:
            raise ConfigError(f"{source.annotations}: LVIS says itself what is exhaustive; drop `exhaustive`")
        return np.zeros(len(names), dtype=bool)
    if isinstance(source.exhaustive, list):
        if unknown := sorted(set(source.exhaustive) - set(names)):
            raise ConfigError(f"{source.annotations}: has no category {unknown[0]!r} to be exhaustive about")
        return np.isin(names, source.exhaustive)
    declared = _is_coco(names) if source.exhaustive is None else source.exhaustive
    return np.full(len(names), declared, dtype=bool)


def reach_below(states: States, below: Below) -> None:
    """Spread absence to what lies below, in place: no dog, so no puppy; a boxed puppy makes both unknown.

    `below` lists (column, lower column, photos); photos is a mask (photos,) of where the step may be taken, None for
    everywhere. Pairs still marked CONTRADICTED become unknown.
    """
    for column, lower, where in below:
        contradicted = (states[:, column] == ABSENT) & np.isin(states[:, lower], (PRESENT_SOME, PRESENT_ALL))
        contradicted &= True if where is None else where
        states[contradicted, lower] = CONTRADICTED
        states[contradicted, column] = CONTRADICTED
    for column, lower, where in below:
        reached = (states[:, column] == ABSENT) & (states[:, lower] == UNKNOWN)
        reached &= True if where is None else where
        states[reached, lower] = ABSENT
    states[states == CONTRADICTED] = UNKNOWN


def _is_coco(names: Sequence[str]) -> bool:
    return set(names) == set(COCO_NAMES)


def _mark_negatives(states: States, table: SourceTable) -> None:
    states[_listed(table, "negative")] = ABSENT


def _mark_present(states: States, table: SourceTable, source: Source, exhaustive: NDArray[np.bool_]) -> None:
    boxed = tuple(table.annotations.column(c).to_numpy() for c in ("image_row", "category_row"))
    federated = table.kind == "lvis"
    contradicted = (states[boxed] == ABSENT) & federated  # listed as verified absent, boxed all the same
    partial = ~known_single(table, source) | ~(exhaustive[boxed[1]] | federated)
    if federated:
        partial |= _says_nothing(table)[boxed[0]]
    states[boxed] = PRESENT_ALL
    states[boxed[0][partial], boxed[1][partial]] = PRESENT_SOME
    rows, columns = _listed(table, "not_exhaustive")
    listed = states[rows, columns]
    # some are unlabelled, so there are some: verified absent at the same time is a contradiction
    weaker = np.select([listed == PRESENT_ALL, listed == ABSENT], [PRESENT_SOME, UNKNOWN], listed)
    states[rows, columns] = weaker
    states[boxed[0][contradicted], boxed[1][contradicted]] = UNKNOWN


def _says_nothing(table: SourceTable) -> NDArray[np.bool_]:
    """Which images of an LVIS source have both lists empty, (images,): nothing tells that they were checked at all."""
    lengths = [np.diff(table.images.column(c).combine_chunks().offsets.to_numpy()) for c in LISTS]
    return np.asarray(sum(lengths) == 0)


def known_single(table: SourceTable, source: Source) -> NDArray[np.bool_]:
    """Which annotations are known to be one instance and not a crowd, (annotations,).

    Every official COCO record has a segmentation; one without is no official record, so its crowd flag is not trusted
    unless the user declares the source exhaustive.
    """
    crowd = table.annotations.column("crowd").to_numpy()
    has_segmentation = table.annotations.column("segmentation_length").to_numpy() > 0
    if table.kind == "lvis":
        return np.asarray(crowd != 1)
    if source.exhaustive is None:
        return np.asarray((crowd == 0) & has_segmentation)
    return np.asarray(crowd != 1)


def _listed(table: SourceTable, column: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    lists = table.images.column(column).combine_chunks()
    lengths = np.diff(lists.offsets.to_numpy())
    rows = np.repeat(np.arange(len(lists)), lengths)
    ids = lists.values.to_numpy()[lists.offsets[0].as_py() : lists.offsets[-1].as_py()]
    known = table.categories.column("category_id").to_numpy()
    order = np.argsort(known)
    found = np.searchsorted(known[order], ids)
    valid = (found < len(known)) & (known[order][np.minimum(found, len(known) - 1)] == ids)
    return rows[valid], order[found[valid]]
