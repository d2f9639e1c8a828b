"""Derives the claims of one source about every photo and concept: all instances are boxed, some are boxed, the concept
is absent, or nothing is known.

The guarantees of a source depend on the annotation protocol of its format. Some protocols label certain categories
exhaustively. Others list, for each photo, which categories are verified absent and which are not completely boxed. A
missing annotation alone never counts as absence.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import ConfigError, VocabularyError
from cgc_data.config import Source
from cgc_data.sources import FORMATS, SourceTable
from cgc_data.sources.formats import Flags
from cgc_data.vocabulary import concepts_of

UNKNOWN, ABSENT, PRESENT_SOME, PRESENT_ALL = np.uint8(0), np.uint8(1), np.uint8(2), np.uint8(3)
CONTRADICTED = np.uint8(255)  # while sources are joined: remains unknown, even if other sources agree
STATE_NAMES = ("unknown", "absent", "present_some", "present_all")

States = NDArray[np.uint8]
Below = list[tuple[int, int, Flags | None]]


@dataclass(frozen=True)
class Claims:
    """The state of every category in every image of one source.

    Attributes:
        states: array (images, concepts), with one row per image and one column per category.
        rule: the rule by which the source guarantees absence.
        practice: COCO_PRACTICE if the categories are COCO's own 80 classes. COCO's annotators use some of them broadly;
            for example, they box a mug as "cup".
        exhaustive: mask (categories,) of the categories whose instances are all boxed in every photo.
        single: mask (annotations,) of the annotations that are known to be a single instance, not a crowd.
        rows: sorted image rows of the source that `states` covers; None if `states` covers all rows.
    """

    states: States
    concepts: tuple[str, ...]
    rule: str
    practice: str
    exhaustive: Flags
    single: Flags
    rows: NDArray[np.int64] | None = None

    def state(self, image_row: int, column: int) -> int:
        """The state of a category in an image. `image_row` is the image's row in the source."""
        row = image_row if self.rows is None else np.searchsorted(self.rows, image_row)
        return int(self.states[row, column])

    def column(self, concept: str) -> int | None:
        """Column of a concept, or None if the source does not have it."""
        return self._columns.get(concept)

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {concept: i for i, concept in enumerate(self.concepts)}


def source_claims(table: SourceTable, source: Source) -> Claims:
    """Derive a source's claims from its annotations, under the annotation protocol of its format.

    Raises VocabularyError if two categories are the same concept, and ConfigError for a declaration that contradicts
    the file.
    """
    names = table.categories.column("name").to_pylist()
    synsets = table.categories.column("synset").to_pylist()
    protocol = FORMATS[table.kind].protocol
    try:
        concepts = tuple(concepts_of(names, synsets))
    except VocabularyError as error:
        raise VocabularyError(f"{source.annotations}: {error}") from None
    try:
        exhaustive = protocol.exhaustive(table, source.exhaustive)
    except ValueError as error:
        raise ConfigError(f"{source.annotations}: {error}") from None
    single = protocol.single(table, source.exhaustive)
    states = np.full((table.images.num_rows, len(concepts)), UNKNOWN, dtype=np.uint8)
    states[:, exhaustive] = ABSENT
    states[_listed(table, "negative")] = ABSENT
    _mark_present(states, table, exhaustive, single & protocol.all_boxed(table, source.exhaustive))
    return Claims(states, concepts, protocol.rule, protocol.practice(names), exhaustive, single)


def reach_below(states: States, below: Below) -> None:
    """Propagate the absence of each concept to its narrower concepts, in place.

    For example, a photo without a dog shows no puppy. If a puppy is boxed anyway, both concepts become unknown.

    `below` lists triples (column, lower column, photos). `photos` is a mask (photos,) of the photos to which the triple
    applies; None means all photos. At the end, every state that is CONTRADICTED becomes unknown.
    """
    columns = np.ascontiguousarray(states.T)
    for column, lower, where in below:
        present = (columns[lower] == PRESENT_SOME) | (columns[lower] == PRESENT_ALL)
        contradicted = (columns[column] == ABSENT) & present & (True if where is None else where)
        columns[lower, contradicted] = columns[column, contradicted] = CONTRADICTED
    for column, lower, where in below:
        reached = (columns[column] == ABSENT) & (columns[lower] == UNKNOWN) & (True if where is None else where)
        columns[lower, reached] = ABSENT
    columns[columns == CONTRADICTED] = UNKNOWN
    states[:] = columns.T


def _mark_present(states: States, table: SourceTable, exhaustive: Flags, complete: Flags) -> None:
    """Mark boxed concepts. `complete` is a mask (annotations,): true if all instances of the annotation's category are
    boxed in the annotation's photo.
    """
    boxed = tuple(table.annotations.column(c).to_numpy() for c in ("image_row", "category_row"))
    contradicted = (states[boxed] == ABSENT) & ~exhaustive[boxed[1]]  # boxed, but listed as absent
    states[boxed] = PRESENT_ALL
    states[boxed[0][~complete], boxed[1][~complete]] = PRESENT_SOME
    rows, columns = _listed(table, "not_exhaustive")
    listed = states[rows, columns]
    # some are unlabeled, so the category is present: verified absent at the same time is a contradiction
    weaker = np.select([listed == PRESENT_ALL, listed == ABSENT], [PRESENT_SOME, UNKNOWN], listed)
    states[rows, columns] = weaker
    states[boxed[0][contradicted], boxed[1][contradicted]] = UNKNOWN


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
