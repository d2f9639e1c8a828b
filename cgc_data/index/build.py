"""Builds the index from the sources: photos, the presence of every concept in each photo, instances, and splits.

The index contains no pixels and no segmentations; both are read from the sources when a view needs them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.executor import Executor
from cgc_data.common.processes import HERE
from cgc_data.config import BuildConfig, Source
from cgc_data.index.instances import Instances, merge, source_instances
from cgc_data.index.join import Agreement, disagreeing, join_states, one_source_each
from cgc_data.index.listings import Appearance
from cgc_data.index.photos import Collected, LeftOut, Photo, collect_photos
from cgc_data.index.presence import (
    ABSENT,
    CONTRADICTED,
    PRESENT_SOME,
    UNKNOWN,
    Below,
    Claims,
    States,
    reach_below,
    source_claims,
)
from cgc_data.sources import FORMATS, PhotoStore, SourceTable, open_photos, read_source
from cgc_data.sources.boxes import Leaving, check_boxes
from cgc_data.sources.clean import without
from cgc_data.vocabulary import COCO_PRACTICE, Name, Relations, load_relations, names_of

Listing: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class Warrant:
    """Why a concept is known to be absent: the source that provides the evidence, and the rule that proves the
    absence.
    """

    source: str
    rule: str


@dataclass(frozen=True)
class Index:
    """The facts of all sources. `states` has shape (photos, concepts)."""

    tables: tuple[SourceTable, ...]
    stores: tuple[PhotoStore, ...]
    photos: list[Photo]
    left_out: list[LeftOut]
    apart: list[str]  # COCO names that refer to different pictures
    renamed: list[list[Appearance]]  # photos whose files have another name than the source states, by source
    concepts: list[str]
    states: States
    claims: tuple[Claims, ...]
    instances: Instances
    places: NDArray[np.int64]  # (instances,) their positions in the index of all photos
    agreement: Agreement
    relations: Relations
    labelled: frozenset[str]  # concepts that some source has in its vocabulary
    names: dict[str, Name]  # names, as shown, of the concepts that questions may ask for
    leaving: tuple[Leaving, ...]  # boxes that leave their photos, by source

    @cached_property
    def position(self) -> dict[str, int]:
        """Column of each concept."""
        return {concept: i for i, concept in enumerate(self.concepts)}

    def confusable(self, concept: int, *, labelled_only: bool) -> list[int]:
        """Columns of the concepts that could be confused with `concept`."""
        names = self.relations.confusable(self.concepts[concept])
        kept = names & self.labelled if labelled_only else names
        return sorted(self.position[name] for name in kept if name in self.position)

    def warrant(self, photo: int, concept: int) -> Warrant:
        """Why `states[photo, concept]` is ABSENT. Either a source directly claims that the concept is absent, or a
        broader category that includes the concept is absent.
        """
        if direct := self._direct_warrant(photo, self.concepts[concept]):
            return direct
        for appearance in self.photos[photo].appearances:
            claims = self.claims[appearance.source]
            for name in sorted(self.relations.hypernyms(self.concepts[concept], claims.practice)):
                column = claims.column(name)
                claimed = column is not None and claims.state(appearance.image_row, column) == ABSENT
                if claimed and self.states[photo, self.position[name]] == ABSENT:
                    table = self.tables[appearance.source]
                    return Warrant(table.key, f"hypernym:{table.categories['name'][column].as_py()}")
        raise AssertionError(
            f"{self.photos[photo].identity}: no source warrants that {self.concepts[concept]} is absent"
        )

    def _direct_warrant(self, photo: int, concept: str) -> Warrant | None:
        for appearance in self.photos[photo].appearances:
            claims, table = self.claims[appearance.source], self.tables[appearance.source]
            column = claims.column(concept)
            if column is not None and claims.state(appearance.image_row, column) == ABSENT:
                return Warrant(table.key, claims.rule)
        return None


def build_index(config: BuildConfig, cache: Path, executor: Executor = HERE) -> Index:
    """Read the sources, using a cache keyed by sha256, and join their facts. Raises SourceError, PhotoError,
    ConfigError.
    """
    tables = _read_all(config.sources, cache, executor)
    leaving = _leaving(tables, config)  # first, so that boxes in another format are refused before any photo is read
    stores = tuple(open_photos(Path(s.images)) for s in config.sources)
    collected = collect_photos(tables, stores, [s.images for s in config.sources], executor)
    return _join(tables, stores, collected, leaving, config)


def rejoined(index: Index, config: BuildConfig) -> Index:
    """Rebuild an index after declarations (`exhaustive`, `ignore`) have changed.

    The photos are reused, and no file is read again, so the files must be unchanged. Raises the same errors as
    `build_index`.
    """
    tables = tuple(without(table, source.ignore) for table, source in zip(index.tables, config.sources, strict=True))
    collected = Collected(index.photos, index.left_out, index.apart, index.renamed)
    return _join(tables, index.stores, collected, _leaving(tables, config), config)


def _join(
    tables: tuple[SourceTable, ...],
    stores: tuple[PhotoStore, ...],
    collected: Collected,
    leaving: tuple[Leaving, ...],
    config: BuildConfig,
) -> Index:
    photos = collected.photos
    claims = tuple(source_claims(t, s) for t, s in zip(tables, config.sources, strict=True))
    relations = load_relations()
    labelled = frozenset(c for claim in claims for c in claim.concepts)
    concepts = sorted(labelled.union(*(relations.confusable(c) for c in labelled)))
    listings = [_listings(photos, source) for source in range(len(tables))]
    states, agreement = _joined_states(len(photos), listings, claims, concepts)
    instances = merge(_instances_by_source(tables, claims, listings, concepts))
    for photo, concept in (clashes := disagreeing(instances, states)):
        states[photo, concept] = CONTRADICTED
    shown = one_source_each(instances, [FORMATS[t.kind].protocol.boxes_first for t in tables])
    reach_below(states, _below(len(photos), listings, claims, concepts, relations))
    return Index(
        tables=tables,
        stores=stores,
        photos=photos,
        left_out=collected.left_out,
        apart=collected.apart,
        renamed=collected.renamed,
        concepts=concepts,
        states=states,
        claims=claims,
        instances=shown,
        places=np.arange(len(shown.row)),
        agreement=agreement + Agreement(0, len(clashes)),
        relations=relations,
        labelled=labelled,
        names=names_of(sorted(labelled), _given_names(tables, claims)),
        leaving=leaving,
    )


def _given_names(tables: Sequence[SourceTable], claims: Sequence[Claims]) -> dict[str, str]:
    """The name of each concept, from the first source that contains the concept."""
    given: dict[str, str] = {}
    for table, claim in zip(tables, claims, strict=True):
        for concept, name in zip(claim.concepts, table.categories.column("name").to_pylist(), strict=True):
            given.setdefault(concept, name)
    return given


def _leaving(tables: Sequence[SourceTable], config: BuildConfig) -> tuple[Leaving, ...]:
    return tuple(check_boxes(t, s.bbox_format) for t, s in zip(tables, config.sources, strict=True))


def _read_all(sources: Sequence[Source], cache: Path, executor: Executor) -> tuple[SourceTable, ...]:
    """The tables of all sources. Worker processes write the tables to the cache, and this process memory-maps them."""
    if executor.alone:
        digests: list[str] = [""] * len(sources)
    else:
        digests = list(executor.run(partial(_cached_digest, cache), sources, len(sources)))
    return tuple(_read(source, cache, digest) for source, digest in zip(sources, digests, strict=True))


def _cached_digest(cache: Path, source: Source) -> str:
    """Read a source into the cache, and return the sha256 of its annotation file."""
    return _read(source, cache).sha256


def _read(source: Source, cache: Path, sha256: str = "") -> SourceTable:
    form = source.bbox_format or "xywh"
    table = read_source(source.kind, Path(source.annotations), cache, box_format=form, sha256=sha256)
    return without(table, source.ignore)


def clear_of_confusable(index: Index, *, labelled_only: bool) -> NDArray[np.bool_]:
    """Mask (photos, concepts): whether the photo provably shows nothing that could be confused with the concept."""
    absent = np.ascontiguousarray((index.states == ABSENT).T)  # concept by concept, so that entire columns are combined
    clear: NDArray[np.bool_] = np.ones_like(absent)
    for concept in range(len(index.concepts)):
        for other in index.confusable(concept, labelled_only=labelled_only):
            clear[concept] &= absent[other]
    return np.ascontiguousarray(clear.T)


def confused(index: Index) -> NDArray[np.bool_]:
    """Mask (photos, concepts): whether the photo is known to show something that could be confused with the concept. No
    question about such a photo asks for the concept.
    """
    present = index.states >= PRESENT_SOME
    boxed = np.zeros_like(present)
    boxed[index.instances.photo, index.instances.concept] = True
    by_concept = np.ascontiguousarray((present | boxed).T)
    found: NDArray[np.bool_] = np.zeros_like(by_concept)
    for concept in range(len(index.concepts)):
        for other in index.confusable(concept, labelled_only=False):
            found[concept] |= by_concept[other]
    return np.ascontiguousarray(found.T)


def _listings(photos: list[Photo], source: int) -> Listing:
    """Two parallel arrays. For each photo that the source lists: its position in `photos`, and the position of its
    image record in the source.
    """
    pairs = [
        (number, a.image_row) for number, photo in enumerate(photos) for a in photo.appearances if a.source == source
    ]
    rows, images = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    return rows, images


def _joined_states(
    photos: int, listings: Sequence[Listing], claims: Sequence[Claims], concepts: list[str]
) -> tuple[States, Agreement]:
    states = np.full((photos, len(concepts)), UNKNOWN, dtype=np.uint8)
    positions = {concept: i for i, concept in enumerate(concepts)}
    agreement = Agreement(0, 0)
    for (rows, images), claim in zip(listings, claims, strict=True):
        columns = np.array([positions[concept] for concept in claim.concepts], dtype=np.intp)
        agreement += join_states(states, claim.states[images], rows, columns)
    return states, agreement


def _below(
    photos: int, listings: Sequence[Listing], claims: Sequence[Claims], concepts: list[str], relations: Relations
) -> Below:
    """Triples (column, lower column, photos) for `reach_below`: a concept, a narrower concept that it includes, and a
    mask of the photos to which the relation applies (None: all photos).

    Some relations hold only because of how COCO's annotators use the categories. These relations are applied only to
    photos in which COCO itself guarantees that the broader concept is absent.
    """
    positions = {concept: i for i, concept in enumerate(concepts)}
    steps: Below = []
    for name, column in positions.items():
        kinds = relations.hyponyms(name)
        steps += [(column, positions[lower], None) for lower in sorted(kinds) if lower in positions]
        covered = sorted(lower for lower in relations.hyponyms(name, COCO_PRACTICE) - kinds if lower in positions)
        if covered:
            warranted = _absent_by_practice(photos, listings, claims, name)
            steps += [(column, positions[lower], warranted) for lower in covered]
    return steps


def _absent_by_practice(
    photos: int, listings: Sequence[Listing], claims: Sequence[Claims], name: str
) -> NDArray[np.bool_]:
    found = np.zeros(photos, dtype=bool)
    for (rows, images), claim in zip(listings, claims, strict=True):
        column = claim.column(name) if claim.practice else None
        if column is not None:
            found[rows] |= claim.states[images, column] == ABSENT
    return found


def _instances_by_source(
    tables: Sequence[SourceTable],
    claims: Sequence[Claims],
    listings: Sequence[Listing],
    concepts: list[str],
) -> list[Instances]:
    positions = {concept: i for i, concept in enumerate(concepts)}
    parts = []
    for position, (table, claim, (rows, images)) in enumerate(zip(tables, claims, listings, strict=True)):
        photo_of_image = np.full(table.images.num_rows, -1, dtype=np.int64)
        photo_of_image[images] = rows
        columns = np.array([positions[concept] for concept in claim.concepts], dtype=np.int32)
        parts.append(source_instances(table, position, photo_of_image, columns, claim.single))
    return parts
