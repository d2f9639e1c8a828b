"""For each photo, determines the categories that questions can ask for.

Only the index and the annotated boxes are used; no mask is read.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import VocabularyError
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index, confused
from cgc_data.index.presence import PRESENT_ALL, PRESENT_SOME
from cgc_data.vocabulary import concept_of

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Frequencies:
    """For each concept, the number of photos that show it (`shown`), the number in which a question can ask for its
    only instance (`single`), and the number in which all its instances are boxed (`complete`). The three arrays are
    (concepts,).

    `groups` contains the number of photos that show each supercategory, (supercategories,). `single` is judged by the
    annotated boxes. `lent` contains, for each task that takes objects from other photos, a mask (concepts,) of the
    labels with objects to take. For a task that is not in `lent`, the labels are determined from the index.
    """

    photos: int
    shown: NDArray[np.int64]
    groups: NDArray[np.int64]
    single: NDArray[np.int64]
    complete: NDArray[np.int64]
    lent: dict[str, Mask] = field(default_factory=dict)

    @classmethod
    def of(cls, index: Index, config: BuildConfig) -> "Frequencies":
        """The frequencies over all photos of the index. Raises VocabularyError if a requested category is in no
        source.
        """
        groups, _ = supercategories(index)
        complete = (index.states == PRESENT_ALL) & nameable(index, config)
        one, _ = offered(index, config, complete, confused(index))
        return cls(
            photos=len(index.photos),
            shown=(index.states >= PRESENT_SOME).sum(axis=0),
            groups=groups.sum(axis=0),
            single=one.sum(axis=0),
            complete=complete.sum(axis=0),
        )


def offered(index: Index, config: BuildConfig, complete: Mask, in_the_way: Mask) -> tuple[Mask, Mask]:
    """`Askable.one` and `Askable.every`.

    `complete` and `in_the_way` are masks (photos, concepts). `complete`: whether all instances of the concept are boxed
    in the photo. `in_the_way`: whether the photo shows something that could be confused with the concept.
    """
    one, every = np.zeros_like(complete), np.zeros_like(complete)
    photos, concepts, count = _fitting_pairs(index, config)
    fair = complete[photos, concepts] & ~in_the_way[photos, concepts]
    one[photos, concepts] = fair & (count == 1)
    every[photos, concepts] = fair & (count <= config.limits.max_objects)
    return one, every


def nameable(index: Index, config: BuildConfig) -> Mask:
    """Mask (concepts,) of the concepts that have a readable name and are requested. Raises VocabularyError if a
    requested category is in no source.
    """
    wanted = {concept_of(name) for name in config.categories}
    if unknown := [name for name in config.categories if concept_of(name) not in index.labelled]:
        raise VocabularyError(f"categories: no source has a category named {unknown[0]!r}")
    return np.array([c in index.names and (not wanted or c in wanted) for c in index.concepts], dtype=np.bool_)


def _fitting_pairs(index: Index, config: BuildConfig) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of a photo and a concept, if every instance of the concept in the photo is a single object and large
    enough.

    Returns three arrays (pairs,): the photos, the concepts, and the numbers of instances.
    """
    instances, fine = index.instances, large_enough(index, config)
    keys, pair = np.unique(instances.photo * len(index.concepts) + instances.concept, return_inverse=True)
    count = np.bincount(pair, minlength=len(keys))
    all_fine = np.bincount(pair, weights=fine, minlength=len(keys)) == count
    photos, concepts = np.divmod(keys[all_fine], len(index.concepts))
    return photos, concepts, count[all_fine]


def large_enough(index: Index, config: BuildConfig) -> Mask:
    """Mask (instances,) of the instances that are annotated as single objects and are large enough. The limits have
    some tolerance, because masks can differ from boxes.
    """
    instances, limits = index.instances, config.limits
    sizes = np.array([(p.width, p.height) for p in index.photos], dtype=np.float64).reshape(-1, 2)[instances.photo]
    box = np.clip(instances.box, 0, np.concatenate([sizes, sizes], axis=1))
    side = box[:, 2:] - box[:, :2]
    shorter, longer = side.min(axis=1), side.max(axis=1)
    scale = np.minimum(1.0, np.sqrt(limits.pixel_budget / sizes.prod(axis=1)))
    return np.asarray(
        ~instances.crowd
        & (shorter * scale >= limits.min_side - 2)
        & (longer <= limits.max_aspect * (shorter + 2))
        & (side.prod(axis=1) >= 0.9 * limits.min_area * sizes.prod(axis=1))
    )


def supercategories(index: Index) -> tuple[Mask, NDArray[np.int64]]:
    """Mask (photos, supercategories) of the supercategories that each photo shows, and the supercategory of each
    concept, (concepts,).
    """
    names = [index.relations.supercategory(concept) for concept in index.concepts]
    order = {name: i for i, name in enumerate(sorted(set(names)))}
    group_of = np.array([order[name] for name in names], dtype=np.int64)
    groups = np.zeros((len(index.photos), len(order)), dtype=bool)
    rows, columns = np.nonzero(index.states >= PRESENT_SOME)
    groups[rows, group_of[columns]] = True
    return groups, group_of
